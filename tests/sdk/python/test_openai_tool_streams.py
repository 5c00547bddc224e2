"""Tool calls that arrive in pieces."""

import json

import openai
from pydantic import BaseModel

import tools
from sdk import chunked, collected, completed, hello, opened, settled

REQUIRED = {"tools": tools.for_openai(), "tool_choice": "required"}


def deltas(chunks, choice=0):
    """The pieces of calls, in their order."""
    return [
        call
        for chunk in chunks
        for part in chunk.choices
        if part.index == choice
        for call in part.delta.tool_calls or []
    ]


async def test_the_first_chunk_has_the_role_and_the_first_call(openai_client):
    chunks = await chunked(openai_client, **REQUIRED)
    first = chunks[0].choices[0].delta.model_dump(exclude_unset=True)
    call_id = first["tool_calls"][0].pop("id")
    assert call_id.startswith("call_")
    assert first == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"index": 0, "type": "function", "function": {"name": "weather", "arguments": ""}}],
        "refusal": None,
    }


async def test_ids_and_names_come_once_for_each_call(openai_client):
    chunks = await chunked(openai_client, **REQUIRED)
    opening = [call for call in deltas(chunks) if call.id is not None]
    assert [(call.index, call.function.name) for call in opening] == [
        (0, "weather"),
        (1, "book"),
        (2, "ping"),
    ]
    assert len({call.id for call in opening}) == 3
    others = [call for call in deltas(chunks) if call.id is None]
    assert others and all(
        call.model_dump(exclude_unset=True)
        == {"index": call.index, "function": {"arguments": call.function.arguments}}
        for call in others
    )


async def test_fragments_join_to_the_arguments(openai_client):
    chunks = await chunked(openai_client, **REQUIRED)
    joined = {}
    for call in deltas(chunks):
        joined[call.index] = joined.get(call.index, "") + call.function.arguments
    assert sum(call.index == 1 for call in deltas(chunks)) > 3
    for index, name in enumerate(["weather", "book", "ping"]):
        tools.assert_valid(name, json.loads(joined[index]))


async def test_calls_come_one_behind_the_other(openai_client):
    chunks = await chunked(openai_client, **REQUIRED)
    indices = [call.index for call in deltas(chunks)]
    assert indices == sorted(indices)


async def test_a_stream_of_calls_ends_with_their_finish(openai_client):
    chunks = await chunked(openai_client, **REQUIRED)
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    assert chunks[-1].choices[0].delta.model_dump(exclude_unset=True) == {}


async def test_each_choice_has_calls_of_its_own(openai_client):
    chunks = await chunked(openai_client, **REQUIRED, n=2)
    ids = [{call.id for call in deltas(chunks, choice) if call.id} for choice in (0, 1)]
    assert [len(of_choice) for of_choice in ids] == [3, 3]
    assert ids[0].isdisjoint(ids[1])


async def test_the_stream_says_the_same_as_the_whole(openai_client):
    # Older SDKs put nothing together but what is strict.
    strict = {**REQUIRED, "tools": tools.for_openai(strict=True)}
    whole = await completed(openai_client, **strict)
    async with opened(openai_client.chat.completions.stream(**hello(**strict))) as stream:
        streamed = await settled(stream.get_final_completion())
    functions = [
        [(call.function.name, call.function.arguments) for call in answer.choices[0].message.tool_calls]
        for answer in (whole, streamed)
    ]
    assert functions[0] == functions[1]
    assert streamed.choices[0].finish_reason == "tool_calls"


async def test_the_usage_of_streamed_calls_is_the_whole_s(openai_client):
    whole = await completed(openai_client, **REQUIRED)
    chunks = await chunked(openai_client, **REQUIRED, stream_options={"include_usage": True})
    assert chunks[-1].usage == whole.usage


class Transfer(BaseModel):
    account: str
    amounts: list[int]


async def test_the_accumulating_stream_parses_arguments(openai_client):
    options = hello(tools=[openai.pydantic_function_tool(Transfer)], tool_choice="required")
    async with opened(openai_client.chat.completions.stream(**options)) as stream:
        events = await collected(stream)
        completion = await settled(stream.get_final_completion())
    done = [event for event in events if event.type == "tool_calls.function.arguments.done"]
    assert [event.name for event in done] == ["Transfer"]
    fragments = [event for event in events if event.type == "tool_calls.function.arguments.delta"]
    assert "".join(event.arguments_delta for event in fragments) == done[0].arguments
    parsed = completion.choices[0].message.tool_calls[0].function.parsed_arguments
    assert isinstance(parsed, Transfer)
