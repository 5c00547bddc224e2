"""Log probabilities, of the whole text and of each chunk."""

import pytest

from sdk import GPT, chunked, completed, user

WONDERFUL = {"model": GPT, "messages": [user("wonderful 😀")], "logprobs": True}
TOKENS = ["You", " said:", " wonde", "rful", " 😀"]


async def test_there_are_none_unless_asked(openai_client):
    completion = await completed(openai_client)
    assert completion.choices[0].logprobs is None


async def test_each_token_has_its_own(openai_client):
    completion = await completed(openai_client, **WONDERFUL)
    logprobs = completion.choices[0].logprobs
    assert [scored.token for scored in logprobs.content] == TOKENS
    assert all(bytes(scored.bytes).decode() == scored.token for scored in logprobs.content)
    assert all(scored.logprob <= 0 for scored in logprobs.content)
    assert all(scored.top_logprobs == [] for scored in logprobs.content)
    assert logprobs.refusal is None


@pytest.mark.parametrize("count", [0, 1, 5, 20])
async def test_so_many_alternatives_are_told_as_asked_for(openai_client, count):
    completion = await completed(openai_client, **WONDERFUL, top_logprobs=count)
    for scored in completion.choices[0].logprobs.content:
        alternatives = scored.top_logprobs
        tokens = [alternative.token for alternative in alternatives]
        chances = [alternative.logprob for alternative in alternatives]
        assert len(set(tokens)) == count
        assert chances == sorted(chances, reverse=True)
        assert tokens[:1] == [scored.token][:count] and chances[:1] == [scored.logprob][:count]


async def test_a_stream_carries_them_with_its_chunks(openai_client):
    chunks = await chunked(openai_client, **WONDERFUL, top_logprobs=2)
    first, *middle, last = [chunk.choices[0] for chunk in chunks]
    assert first.logprobs is None and last.logprobs is None
    assert [choice.delta.content for choice in middle] == TOKENS
    assert [[scored.token for scored in choice.logprobs.content] for choice in middle] == [
        [t] for t in TOKENS
    ]
    assert all(len(choice.logprobs.content[0].top_logprobs) == 2 for choice in middle)


async def test_each_choice_has_its_own(openai_client):
    completion = await completed(openai_client, n=2, logprobs=True)
    tokens = [[scored.token for scored in choice.logprobs.content] for choice in completion.choices]
    assert tokens == [["You", " said:", " Hello"], ["You", " said:", " Hello", " (2)"]]
