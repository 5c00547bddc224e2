"""OpenAI's SDK at Google's endpoints for it."""

import openai
import pytest
import pytest_asyncio

import tools
from sdk import GEMINI, KEY, collected, completed, hello, opened, settled


@pytest_asyncio.fixture(scope="session")
async def at_google(openai_at, server):
    return openai_at(server.url, base_url=f"{server.url}/v1beta/openai/")


async def test_a_completion_says_back_the_prompt(at_google):
    completion = await completed(at_google, model=GEMINI)
    assert completion.choices[0].message.content == "You said: Hello"
    assert completion.model == GEMINI


async def test_a_stream_comes_back_whole(at_google):
    async with opened(at_google.chat.completions.stream(**hello(model=GEMINI))) as stream:
        completion = await settled(stream.get_final_completion())
    assert completion.choices[0].message.content == "You said: Hello"


async def test_tools_are_called(at_google):
    completion = await completed(
        at_google, model=GEMINI, tools=tools.for_openai("weather"), tool_choice="required"
    )
    assert completion.choices[0].message.tool_calls[0].function.name == "weather"


async def test_google_s_models_are_listed(at_google):
    models = await collected(at_google.models.list())
    assert f"models/{GEMINI}" in [model.id for model in models]
    assert {model.owned_by for model in models} == {"google"}


async def test_one_model_is_described(at_google):
    for name in [GEMINI, f"models/{GEMINI}"]:
        model = await settled(at_google.models.retrieve(name))
        assert model.id == f"models/{GEMINI}"


def only_error(raised):
    """Google's error object, which is the only element of a list here."""
    [element] = raised.value.body
    return element["error"]


async def test_a_mistake_is_told_in_google_s_shape(at_google):
    with pytest.raises(openai.BadRequestError) as raised:
        await settled(at_google.post("/chat/completions", cast_to=object, body={"model": GEMINI}))
    error = only_error(raised)
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert "messages" in error["message"]


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_wrong_key_is_a_bad_request(openai_at, locked_server, is_stream):
    client = openai_at(locked_server.url, base_url=f"{locked_server.url}/v1beta/openai", api_key="wrong")
    with pytest.raises(openai.BadRequestError) as raised:
        await completed(client, stream=is_stream)
    error = only_error(raised)
    assert error["message"] == "API key not valid. Please pass a valid API key."
    assert error["status"] == "INVALID_ARGUMENT"


async def test_a_missing_key_is_a_bad_request(openai_at, locked_server):
    client = openai_at(locked_server.url, base_url=f"{locked_server.url}/v1beta/openai")
    bare = hello(extra_headers={"Authorization": openai.Omit()})
    with pytest.raises(openai.BadRequestError) as raised:
        await completed(client, **bare)
    assert only_error(raised)["code"] == 400


async def test_a_bearer_key_is_accepted(openai_at, locked_server):
    client = openai_at(locked_server.url, base_url=f"{locked_server.url}/v1beta/openai", api_key=KEY)
    completion = await completed(client)
    assert completion.choices[0].message.content == "You said: Hello"


async def test_an_unknown_path_is_not_found(at_google):
    with pytest.raises(openai.NotFoundError) as raised:
        await settled(at_google.post("/nothing", cast_to=object, body={}))
    assert only_error(raised)["status"] == "NOT_FOUND"
