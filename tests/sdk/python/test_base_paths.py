"""Where the server stands: a prefix in front of every route, and settings from the environment."""

import openai
import pytest
from google import genai
from google.genai import errors

from sdk import GEMINI, chunked, collected, completed, generated, hello, streamed


@pytest.fixture(scope="module")
def prefixed(serve):
    return serve("--base-path", "/api")


async def test_openai_is_served_under_a_prefix(openai_at, prefixed):
    client = openai_at(f"{prefixed.url}/api")
    completion = await completed(client)
    assert completion.choices[0].message.content == "You said: Hello"
    chunks = await chunked(client)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "You said: Hello"
    assert "gpt-4o" in [model.id for model in await collected(client.models.list())]


async def test_google_is_served_under_a_prefix(google_at, prefixed):
    client = google_at(f"{prefixed.url}/api")
    response = await generated(client)
    assert response.text == "You said: Hello"
    assert "".join(chunk.text for chunk in await streamed(client)) == "You said: Hello"
    assert len(await collected(client.models.list(config={"page_size": 3}))) > 3


async def test_openai_at_google_is_served_under_a_prefix(openai_at, prefixed):
    client = openai_at(prefixed.url, base_url=f"{prefixed.url}/api/v1beta/openai/")
    completion = await completed(client)
    assert completion.choices[0].message.content == "You said: Hello"


async def test_openai_is_not_served_without_the_prefix(openai_at, prefixed):
    with pytest.raises(openai.NotFoundError) as raised:
        await completed(openai_at(prefixed.url))
    assert raised.value.body["message"] == "Invalid URL (POST /v1/chat/completions)"


async def test_google_is_not_served_without_the_prefix(google_at, prefixed):
    with pytest.raises(errors.ClientError) as raised:
        await generated(google_at(prefixed.url))
    assert (raised.value.code, raised.value.status) == (404, "NOT_FOUND")


async def test_a_base_url_may_end_with_a_slash(openai_at, google_at, server):
    client = openai_at(server.url, base_url=f"{server.url}/v1/")
    assert (await completed(client)).choices
    client = google_at(f"{server.url}/")
    assert (await generated(client)).text


def test_openai_finds_the_server_by_its_environment(server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with openai.OpenAI() as client:
        completion = client.chat.completions.create(**hello())
    assert completion.choices[0].message.content == "You said: Hello"


def test_google_finds_the_server_by_its_environment(server, monkeypatch):
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
    monkeypatch.setenv("GEMINI_API_KEY", "any")
    client = genai.Client()
    assert client.models.generate_content(model=GEMINI, contents="Hello").text == "You said: Hello"
    client.close()
