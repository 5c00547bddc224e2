"""Tools that are called in chat completions."""

import json
import re

import openai
import pytest
from pydantic import BaseModel, Field

import tools
from sdk import GPT, completed, hello, settled, user


def calls(completion, index=0):
    return completion.choices[index].message.tool_calls


async def test_every_tool_is_called_once_where_calls_are_required(openai_client):
    completion = await completed(openai_client, tools=tools.for_openai(), tool_choice="required")
    assert [call.function.name for call in calls(completion)] == ["weather", "book", "ping"]
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.choices[0].message.content is None


async def test_calls_have_ids_of_their_own(openai_client):
    completion = await completed(openai_client, tools=tools.for_openai(), tool_choice="required", n=2)
    ids = [call.id for choice in completion.choices for call in choice.message.tool_calls]
    assert len(set(ids)) == 6
    assert all(re.fullmatch(r"call_[0-9A-Za-z]{24}", id) for id in ids)
    assert all(call.type == "function" for call in calls(completion, 1))


async def test_arguments_are_valid_under_the_schemas(openai_client):
    completion = await completed(openai_client, tools=tools.for_openai(), tool_choice="required")
    arguments = {call.function.name: json.loads(call.function.arguments) for call in calls(completion)}
    for name, given in arguments.items():
        tools.assert_valid(name, given)
    assert arguments["ping"] == {}


async def test_one_tool_is_called_where_calls_are_not_parallel(openai_client):
    completion = await completed(
        openai_client, tools=tools.for_openai(), tool_choice="required", parallel_tool_calls=False
    )
    assert [call.function.name for call in calls(completion)] == ["weather"]


async def test_a_named_function_is_called_alone(openai_client):
    choice = {"type": "function", "function": {"name": "book"}}
    completion = await completed(openai_client, tools=tools.for_openai(), tool_choice=choice)
    assert [call.function.name for call in calls(completion)] == ["book"]
    tools.assert_valid("book", json.loads(calls(completion)[0].function.arguments))


async def test_of_allowed_tools_each_is_called(openai_client):
    allowed = [{"type": "function", "function": {"name": name}} for name in ["ping", "weather"]]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": allowed}}
    completion = await completed(openai_client, tools=tools.for_openai(), tool_choice=choice)
    assert [call.function.name for call in calls(completion)] == ["weather", "ping"]


@pytest.mark.parametrize("choice", ["auto", "none", openai.omit])
async def test_no_tool_is_called_unless_it_must_be(openai_client, choice):
    completion = await completed(openai_client, tools=tools.for_openai(), tool_choice=choice)
    assert completion.choices[0].message.content == "You said: Hello"
    assert calls(completion) is None


async def test_the_results_of_tools_are_said_back(openai_client):
    messages = [user("How is the weather?")]
    offer = {"model": GPT, "tools": tools.for_openai("weather", "ping")}
    first = await completed(openai_client, **offer, messages=messages, tool_choice="required")
    messages.append(first.choices[0].message)
    for call, result in zip(calls(first), ['{"degrees": 21}', "pong"], strict=True):
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    second = await completed(openai_client, **offer, messages=messages)
    assert second.choices[0].message.content == 'weather returned: {"degrees": 21}\nping returned: pong'
    assert second.choices[0].finish_reason == "stop"


async def test_after_the_results_the_user_s_next_words_are_said_back(openai_client):
    messages = [user("Ping")]
    offer = {"model": GPT, "tools": tools.for_openai("ping")}
    first = await completed(openai_client, **offer, messages=messages, tool_choice="required")
    messages.append(first.choices[0].message.model_dump(exclude_unset=True))
    messages.append({"role": "tool", "tool_call_id": calls(first)[0].id, "content": "pong"})
    second = await completed(openai_client, **offer, messages=messages)
    messages += [second.choices[0].message.model_dump(exclude_unset=True), user("Thanks")]
    third = await completed(openai_client, **offer, messages=messages)
    assert third.choices[0].message.content == "You said: Thanks"


async def test_calls_cost_their_names_and_arguments(openai_client):
    bare = await completed(openai_client)
    completion = await completed(openai_client, tools=tools.for_openai("ping"), tool_choice="required")
    # "ping" and "{}".
    assert completion.usage.completion_tokens == 2
    assert completion.usage.prompt_tokens > bare.usage.prompt_tokens


class Transfer(BaseModel):
    """Send money."""

    account: str = Field(pattern=r"^CH\d{2}$")
    amount: int = Field(ge=5, le=6)


async def test_arguments_are_parsed_into_models(openai_client):
    options = hello(tools=[openai.pydantic_function_tool(Transfer)], tool_choice="required")
    completion = await settled(openai_client.chat.completions.parse(**options))
    transfer = calls(completion)[0].function.parsed_arguments
    assert isinstance(transfer, Transfer)
    assert transfer.amount in (5, 6)
