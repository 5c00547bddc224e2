"""Keys, where the server checks them, in Google's words."""

import pytest
from google.genai import errors

from generation import GOOGLE_VERSION
from sdk import GEMINI, KEY, generated, settled, streamed, told

NO_KEY = {"x-goog-api-key": ""}


async def refusal(client, is_stream=False):
    with pytest.raises(errors.ClientError) as raised:
        await (streamed(client) if is_stream else generated(client))
    return told(raised.value)


async def test_the_right_key_is_accepted(google_at, locked_server):
    client = google_at(locked_server.url, api_key=KEY)
    assert (await generated(client)).text == "You said: Hello"


async def test_a_key_may_come_as_a_bearer_s(google_at, locked_server):
    client = google_at(locked_server.url, headers={**NO_KEY, "Authorization": f"Bearer {KEY}"})
    assert (await generated(client)).text == "You said: Hello"


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_wrong_key_is_an_invalid_argument(google_at, locked_server, is_stream):
    error = await refusal(google_at(locked_server.url, api_key="wrong"), is_stream)
    message = "API key not valid. Please pass a valid API key."
    assert (error["code"], error["status"], error["message"]) == (400, "INVALID_ARGUMENT", message)
    assert error["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        },
        {
            "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
            "locale": "en-US",
            "message": message,
        },
    ]


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_missing_key_is_a_matter_of_permission(google_at, locked_server, is_stream):
    error = await refusal(google_at(locked_server.url, headers=NO_KEY), is_stream)
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert error["message"].startswith("Method doesn't allow unregistered callers")


@pytest.mark.parametrize(
    ("is_stream", "method"), [(False, "GenerateContent"), (True, "StreamGenerateContent")]
)
async def test_a_wrong_bearer_s_token_is_not_authentic(google_at, locked_server, is_stream, method):
    client = google_at(locked_server.url, headers={**NO_KEY, "Authorization": "Bearer wrong"})
    error = await refusal(client, is_stream)
    assert (error["code"], error["status"]) == (401, "UNAUTHENTICATED")
    [info] = error["details"]
    assert info["reason"] == "ACCESS_TOKEN_TYPE_UNSUPPORTED"
    assert (
        info["metadata"]["method"]
        == f"google.ai.generativelanguage.{GOOGLE_VERSION}.GenerativeService.{method}"
    )


async def test_a_wrong_key_is_refused_on_every_path(google_at, locked_server):
    client = google_at(locked_server.url, api_key="wrong")
    for call in [
        client.models.list,
        lambda: client.models.get(model=GEMINI),
        lambda: client.models.count_tokens(model=GEMINI, contents="Hello"),
    ]:
        with pytest.raises(errors.ClientError, match="API key not valid"):
            await settled(call())
