"""Tools, thinking and structured output of messages."""

import pytest

import tools
from claude import answered, events, greeting, texts
from sdk import collected, opened, settled, user

OFFERED = [
    {"name": name, "description": f"To {name}", "input_schema": schema}
    for name, schema in tools.SCHEMAS.items()
]
REQUIRED = {"tools": OFFERED, "tool_choice": {"type": "any"}}


def calls(message):
    return [block for block in message.content if block.type == "tool_use"]


async def test_no_tool_is_called_unless_it_must_be(anthropic_client):
    for choice in ({}, {"tool_choice": {"type": "auto"}}, {"tool_choice": {"type": "none"}}):
        message = await answered(anthropic_client, tools=OFFERED, **choice)
        assert (texts(message), calls(message)) == (["You said: Hello"], [])


async def test_every_tool_is_called_where_calls_are_required(anthropic_client):
    message = await answered(anthropic_client, **REQUIRED)
    assert message.stop_reason == "tool_use"
    assert [call.name for call in calls(message)] == list(tools.SCHEMAS)
    for call in calls(message):
        tools.assert_valid(call.name, call.input)
        assert call.id.startswith("toolu_")
    assert len({call.id for call in calls(message)}) == len(tools.SCHEMAS)


async def test_one_tool_is_called_where_one_is_wanted(anthropic_client):
    alone = {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}}
    message = await answered(anthropic_client, tools=OFFERED, **alone)
    assert [call.name for call in calls(message)] == ["weather"]
    message = await answered(anthropic_client, tools=OFFERED, tool_choice={"type": "tool", "name": "ping"})
    assert [call.name for call in calls(message)] == ["ping"]


async def test_input_is_streamed_in_pieces(anthropic_client):
    told = await events(anthropic_client, **REQUIRED)
    started = [event.content_block for event in told if event.type == "content_block_start"]
    assert [(block.name, block.input) for block in started] == [(name, {}) for name in tools.SCHEMAS]
    pieces = [event for event in told if event.type == "content_block_delta"]
    assert {piece.delta.type for piece in pieces} == {"input_json_delta"}
    assert sum(piece.index == 1 for piece in pieces) > 3


async def test_the_accumulating_stream_reads_the_input(anthropic_client):
    async with opened(anthropic_client.messages.stream(**greeting(**REQUIRED))) as stream:
        message = await settled(stream.get_final_message())
    whole = await answered(anthropic_client, **REQUIRED)
    assert [(call.name, call.input) for call in calls(message)] == [
        (call.name, call.input) for call in calls(whole)
    ]
    assert message.stop_reason == "tool_use"


async def test_the_results_of_calls_are_said_back(anthropic_client):
    called = await answered(anthropic_client, **REQUIRED)
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": f"{call.name}!"} for call in calls(called)
    ]
    messages = [user("Hello"), {"role": "assistant", "content": called.content}, user(results)]
    message = await answered(anthropic_client, tools=OFFERED, messages=messages)
    assert texts(message) == ["\n".join(f"{name} returned: {name}!" for name in tools.SCHEMAS)]


THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}


async def test_a_thought_stands_in_front_and_is_signed(anthropic_client):
    message = await answered(anthropic_client, **THINKING)
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].thinking and message.content[0].signature
    assert texts(message) == ["You said: Hello"]
    assert message.usage.output_tokens > 3


async def test_a_thought_is_streamed_and_then_signed(anthropic_client):
    told = await events(anthropic_client, **THINKING)
    kinds = [event.delta.type for event in told if event.type == "content_block_delta"]
    signed = kinds.index("signature_delta")
    assert set(kinds[:signed]) == {"thinking_delta"} and set(kinds[signed + 1 :]) == {"text_delta"}
    async with opened(anthropic_client.messages.stream(**greeting(**THINKING))) as stream:
        await collected(stream)
        streamed = await settled(stream.get_final_message())
    whole = await answered(anthropic_client, **THINKING)
    assert streamed.content[0].thinking == whole.content[0].thinking
    assert streamed.content[0].signature


async def test_a_thought_comes_back_in_the_next_turn(anthropic_client):
    message = await answered(anthropic_client, **THINKING)
    messages = [user("Hello"), {"role": "assistant", "content": message.content}, user("Thanks")]
    assert texts(await answered(anthropic_client, messages=messages, **THINKING)) == ["You said: Thanks"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_schema_is_filled(anthropic_client, streamed):
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
        "additionalProperties": False,
    }
    asked = {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    if streamed:
        async with opened(anthropic_client.messages.stream(**greeting(**asked))) as stream:
            message = await settled(stream.get_final_message())
    else:
        message = await answered(anthropic_client, **asked)
    assert texts(message) == ['{"city":"city","days":1}']
