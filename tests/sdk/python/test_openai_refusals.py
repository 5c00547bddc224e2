"""What OpenAI refuses, as its SDK raises it."""

import re

import openai
import pytest

import tools
from generation import OPENAI_BYTES, openai_error_text
from sdk import GPT, completed, hello, settled, user


async def refusal(client, **body):
    with pytest.raises(openai.BadRequestError) as raised:
        await settled(client.post("/chat/completions", cast_to=object, body=body))
    error = raised.value
    assert error.status_code == 400
    assert error.type == "invalid_request_error"
    assert re.fullmatch(r"req_[0-9a-f]{32}", error.request_id)
    assert str(error) == openai_error_text(error)
    assert list(error.body) == ["message", "type", "param", "code"]
    return error.body["message"], error.param, error.code


MISTAKES = [
    ({"model": None}, "you must provide a model parameter", None, None),
    (
        {"model": 5},
        "Invalid type for 'model': expected a string, but got an integer instead.",
        "model",
        "invalid_type",
    ),
    (
        {"messages": "Hello"},
        "Invalid type for 'messages': expected an array of objects, but got a string instead.",
        "messages",
        "invalid_type",
    ),
    (
        {"messages": []},
        "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array "
        "instead.",
        "messages",
        "empty_array",
    ),
    (
        {"messages": [{"content": "Hello"}]},
        "Missing required parameter: 'messages[0].role'.",
        "messages[0].role",
        "missing_required_parameter",
    ),
    (
        {"messages": [{"role": "robot", "content": "Hello"}]},
        "Invalid value: 'robot'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', "
        "and 'developer'.",
        "messages[0].role",
        "invalid_value",
    ),
    (
        {"temperature": 2.5},
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.5 instead.",
        "temperature",
        "decimal_above_max_value",
    ),
    (
        {"n": 0},
        "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.",
        "n",
        "integer_below_min_value",
    ),
    (
        {"max_tokens": "many"},
        "Invalid type for 'max_tokens': expected an integer, but got a string instead.",
        "max_tokens",
        "invalid_type",
    ),
    (
        {"stop": ["a", "b", "c", "d", "e"]},
        "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with "
        "length 5 instead.",
        "stop",
        "array_above_max_length",
    ),
    (
        {"stream_options": {"include_usage": True}},
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        "stream_options",
        None,
    ),
    (
        {"tool_choice": "required"},
        "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
        "tool_choice",
        None,
    ),
    (
        {
            "tools": tools.for_openai("ping"),
            "tool_choice": {"type": "function", "function": {"name": "pong"}},
        },
        "Tool choice 'pong' not found in 'tools' parameter.",
        "tool_choice",
        None,
    ),
    (
        {"response_format": {"type": "json_schema"}},
        "Missing required parameter: 'response_format.json_schema'.",
        "response_format.json_schema",
        "missing_required_parameter",
    ),
    (
        {"messages": [user("Hello"), {"role": "tool", "tool_call_id": "call_1", "content": "x"}]},
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
        "'tool_calls'.",
        "messages.[1].role",
        None,
    ),
]


@pytest.mark.parametrize(
    ("change", "message", "param", "code"), MISTAKES, ids=[m[2] or "model" for m in MISTAKES]
)
async def test_a_mistake_is_a_bad_request(openai_client, change, message, param, code):
    assert await refusal(openai_client, **{**hello(), **change}) == (message, param, code)


async def test_messages_must_be_there(openai_client):
    told = await refusal(openai_client, model=GPT)
    assert told == ("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")


async def test_calls_must_be_answered(openai_client):
    call = {"id": "call_1", "type": "function", "function": {"name": "ping", "arguments": "{}"}}
    messages = [user("Hello"), {"role": "assistant", "content": None, "tool_calls": [call]}, user("So?")]
    message, param, _ = await refusal(openai_client, model=GPT, messages=messages)
    assert message.endswith("did not have response messages: call_1")
    assert param == "messages.[2].role"


async def test_a_body_that_is_not_json_is_a_bad_request(openai_client):
    with pytest.raises(openai.BadRequestError) as raised:
        broken = {OPENAI_BYTES: b'{"model": '}
        await settled(openai_client.post("/chat/completions", cast_to=object, **broken))
    assert raised.value.body["message"].startswith("We could not parse the JSON body of your request.")
    assert (raised.value.param, raised.value.code) == (None, None)


@pytest.mark.parametrize("change", [{"messages": []}, {"temperature": -1}])
async def test_a_stream_is_refused_before_it_starts(openai_client, change):
    with pytest.raises(openai.BadRequestError) as raised:
        await completed(openai_client, **{**hello(stream=True), **change})
    assert raised.value.response.headers["content-type"] == "application/json"
    assert raised.value.param in change


async def test_an_unknown_path_is_not_found(openai_client):
    with pytest.raises(openai.NotFoundError) as raised:
        await settled(openai_client.post("/nothing", cast_to=object, body={}))
    error = raised.value
    assert (error.status_code, error.code, error.param) == (404, None, None)
    assert error.body["message"] == "Invalid URL (POST /v1/nothing)"
    assert error.request_id.startswith("req_")


async def test_another_method_is_not_allowed(openai_client):
    with pytest.raises(openai.APIStatusError) as raised:
        await settled(openai_client.get("/chat/completions", cast_to=object))
    error = raised.value
    # No class of its own stands for this status.
    assert type(error) is openai.APIStatusError
    assert (error.status_code, error.code, error.type) == (
        405,
        "method_not_supported",
        "invalid_request_error",
    )
    assert error.body["message"].startswith("Not allowed to GET on /v1/chat/completions.")


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_body_above_the_limit_is_too_large(openai_at, small_server, is_stream):
    client = openai_at(small_server.url)
    await completed(client)
    large = {"model": GPT, "messages": [user("x" * 1024)], "stream": is_stream}
    with pytest.raises(openai.APIStatusError) as raised:
        await completed(client, **large)
    error = raised.value
    assert type(error) is openai.APIStatusError
    assert (error.status_code, error.type, error.code) == (413, "invalid_request_error", None)
    assert error.body["message"] == "Maximum content size limit (1024) exceeded."


async def test_a_body_above_the_default_limit_is_too_large(openai_client):
    with pytest.raises(openai.APIStatusError) as raised:
        await completed(openai_client, messages=[user("x" * 30_000_000)])
    assert raised.value.status_code == 413
