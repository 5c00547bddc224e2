"""What OpenAI's SDK does about trouble meets what is expected of it, and nothing else does."""

import pytest

from generation import OPENAI
from judging import RAISES, Act, Stage, played
from judging_acts import STAINLESS, STAINLESS_WRONG

TOO_LONG = "{error: {status: 429, retry_after: {seconds: 3m}}}"

# It gives up where it is to wait for minutes; the oldest comes back as if nobody had asked it.
GIVES_UP = "{requests: 1, attempts: 1}"
IGNORES = "{requests: 3, attempts: 3, retry_after: ignored}"

ACTS = {
    **STAINLESS,
    "a hint too long": Act(TOO_LONG, GIVES_UP if OPENAI >= 2 else IGNORES, outcome=RAISES),
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    return Stage("openai", ACTS, STAINLESS_WRONG, tmp_path_factory.mktemp)


def test_a_client_that_does_as_expected_passes(stage):
    stage.passes()


@pytest.mark.parametrize(("how", "act"), played(ACTS))
def test_the_sdk_does_as_expected(stage, how, act):
    stage.plays(how, act)


def test_a_client_that_does_not_fails(stage):
    stage.fails()


@pytest.mark.parametrize("wrong", STAINLESS_WRONG)
def test_what_it_does_otherwise_is_told(stage, wrong):
    stage.tells(wrong)


def test_a_gap_begins_where_the_client_gave_up(stage):
    stage.times_a_gap_from_when_the_client_left("a gap from the beginning", timeout=1)
