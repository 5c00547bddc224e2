"""What Anthropic refuses, and trouble that scenarios make, as its SDK raises it."""

import re

import anthropic
import pytest

from claude import answered, events, greeting, texts
from generation import anthropic_class, anthropic_http
from sdk import KEY, each, opened, settled


def played(serve, tmp_path, words):
    file = tmp_path / "scenario.yaml"
    file.write_text(words)
    return serve(str(file)).url


def told(error):
    """The error object in the body of a refusal."""
    body = error.body
    assert (body["type"], body["request_id"]) == ("error", error.request_id)
    return body["error"]["type"], body["error"]["message"]


async def test_what_breaks_a_rule_is_a_bad_request(anthropic_client):
    for options in ({"max_tokens": -1}, {"messages": []}, {"extra_body": {"temperature": 5}}):
        for ask in (answered, events):
            with pytest.raises(anthropic.BadRequestError) as raised:
                await ask(anthropic_client, **options)
            kind, message = told(raised.value)
            assert kind == "invalid_request_error"
            assert message.startswith(next(iter(options.get("extra_body", options))))
            assert re.fullmatch(r"req_[0-9A-Za-z]{24}", raised.value.request_id)


async def test_a_wrong_key_is_refused(anthropic_at, locked_server):
    with pytest.raises(anthropic.AuthenticationError) as raised:
        await answered(anthropic_at(locked_server.url, api_key="wrong"))
    assert told(raised.value)[0] == "authentication_error"
    assert texts(await answered(anthropic_at(locked_server.url, api_key=KEY))) == ["You said: Hello"]


ERRORS = {
    400: ("BadRequestError", "invalid_request_error"),
    401: ("AuthenticationError", "authentication_error"),
    402: ("PaymentRequiredError", "billing_error"),
    403: ("PermissionDeniedError", "permission_error"),
    404: ("NotFoundError", "not_found_error"),
    409: ("ConflictError", None),
    413: ("ContentTooLargeError", "request_too_large"),
    429: ("RateLimitError", "rate_limit_error"),
    500: ("InternalServerError", "api_error"),
    503: ("ServiceUnavailableError", None),
    504: ("GatewayTimeoutError", "timeout_error"),
    529: ("OverloadedError", "overloaded_error"),
}


@pytest.mark.parametrize("status", ERRORS)
async def test_an_error_of_a_scenario_is_the_exception_of_its_status(anthropic_at, serve, tmp_path, status):
    url = played(serve, tmp_path, f"{{scenario: 1, stubs: {{then: {{error: {status}}}}}}}")
    name, kind = ERRORS[status]
    with pytest.raises(anthropic.APIStatusError) as raised:
        await answered(anthropic_at(url))
    assert type(raised.value) is anthropic_class(name) and raised.value.status_code == status
    assert kind is None or told(raised.value)[0] == kind


async def test_a_server_that_is_overloaded_is_asked_again(anthropic_at, serve, tmp_path):
    words = """
        scenario: 1
        stubs:
          then: [{error: {status: 529, retry_after: {ms: 5ms}}, times: 2}, {text: Here I am.}]
    """
    client = anthropic_at(played(serve, tmp_path, words), max_retries=2)
    assert texts(await answered(client)) == ["Here I am."]


async def test_a_server_that_is_overloaded_in_mid_stream_is_noticed(anthropic_at, serve, tmp_path):
    words = """
        scenario: 1
        stubs:
          then: {text: [One, two], wire: {edit: [{drop: 5..}, {insert: {after: -1, reply: {error: 529}}}]}}
    """
    client = anthropic_at(played(serve, tmp_path, words))
    with pytest.raises(anthropic.APIStatusError) as raised:
        await final(client)
    assert raised.value.body["error"]["type"] == "overloaded_error"


async def test_a_stream_breaks_off_behind_what_came(anthropic_at, serve, tmp_path):
    words = (
        "{scenario: 1, stubs: {then: {text: [One, two, three], wire: {end: {after: text.2, how: close}}}}}"
    )
    client = anthropic_at(played(serve, tmp_path, words))
    got = []
    # aiohttp has another word for it.
    lost = (anthropic_http.RemoteProtocolError, anthropic_http.ReadError)
    with pytest.raises(lost):
        async with opened(client.messages.stream(**greeting())) as stream:
            async for text in each(stream.text_stream):
                got.append(text)
    assert got == ["One", "two"]


async def test_a_refusal_is_the_reason_of_an_end(anthropic_at, serve, tmp_path):
    client = anthropic_at(
        played(serve, tmp_path, "{scenario: 1, stubs: {then: {text: No., finish: refusal}}}")
    )
    message = await answered(client)
    assert (texts(message), message.stop_reason) == (["No."], "refusal")


async def test_a_tool_is_called_with_what_a_scenario_says(anthropic_at, serve, tmp_path):
    words = (
        "{scenario: 1, stubs: {then: {parts: [{text: Wait.}, {call: {name: weather, args: {city: Bern}}}]}}}"
    )
    client = anthropic_at(played(serve, tmp_path, words))
    for message in (await answered(client), await final(client)):
        text, call = message.content
        assert (text.text, call.name, call.input, message.stop_reason) == (
            "Wait.",
            "weather",
            {"city": "Bern"},
            "tool_use",
        )


async def final(client):
    async with opened(client.messages.stream(**greeting())) as stream:
        return await settled(stream.get_final_message())
