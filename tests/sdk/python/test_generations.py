"""That the generations which the tests know are those which are installed."""

import re

import pytest

from generation import ANTHROPIC, GOOGLE, OPENAI
from servers import REPOSITORY

PINS = REPOSITORY / "tests" / "sdk" / "python" / "requirements"
KNOWN = {"current": (3, 3, 2), "previous": (2, 2, 1), "oldest": (1, 1, 0)}


def pinned(name, distribution):
    pins = (PINS / f"{name}.txt").read_text()
    return int(re.search(rf"^{distribution}==(\d+)", pins, re.MULTILINE)[1])


@pytest.mark.parametrize("name", KNOWN)
def test_the_pins_are_of_the_generations_that_are_known(name):
    majors = tuple(pinned(name, distribution) for distribution in ("openai", "google-genai", "anthropic"))
    assert majors == KNOWN[name]


def test_what_is_installed_is_one_generation():
    assert (OPENAI, GOOGLE, ANTHROPIC) in KNOWN.values()
