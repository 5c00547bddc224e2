"""Texts completed as of old."""

import re

import openai
import pytest

from sdk import collected, settled

MODEL = "gpt-3.5-turbo-instruct"


async def completed(client, prompt="Hello", **options):
    return await settled(client.completions.create(model=MODEL, prompt=prompt, **options))


async def test_a_text_is_completed(openai_client):
    completion = await completed(openai_client)
    assert (completion.object, completion.model) == ("text_completion", MODEL)
    assert re.fullmatch(r"cmpl-[0-9A-Za-z]{29}", completion.id)
    [choice] = completion.choices
    assert (choice.text, choice.index, choice.finish_reason) == ("You said: Hello", 0, "stop")
    usage = completion.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (1, 3, 4)


async def test_a_completion_is_streamed(openai_client):
    options = {"stream": True, "stream_options": {"include_usage": True}}
    *chunks, last = await collected(openai_client.completions.create(model=MODEL, prompt="Hello", **options))
    assert "".join(chunk.choices[0].text for chunk in chunks) == "You said: Hello"
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert (last.choices, last.usage.total_tokens) == ([], 4)
    assert len({chunk.id for chunk in [*chunks, last]}) == 1


async def test_each_of_several_prompts_is_completed(openai_client):
    completion = await completed(openai_client, ["one", "two"], n=2, echo=True)
    texts = [(choice.index, choice.text) for choice in completion.choices]
    assert [index for index, _ in texts] == [0, 1, 2, 3]
    assert [
        text.startswith(prompt) for (_, text), prompt in zip(texts, ["one"] * 2 + ["two"] * 2, strict=True)
    ] == [True] * 4


async def test_sixteen_tokens_are_the_limit_unless_one_is_given(openai_client):
    [choice] = (await completed(openai_client, "word " * 30)).choices
    assert (choice.text, choice.finish_reason) == ("You said:" + " word" * 14, "length")
    [choice] = (await completed(openai_client, "word " * 30, max_tokens=2)).choices
    assert (choice.text, choice.finish_reason) == ("You said:", "length")


async def test_a_stop_sequence_ends_a_completion(openai_client):
    [choice] = (await completed(openai_client, stop=[" Hello"])).choices
    assert (choice.text, choice.finish_reason) == ("You said:", "stop")


async def test_log_probabilities_are_lists_side_by_side(openai_client):
    [choice] = (await completed(openai_client, logprobs=2)).choices
    told = choice.logprobs
    assert told.tokens == ["You", " said:", " Hello"]
    assert len(told.token_logprobs) == len(told.top_logprobs) == len(told.text_offset) == 3


async def test_a_mistake_is_refused(openai_client):
    with pytest.raises(openai.BadRequestError) as raised:
        await completed(openai_client, temperature=3)
    assert raised.value.param == "temperature"
