"""Tools that responses call."""

import json

import openai
import pytest

import tools
from sdk import GPT, collected, opened, settled

OFFERED = [
    {"type": "function", "name": name, "description": f"To {name}", "parameters": schema, "strict": False}
    for name, schema in tools.SCHEMAS.items()
]


def asked(**options):
    return {"model": GPT, "input": "Hello", "tools": OFFERED, **options}


async def responded(client, **options):
    return await settled(client.responses.create(**asked(**options)))


def calls(response):
    return [item for item in response.output if item.type == "function_call"]


async def test_no_tool_is_called_unless_it_must_be(openai_client):
    for choice in ({}, {"tool_choice": "auto"}, {"tool_choice": "none"}):
        response = await responded(openai_client, **choice)
        assert (response.output_text, calls(response)) == ("You said: Hello", [])


async def test_every_tool_is_called_where_calls_are_required(openai_client):
    called = calls(await responded(openai_client, tool_choice="required"))
    assert [call.name for call in called] == list(tools.SCHEMAS)
    for call in called:
        tools.assert_valid(call.name, json.loads(call.arguments))
        assert call.id.startswith("fc_") and call.call_id.startswith("call_") and call.status == "completed"
    assert len({call.call_id for call in called}) == len(called)


async def test_one_tool_is_called_where_one_is_wanted(openai_client):
    first = await responded(openai_client, tool_choice="required", parallel_tool_calls=False)
    assert [call.name for call in calls(first)] == ["weather"]
    named = await responded(openai_client, tool_choice={"type": "function", "name": "ping"})
    assert [call.name for call in calls(named)] == ["ping"]


async def test_arguments_are_streamed_in_pieces(openai_client):
    told = await collected(openai_client.responses.create(**asked(tool_choice="required", stream=True)))
    added = [event.item for event in told if event.type == "response.output_item.added"]
    assert [(item.name, item.arguments) for item in added] == [(name, "") for name in tools.SCHEMAS]
    for index, item in enumerate(added):
        own = [event for event in told if getattr(event, "output_index", None) == index]
        deltas = [event.delta for event in own if event.type == "response.function_call_arguments.delta"]
        [done] = [event for event in own if event.type == "response.function_call_arguments.done"]
        assert "".join(deltas) == done.arguments and done.item_id == item.id
        tools.assert_valid(item.name, json.loads(done.arguments))
    whole = await responded(openai_client, tool_choice="required")
    assert [call.arguments for call in calls(told[-1].response)] == [call.arguments for call in calls(whole)]


async def test_the_accumulating_stream_parses_arguments(openai_client):
    strict = [{**tool, "strict": True} for tool in OFFERED]
    async with opened(
        openai_client.responses.stream(**asked(tools=strict, tool_choice="required"))
    ) as stream:
        await collected(stream)
        response = await settled(stream.get_final_response())
    assert [call.name for call in calls(response)] == list(tools.SCHEMAS)


@pytest.mark.parametrize("stored", [True, False])
async def test_the_results_of_calls_are_said_back(openai_client, stored):
    first = await responded(openai_client, tool_choice="required")
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"{call.name}!"}
        for call in calls(first)
    ]
    if stored:
        going_on = {"previous_response_id": first.id, "input": results}
    else:
        said = [call.model_dump(include={"type", "call_id", "name", "arguments"}) for call in calls(first)]
        going_on = {"input": [{"role": "user", "content": "Hello"}, *said, *results]}
    response = await responded(openai_client, **going_on)
    assert response.output_text.splitlines() == [f"{name} returned: {name}!" for name in tools.SCHEMAS]


async def test_a_result_without_its_call_is_refused(openai_client):
    stray = [{"type": "function_call_output", "call_id": "call_1", "output": "!"}]
    with pytest.raises(openai.BadRequestError) as raised:
        await responded(openai_client, input=stray)
    assert "No tool call found for function call output with call_id call_1." in raised.value.body["message"]
