"""What a completion costs: a token is a word with the blanks in front of it, cut into pieces of six
characters; an attachment is 258."""

import pytest

from sdk import chunked, completed, hello, opened, settled, user

ANSWER_HEAD = 2  # "You", " said:"


@pytest.mark.parametrize(
    ("text", "prompt", "more_in_the_answer"),
    [
        ("Hello", 1, 1),
        ("Hello wonderful world", 4, 4),
        # In the answer a blank stands in front of it: seven characters.
        ("sixsix", 1, 2),
        ("two\nlines", 2, 2),
        ("trailing ", 3, 3),
        ("ünïcödë😀😀", 2, 2),
    ],
)
async def test_tokens_are_words_cut_into_pieces_of_six(openai_client, text, prompt, more_in_the_answer):
    completion = await completed(openai_client, messages=[user(text)])
    in_the_answer = ANSWER_HEAD + more_in_the_answer
    usage = completion.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (prompt, in_the_answer)
    assert usage.total_tokens == prompt + in_the_answer


async def test_all_messages_are_counted(openai_client):
    messages = [
        {"role": "system", "content": "one two"},
        user("three"),
        {"role": "assistant", "content": "four"},
        user([{"type": "text", "text": "five"}]),
    ]
    completion = await completed(openai_client, messages=messages)
    assert completion.usage.prompt_tokens == 5


async def test_all_choices_are_counted(openai_client):
    completion = await completed(openai_client, n=2)
    assert completion.usage.prompt_tokens == 1
    assert completion.usage.completion_tokens == 3 + 4


async def test_details_are_told_even_where_they_are_nothing(openai_client):
    usage = (await completed(openai_client)).usage
    assert usage.prompt_tokens_details.model_dump(exclude_unset=True) == {
        "cached_tokens": 0,
        "audio_tokens": 0,
    }
    assert usage.completion_tokens_details.model_dump(exclude_unset=True) == {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    }


async def test_a_stream_tells_no_usage_unless_asked(openai_client):
    chunks = await chunked(openai_client)
    assert all("usage" not in chunk.model_fields_set for chunk in chunks)


async def test_a_stream_tells_its_usage_in_a_chunk_of_its_own_at_the_end(openai_client):
    *chunks, last = await chunked(openai_client, n=2, stream_options={"include_usage": True})
    assert all("usage" in chunk.model_fields_set and chunk.usage is None for chunk in chunks)
    assert all(len(chunk.choices) == 1 for chunk in chunks)
    assert last.choices == []
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.total_tokens) == (1, 7, 8)
    assert last.id == chunks[0].id


async def test_the_accumulating_stream_has_the_usage(openai_client):
    options = hello(stream_options={"include_usage": True})
    async with opened(openai_client.chat.completions.stream(**options)) as stream:
        completion = await settled(stream.get_final_completion())
    assert completion.usage.total_tokens == 4


@pytest.mark.parametrize(
    ("effort", "tokens"),
    # "I am asked something. I will say it back."
    [(None, 0), ("none", 0), ("minimal", 0), ("low", 10), ("medium", 10), ("high", 10), ("xhigh", 10)],
)
async def test_reasoning_is_counted_where_it_takes_effort(openai_client, effort, tokens):
    completion = await completed(openai_client, reasoning_effort=effort)
    assert completion.usage.completion_tokens_details.reasoning_tokens == tokens
    assert completion.usage.completion_tokens == 3 + tokens
    assert completion.choices[0].message.content == "You said: Hello"


async def test_streamed_reasoning_is_counted_too(openai_client):
    options = {"reasoning_effort": "high", "stream_options": {"include_usage": True}}
    chunks = await chunked(openai_client, **options)
    assert chunks[-1].usage.completion_tokens_details.reasoning_tokens == 10
    assert chunks[-1].usage.completion_tokens == 13
