"""That the generations which the tests know are those which are installed."""

import json
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


# Which pins the rows of README's table are about, by the beginnings of the rows.
NODE = json.loads((REPOSITORY / "tests" / "sdk" / "node" / "package.json").read_text())["dependencies"]
ROWS = {
    "openai (Python)": "openai==",
    "google-genai": "google-genai==",
    "anthropic (Python)": "anthropic==",
    "google-generativeai": "google-generativeai==",
    "langchain-openai, -google-genai, -anthropic": "langchain-(?:openai|google-genai|anthropic)==",
    "openai (Node)": "(?:openai@|openai=)",
    "@google/genai": "@google/genai[@=]",
    "@anthropic-ai/sdk": "@anthropic-ai/sdk[@=]",
    "@google/generative-ai": "@google/generative-ai[@=]",
    "ai, with @ai-sdk/openai, -compatible, /google, /anthropic": "ai[@=]",
}
PYTHON_ROWS = list(ROWS)[:5]


def versions(row):
    """The versions that are pinned of what a row is about, without their last number."""
    if row in PYTHON_ROWS:
        names = [*KNOWN] if "langchain" not in row else ["langchain"]
        names += ["legacy-google"] if "generativeai" in row else []
        pins = [line for name in names for line in (PINS / f"{name}.txt").read_text().splitlines()]
    else:
        pins = [
            value.removeprefix("npm:") if ":" in value else f"{name}={value}" for name, value in NODE.items()
        ]
    found = [re.fullmatch(rf"{ROWS[row]}(\d+\.\d+)\.\S+", pin) for pin in pins]
    return sorted((match[1] for match in found if match), key=lambda version: [*map(int, version.split("."))])


@pytest.mark.parametrize("row", ROWS)
def test_the_readme_tells_of_the_versions_that_are_pinned(row):
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    [told] = re.findall(rf"^\| {re.escape(row)} \| ([^|]+) \|", readme, re.MULTILINE)
    expected = versions(row)
    assert expected and sorted(told.split(", ")) == sorted(expected)
