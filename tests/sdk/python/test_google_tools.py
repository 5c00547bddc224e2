"""Functions that Gemini calls."""

import pytest
from google.genai import types

import tools
from sdk import generated, streamed


def must_call(*allowed):
    calling = {"mode": "ANY"}
    if allowed:
        calling["allowed_function_names"] = list(allowed)
    return {"tools": tools.for_google(), "tool_config": {"function_calling_config": calling}}


def names(response):
    return [call.name for call in response.function_calls]


async def test_every_function_is_called_once_where_calls_are_required(google_client):
    response = await generated(google_client, **must_call())
    assert names(response) == ["weather", "book", "ping"]
    assert response.text is None
    # Google has no finish of its own for calls.
    assert response.candidates[0].finish_reason == types.FinishReason.STOP


@pytest.mark.parametrize("allowed", [["book"], ["weather", "ping"]])
async def test_allowed_functions_alone_are_called(google_client, allowed):
    assert names(await generated(google_client, **must_call(*allowed))) == allowed


async def test_arguments_are_valid_under_the_schemas(google_client):
    response = await generated(google_client, **must_call())
    for call in response.function_calls:
        tools.assert_valid(call.name, call.args)


@pytest.mark.parametrize("mode", ["AUTO", "NONE", "VALIDATED"])
async def test_no_function_is_called_unless_it_must_be(google_client, mode):
    calling = {"function_calling_config": {"mode": mode}}
    response = await generated(google_client, tools=tools.for_google(), tool_config=calling)
    assert response.text == "You said: Hello"
    assert response.function_calls is None


async def test_google_s_own_schemas_are_obeyed(google_client):
    parameters = types.Schema(
        type="OBJECT",
        properties={
            "size": types.Schema(type="INTEGER", minimum=7, maximum=9),
            "colours": types.Schema(
                type="ARRAY", min_items=2, items=types.Schema(type="STRING", enum=["red", "green"])
            ),
            "name": types.Schema(type="STRING", min_length=12, max_length=12),
            "either": types.Schema(any_of=[types.Schema(type="BOOLEAN"), types.Schema(type="NUMBER")]),
        },
        required=["size", "colours", "name"],
    )
    paint = types.FunctionDeclaration(name="paint", description="To paint", parameters=parameters)
    calling = {"function_calling_config": {"mode": "ANY"}}
    offer = [types.Tool(function_declarations=[paint])]
    [call] = (await generated(google_client, tools=offer, tool_config=calling)).function_calls
    assert 7 <= call.args["size"] <= 9
    assert len(call.args["colours"]) >= 2 and set(call.args["colours"]) <= {"red", "green"}
    assert len(call.args["name"]) == 12
    assert isinstance(call.args["either"], bool | int | float)


async def test_functions_of_several_tools_are_called(google_client):
    offer = tools.for_google("ping") + tools.for_google("weather") + [{"google_search": {}}]
    calling = {"function_calling_config": {"mode": "ANY"}}
    assert names(await generated(google_client, tools=offer, tool_config=calling)) == ["ping", "weather"]


async def test_a_call_is_streamed_whole(google_client):
    chunks = await streamed(google_client, **must_call())
    assert [names(chunk) for chunk in chunks] == [["weather"], ["book"], ["ping"]]
    for chunk in chunks:
        tools.assert_valid(chunk.function_calls[0].name, chunk.function_calls[0].args)
    assert [bool(chunk.candidates[0].finish_reason) for chunk in chunks] == [False, False, True]


async def test_calls_cost_their_names_and_arguments(google_client):
    response = await generated(google_client, **must_call("ping"))
    # "ping" and "{}".
    assert response.usage_metadata.candidates_token_count == 2


async def test_the_results_of_functions_are_said_back(google_client):
    first = await generated(google_client, **must_call("weather", "ping"))
    results = [
        types.Part.from_function_response(name="weather", response={"degrees": 21}),
        types.Part.from_function_response(name="ping", response={"result": "pong"}),
    ]
    contents = [
        types.UserContent("How is the weather?"),
        first.candidates[0].content,
        types.Content(role="user", parts=results),
    ]
    second = await generated(google_client, contents, tools=tools.for_google())
    assert second.text == 'weather returned: {"degrees":21}\nping returned: {"result":"pong"}'


async def test_after_the_results_the_user_s_next_words_are_said_back(google_client):
    first = await generated(google_client, **must_call("ping"))
    result = types.Part.from_function_response(name="ping", response={"result": "pong"})
    contents = [
        types.UserContent("Ping"),
        first.candidates[0].content,
        types.Content(role="user", parts=[result]),
    ]
    second = await generated(google_client, contents, tools=tools.for_google())
    contents += [second.candidates[0].content, types.UserContent("Thanks")]
    third = await generated(google_client, contents, tools=tools.for_google())
    assert (second.text, third.text) == ('ping returned: {"result":"pong"}', "You said: Thanks")
