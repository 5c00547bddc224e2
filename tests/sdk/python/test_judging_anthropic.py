"""What Anthropic's SDK does about trouble meets what is expected of it, and nothing else does."""

import pytest

from judging import Stage, played
from judging_acts import STAINLESS, STAINLESS_WRONG


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    return Stage("anthropic", STAINLESS, STAINLESS_WRONG, tmp_path_factory.mktemp)


def test_a_client_that_does_as_expected_passes(stage):
    stage.passes()


@pytest.mark.parametrize(("how", "act"), played(STAINLESS))
def test_the_sdk_does_as_expected(stage, how, act):
    stage.plays(how, act)


def test_a_client_that_does_not_fails(stage):
    stage.fails()


@pytest.mark.parametrize("wrong", STAINLESS_WRONG)
def test_what_it_does_otherwise_is_told(stage, wrong):
    stage.tells(wrong)


def test_a_gap_begins_where_the_client_gave_up(stage):
    stage.times_a_gap_from_when_the_client_left("a gap from the beginning", timeout=1)
