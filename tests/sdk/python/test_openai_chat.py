"""Chat completions of text, whole and streamed."""

import re

from sdk import chunked, collected, completed, hello, opened, settled, user


async def test_a_completion_says_back_the_prompt(openai_client):
    completion = await completed(openai_client)
    choice = completion.choices[0]
    assert (choice.message.role, choice.message.content) == ("assistant", "You said: Hello")
    assert (choice.index, choice.finish_reason) == (0, "stop")
    assert choice.message.refusal is None and choice.logprobs is None
    assert choice.message.annotations == [] and choice.message.tool_calls is None


async def test_a_completion_has_the_constants_of_the_real_one(openai_client):
    completion = await completed(openai_client, model="gpt-5.5")
    assert (completion.object, completion.model) == ("chat.completion", "gpt-5.5")
    assert completion.service_tier == "default"
    assert re.fullmatch(r"chatcmpl-[0-9A-Za-z]{29}", completion.id)
    assert re.fullmatch(r"fp_[0-9a-f]{10}", completion.system_fingerprint)


async def test_a_stream_comes_back_whole(openai_client):
    chunks = await chunked(openai_client)
    pieces = [chunk.choices[0].delta.content for chunk in chunks]
    assert pieces == ["", "You", " said:", " Hello", None]


async def test_a_stream_opens_with_the_role_and_ends_with_the_finish(openai_client):
    chunks = await chunked(openai_client)
    deltas = [chunk.choices[0].delta.model_dump(exclude_unset=True) for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert deltas[1] == {"content": "You"}
    assert deltas[-1] == {}
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 4 + ["stop"]


async def test_all_chunks_of_a_stream_have_the_same_constants(openai_client):
    chunks = await chunked(openai_client)
    constants = {
        (chunk.id, chunk.object, chunk.created, chunk.model, chunk.service_tier, chunk.system_fingerprint)
        for chunk in chunks
    }
    assert len(constants) == 1
    assert constants.pop()[1] == "chat.completion.chunk"


async def test_chunks_are_padded_unless_the_padding_is_declined(openai_client):
    chunks = await chunked(openai_client)
    assert all(1 <= len(chunk.obfuscation) <= 16 for chunk in chunks)
    chunks = await chunked(openai_client, stream_options={"include_obfuscation": False})
    assert all("obfuscation" not in chunk.model_fields_set for chunk in chunks)


async def test_the_accumulating_stream_tells_each_piece_and_then_the_whole(openai_client):
    async with opened(openai_client.chat.completions.stream(**hello())) as stream:
        events = await collected(stream)
        completion = await settled(stream.get_final_completion())
    deltas = [event.delta for event in events if event.type == "content.delta"]
    assert deltas == ["", "You", " said:", " Hello"]
    assert [event.content for event in events if event.type == "content.done"] == ["You said: Hello"]
    assert completion.choices[0].message.content == "You said: Hello"
    assert completion.choices[0].finish_reason == "stop"


async def test_several_choices_are_numbered(openai_client):
    completion = await completed(openai_client, n=3)
    contents = [(choice.index, choice.message.content) for choice in completion.choices]
    assert contents == [(0, "You said: Hello"), (1, "You said: Hello (2)"), (2, "You said: Hello (3)")]


async def test_several_choices_are_streamed_in_turns(openai_client):
    chunks = await chunked(openai_client, n=2)
    turns = [(chunk.choices[0].index, chunk.choices[0].delta.content) for chunk in chunks]
    assert turns[:8] == [
        (0, ""),
        (1, ""),
        (0, "You"),
        (1, "You"),
        (0, " said:"),
        (1, " said:"),
        (0, " Hello"),
        (1, " Hello"),
    ]
    assert sorted(turns[8:], key=str) == [(0, None), (1, " (2)"), (1, None)]
    assert len({chunk.id for chunk in chunks}) == 1


async def test_several_choices_are_accumulated_apart(openai_client):
    async with opened(openai_client.chat.completions.stream(**hello(n=2))) as stream:
        completion = await settled(stream.get_final_completion())
    contents = [choice.message.content for choice in completion.choices]
    assert contents == ["You said: Hello", "You said: Hello (2)"]
    assert [choice.finish_reason for choice in completion.choices] == ["stop", "stop"]


async def test_the_last_thing_that_the_user_said_is_said_back(openai_client):
    messages = [
        {"role": "developer", "content": "Be brief."},
        user("First"),
        {"role": "assistant", "content": "You said: First"},
        user([{"type": "text", "text": "Second"}, {"type": "text", "text": "and third"}]),
    ]
    completion = await completed(openai_client, messages=messages)
    assert completion.choices[0].message.content == "You said: Second\nand third"


async def test_the_usual_settings_are_accepted(openai_client):
    settings = hello(
        temperature=0.2,
        top_p=0.9,
        presence_penalty=-2,
        frequency_penalty=2,
        seed=7,
        user="me",
        store=False,
        logit_bias={"50256": -100},
        metadata={"a": "b"},
        service_tier="flex",
        verbosity="low",
        prompt_cache_key="k",
        safety_identifier="s",
        prediction={"type": "content", "content": "x"},
        extra_body={"of_a_gateway": True},
    )
    completion = await completed(openai_client, **settings)
    assert completion.choices[0].message.content == "You said: Hello"


async def test_any_model_is_known(openai_client):
    for model in ["gpt-4o", "ft:gpt-4o:acme::1", "vendor/model:free"]:
        completion = await completed(openai_client, model=model)
        assert completion.model == model
