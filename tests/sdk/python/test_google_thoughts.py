"""What Gemini thinks before it answers."""

import pytest

from sdk import generated, streamed

THOUGHT = "I am asked something. I will say it back."
# Ten: "something." is longer than six characters and counts twice.
TOKENS = 10


async def thought(client, **thinking):
    return await generated(client, thinking_config=thinking)


async def test_thoughts_are_shown_where_they_are_asked_for(google_client):
    response = await thought(google_client, include_thoughts=True)
    first, answer = response.candidates[0].content.parts
    assert (first.text, first.thought) == (THOUGHT, True)
    assert (answer.text, answer.thought) == ("You said: Hello", None)
    assert response.text == "You said: Hello"


async def test_shown_thoughts_are_counted_apart(google_client):
    usage = (await thought(google_client, include_thoughts=True)).usage_metadata
    assert (usage.thoughts_token_count, usage.candidates_token_count) == (TOKENS, 3)
    assert usage.total_token_count == 1 + 3 + TOKENS


@pytest.mark.parametrize(
    "thinking",
    [
        {"thinking_budget": -1},
        {"thinking_budget": 99},
        {"thinking_level": "HIGH"},
        {"include_thoughts": False},
    ],
)
async def test_hidden_thoughts_are_counted_and_not_shown(google_client, thinking):
    response = await thought(google_client, **thinking)
    assert [part.text for part in response.candidates[0].content.parts] == ["You said: Hello"]
    assert response.usage_metadata.thoughts_token_count == TOKENS
    assert response.usage_metadata.total_token_count == 1 + 3 + TOKENS


@pytest.mark.parametrize("shown", [True, False])
async def test_a_budget_of_nothing_stops_all_thoughts(google_client, shown):
    response = await thought(google_client, thinking_budget=0, include_thoughts=shown)
    assert [part.text for part in response.candidates[0].content.parts] == ["You said: Hello"]
    assert response.usage_metadata.thoughts_token_count is None
    assert response.usage_metadata.total_token_count == 1 + 3


async def test_a_small_budget_cuts_the_thoughts(google_client):
    response = await thought(google_client, thinking_budget=4, include_thoughts=True)
    assert response.candidates[0].content.parts[0].text == "I am asked somet"
    assert response.usage_metadata.thoughts_token_count == 4
    assert response.text == "You said: Hello"


async def test_without_any_setting_nothing_is_thought(google_client):
    response = await generated(google_client)
    assert response.usage_metadata.thoughts_token_count is None


async def test_the_model_thinks_once_for_all_candidates(google_client):
    response = await generated(google_client, thinking_config={"include_thoughts": True}, candidate_count=2)
    texts = [[part.text for part in candidate.content.parts] for candidate in response.candidates]
    assert texts == [[THOUGHT, "You said: Hello"], ["You said: Hello (2)"]]
    assert response.usage_metadata.thoughts_token_count == TOKENS


async def test_streamed_thoughts_come_first(google_client):
    chunks = await streamed(google_client, thinking_config={"include_thoughts": True})
    parts = [(chunk.candidates[0].content.parts[0], chunk.usage_metadata) for chunk in chunks]
    thoughts = [(part.text, usage) for part, usage in parts if part.thought]
    assert "".join(text for text, _ in thoughts) == THOUGHT
    assert [bool(part.thought) for part, _ in parts] == [True] * len(thoughts) + [False] * 3
    assert all(usage.candidates_token_count is None for _, usage in thoughts)
    assert [usage.thoughts_token_count for _, usage in thoughts][-1] == TOKENS
    last = parts[-1][1]
    assert (last.thoughts_token_count, last.candidates_token_count, last.total_token_count) == (TOKENS, 3, 14)


async def test_hidden_thoughts_are_counted_from_the_first_text_on(google_client):
    chunks = await streamed(google_client, thinking_config={"thinking_budget": 5})
    assert "".join(chunk.text for chunk in chunks) == "You said: Hello"
    assert [chunk.usage_metadata.thoughts_token_count for chunk in chunks] == [5, 5, 5]
    assert [chunk.usage_metadata.total_token_count for chunk in chunks] == [7, 8, 9]
