"""Where a completion ends: stop sequences and token limits."""

import openai
import pytest
from pydantic import BaseModel

from sdk import chunked, collected, completed, hello, opened, settled, user

LONG = [user("one two three four five")]


class City(BaseModel):
    name: str
    country: str


async def test_an_answer_ends_in_front_of_a_stop_sequence(openai_client):
    completion = await completed(openai_client, messages=LONG, stop=" three")
    assert completion.choices[0].message.content == "You said: one two"
    assert completion.choices[0].finish_reason == "stop"


async def test_the_first_of_several_stop_sequences_counts(openai_client):
    stop = ["five", "four", "nothing of the kind", "two"]
    completion = await completed(openai_client, messages=LONG, stop=stop)
    assert completion.choices[0].message.content == "You said: one "


async def test_a_stop_sequence_ends_a_stream_too(openai_client):
    chunks = await chunked(openai_client, messages=LONG, stop=["three"])
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "You said: one two "
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_an_answer_that_stops_at_once_is_empty(openai_client):
    completion = await completed(openai_client, stop="You")
    assert completion.choices[0].message.content == ""
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.completion_tokens == 0


async def test_a_stream_that_stops_at_once_still_opens_and_finishes(openai_client):
    chunks = await chunked(openai_client, stop="You")
    told = [(chunk.choices[0].delta.content, chunk.choices[0].finish_reason) for chunk in chunks]
    assert told == [("", None), (None, "stop")]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_a_token_limit_cuts_the_answer(openai_client, name):
    completion = await completed(openai_client, messages=LONG, **{name: 4})
    assert completion.choices[0].message.content == "You said: one two"
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.completion_tokens == 4


async def test_a_token_limit_cuts_long_words_behind_six_characters(openai_client):
    messages = [user("wonderful")]
    completion = await completed(openai_client, messages=messages, max_completion_tokens=3)
    assert completion.choices[0].message.content == "You said: wonde"


async def test_a_limit_that_is_just_enough_cuts_nothing(openai_client):
    completion = await completed(openai_client, max_completion_tokens=3)
    assert completion.choices[0].message.content == "You said: Hello"
    assert completion.choices[0].finish_reason == "stop"


async def test_a_limit_counts_for_each_choice(openai_client):
    completion = await completed(openai_client, n=2, max_completion_tokens=3)
    finishes = [(choice.message.content, choice.finish_reason) for choice in completion.choices]
    assert finishes == [("You said: Hello", "stop"), ("You said: Hello", "length")]


async def test_a_cut_stream_ends_with_length(openai_client):
    chunks = await chunked(openai_client, messages=LONG, max_tokens=2)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "You said:"
    assert chunks[-1].choices[0].finish_reason == "length"


async def test_a_cut_answer_cannot_be_parsed(openai_client):
    cut = hello(response_format=City, max_completion_tokens=2)
    with pytest.raises(openai.LengthFinishReasonError) as raised:
        await settled(openai_client.chat.completions.parse(**cut))
    assert raised.value.completion.choices[0].finish_reason == "length"


async def test_a_cut_stream_cannot_be_parsed(openai_client):
    streaming = openai_client.chat.completions.stream(**hello(response_format=City, max_completion_tokens=2))
    with pytest.raises(openai.LengthFinishReasonError):
        async with opened(streaming) as stream:
            await collected(stream)


async def test_a_cut_stream_of_text_is_accumulated_but_not_final(openai_client):
    async with opened(openai_client.chat.completions.stream(**hello(max_completion_tokens=2))) as stream:
        await collected(stream)
        with pytest.raises(openai.LengthFinishReasonError):
            await settled(stream.get_final_completion())
    choice = stream.current_completion_snapshot.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("You said:", "length")
