"""What LangChain shows of thoughts."""

import pytest

from models import MODELS

THOUGHT = "I am asked something. I will say it back."

# How each is asked to think, and to show it.
ASKED = {
    "responses": {"model": "gpt-5", "reasoning": {"effort": "high", "summary": "auto"}},
    "google": {"include_thoughts": True},
    "anthropic": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
}


def thoughts(message):
    blocks = [block for block in message.content_blocks if block["type"] == "reasoning"]
    return "".join(block.get("reasoning", "") for block in blocks)


@pytest.fixture(params=ASKED)
def thinker(request, server):
    return MODELS[request.param](server.url, **ASKED[request.param])


def test_a_thought_is_a_block_of_its_own(thinker):
    answer = thinker.invoke("Hello")
    assert (thoughts(answer), answer.text) == (THOUGHT, "You said: Hello")


def test_a_thought_is_streamed(thinker):
    total = None
    for chunk in thinker.stream("Hello"):
        total = chunk if total is None else total + chunk
    assert (thoughts(total), total.text) == (THOUGHT, "You said: Hello")


def test_a_thought_goes_back_with_the_next_turn(thinker):
    answer = thinker.invoke("Hello")
    assert thinker.invoke([("user", "Hello"), answer, ("user", "Thanks")]).text == "You said: Thanks"
