"""Content that Gemini generates in one piece."""

import re

import pytest
from google.genai import types

from sdk import GEMINI, generated, headers_of, streamed


async def test_content_says_back_the_prompt(google_client):
    response = await generated(google_client)
    [candidate] = response.candidates
    assert response.text == "You said: Hello"
    assert (candidate.content.role, candidate.index) == ("model", 0)
    assert candidate.finish_reason == types.FinishReason.STOP


async def test_content_is_marked_with_model_and_response(google_client):
    response = await generated(google_client)
    assert response.model_version == GEMINI
    assert re.fullmatch(r"[A-Za-z0-9_-]{23}", response.response_id)


async def test_each_response_has_an_id_of_its_own(google_client):
    assert len({(await generated(google_client)).response_id for _ in range(3)}) == 3


async def test_headers_are_google_s(google_client):
    headers = headers_of(await generated(google_client))
    assert headers["content-type"] == "application/json; charset=UTF-8"
    assert headers["server"] == "scaffolding on HTTPServer2"
    assert re.fullmatch(r"gfet4t7; dur=\d+", headers["server-timing"])
    assert headers["x-mynah-answer"] == "built-in"
    assert not any("ratelimit" in name or "request-id" in name for name in headers)


async def test_several_candidates_are_numbered(google_client):
    response = await generated(google_client, candidate_count=3)
    texts = [(candidate.index, candidate.content.parts[0].text) for candidate in response.candidates]
    assert texts == [(0, "You said: Hello"), (1, "You said: Hello (2)"), (2, "You said: Hello (3)")]


async def test_the_last_thing_that_the_user_said_is_said_back(google_client):
    contents = [
        types.Content(role="user", parts=[types.Part(text="First")]),
        types.Content(role="model", parts=[types.Part(text="You said: First")]),
        types.Content(role="user", parts=[types.Part(text="Second"), types.Part(text="and third")]),
    ]
    response = await generated(google_client, contents)
    assert response.text == "You said: Second\nand third"


@pytest.mark.parametrize(
    "contents", ["Hello", ["Hello"], types.Part(text="Hello"), {"parts": [{"text": "Hello"}]}]
)
async def test_contents_come_in_many_forms(google_client, contents):
    assert (await generated(google_client, contents)).text == "You said: Hello"


async def test_a_system_instruction_is_counted_and_not_said_back(google_client):
    response = await generated(google_client, system_instruction="Be very brief.")
    assert response.text == "You said: Hello"
    assert response.usage_metadata.prompt_token_count == 1 + 4


async def test_the_usual_settings_are_accepted(google_client):
    response = await generated(
        google_client,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        response_mime_type="text/plain",
        media_resolution="MEDIA_RESOLUTION_LOW",
        safety_settings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        tools=[{"google_search": {}}, {"url_context": {}}, {"code_execution": {}}],
    )
    assert response.text == "You said: Hello"


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
async def test_all_versions_are_alike(google_at, server, version):
    client = google_at(server.url, api_version=version)
    assert (await generated(client)).text == "You said: Hello"
    assert "".join(chunk.text for chunk in await streamed(client)) == "You said: Hello"


@pytest.mark.parametrize(
    "model",
    ["unheard-of", "vendor/model", "gemini-2.5-flash:free", "tunedModels/mine", "publishers/google/models/x"],
)
async def test_any_model_is_known(google_client, model):
    assert (await generated(google_client, model=model)).model_version == model


async def test_the_prefix_of_a_model_is_not_part_of_its_version(google_client):
    assert (await generated(google_client, model=f"models/{GEMINI}")).model_version == GEMINI
