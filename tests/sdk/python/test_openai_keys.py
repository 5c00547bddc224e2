"""Keys, where the server checks them, in OpenAI's words."""

import openai
import pytest

from generation import OPENAI_BYTES
from sdk import KEY, collected, completed, hello, settled


async def test_the_right_key_is_accepted(openai_at, locked_server):
    client = openai_at(locked_server.url, api_key=KEY)
    completion = await completed(client)
    assert completion.choices[0].message.content == "You said: Hello"


async def test_each_of_several_keys_is_accepted(openai_at, locked_server):
    client = openai_at(locked_server.url, api_key="another key")
    assert await collected(client.models.list())


@pytest.mark.parametrize(
    ("key", "shown"),
    [("sk-wrong-0123456789abcdef", "sk-wrong*************cdef"), ("sk-right", "********")],
)
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_wrong_key_is_refused_and_masked(openai_at, locked_server, key, shown, is_stream):
    client = openai_at(locked_server.url, api_key=key)
    with pytest.raises(openai.AuthenticationError) as raised:
        await completed(client, stream=is_stream)
    error = raised.value
    assert (error.status_code, error.code) == (401, "invalid_api_key")
    assert (error.type, error.param) == ("invalid_request_error", None)
    assert error.body["message"] == (
        f"Incorrect API key provided: {shown}. You can find your API key at "
        "https://platform.openai.com/account/api-keys."
    )
    assert error.request_id.startswith("req_")


async def test_a_missing_key_is_refused(openai_at, locked_server):
    client = openai_at(locked_server.url)
    bare = hello(extra_headers={"Authorization": openai.Omit()})
    with pytest.raises(openai.AuthenticationError) as raised:
        await completed(client, **bare)
    error = raised.value
    assert (error.status_code, error.code, error.param) == (401, None, None)
    assert error.body["message"].startswith("You didn't provide an API key.")


async def test_a_wrong_key_is_refused_on_every_path(openai_at, locked_server):
    client = openai_at(locked_server.url, api_key="wrong")
    for call in [client.models.list, lambda: client.models.retrieve("gpt-4o")]:
        with pytest.raises(openai.AuthenticationError):
            await collected(call())


async def test_a_key_comes_before_the_body(openai_at, locked_server):
    client = openai_at(locked_server.url, api_key="wrong")
    with pytest.raises(openai.AuthenticationError):
        await settled(client.post("/chat/completions", cast_to=object, **{OPENAI_BYTES: b"{"}))


async def test_any_key_is_accepted_where_none_is_checked(openai_client):
    bare = hello(extra_headers={"Authorization": openai.Omit()})
    completion = await completed(openai_client, **bare)
    assert completion.choices[0].message.content == "You said: Hello"
