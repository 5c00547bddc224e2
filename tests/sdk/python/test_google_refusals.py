"""What Google refuses, as its SDK raises it."""

import pytest
from google.genai import errors

from generation import GOOGLE_VERSION
from sdk import GEMINI, generated, settled, streamed, told


def broken(body):
    """A configuration that the SDK would not write: these members are laid over the request."""
    return {"http_options": {"extra_body": body}}


async def refusal(client, config=None, contents="Hello", is_stream=False):
    ask = streamed if is_stream else generated
    with pytest.raises(errors.ClientError) as raised:
        await ask(client, contents, **(config or {}))
    return raised.value


TYPES = f"type.googleapis.com/google.ai.generativelanguage.{GOOGLE_VERSION}"

MISTYPED = [
    (
        {"generationConfig": {"maxOutputTokens": "many"}},
        "generation_config.max_output_tokens",
        "Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32), \"many\"",
    ),
    (
        {"generationConfig": {"responseModalities": ["SMELL"]}},
        "generation_config.response_modalities[0]",
        "Invalid value at 'generation_config.response_modalities[0]' "
        f'({TYPES}.GenerationConfig.Modality), "SMELL"',
    ),
    (
        {"contents": ["Hello"]},
        "contents[0]",
        f"Invalid value at 'contents[0]' ({TYPES}.Content), \"Hello\"",
    ),
    (
        {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "?!"}}]}]},
        "contents[0].parts[0].inline_data.data",
        "Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), "
        'Base64 decoding failed for "?!"',
    ),
]


@pytest.mark.parametrize(("body", "field", "message"), MISTYPED, ids=[mistake[1] for mistake in MISTYPED])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_mistyped_field_is_named(google_client, body, field, message, is_stream):
    error = await refusal(google_client, broken(body), is_stream=is_stream)
    assert told(error) == {
        "code": 400,
        "message": message,
        "status": "INVALID_ARGUMENT",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": field, "description": message}],
            }
        ],
    }


async def test_all_mistyped_fields_are_named_together(google_client):
    error = await refusal(google_client, broken({"generationConfig": {"topK": "x", "temperature": "warm"}}))
    violations = told(error)["details"][0]["fieldViolations"]
    fields = {violation["field"] for violation in violations}
    assert fields == {"generation_config.top_k", "generation_config.temperature"}
    assert error.message.count("\n") == 1


CONFIG = "* GenerateContentRequest.generation_config"
INVALID = [
    (broken({"contents": []}), "* GenerateContentRequest.contents: contents is not specified\n"),
    (
        broken({"contents": [{"role": "user", "parts": []}]}),
        "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n",
    ),
    (
        broken({"contents": [{"role": "user", "parts": [{}]}]}),
        "* GenerateContentRequest.contents[0].parts[0].data: required oneof field 'data' must have one "
        "initialized field\n",
    ),
    (
        broken({"contents": [{"role": "robot", "parts": [{"text": "x"}]}]}),
        "Please use a valid role: user, model.",
    ),
    (
        {"temperature": 2.1},
        f"{CONFIG}.temperature: temperature must be in the range [0.0, 2.0].\n",
    ),
    (
        {"candidate_count": 9},
        f"{CONFIG}.candidate_count: candidate_count must be in the range [1, 8].\n",
    ),
    (
        {"max_output_tokens": 0},
        f"{CONFIG}.max_output_tokens: max_output_tokens must be positive.\n",
    ),
    (
        {"stop_sequences": list("abcdef")},
        f"{CONFIG}.stop_sequences: the number of stop_sequences must not exceed 5.\n",
    ),
    (
        {"tool_config": {"function_calling_config": {"mode": "ANY"}}},
        "Function calling config is set without function_declarations.",
    ),
]


@pytest.mark.parametrize(("config", "message"), INVALID, ids=[message[:60].strip() for _, message in INVALID])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_broken_rule_is_an_invalid_argument(google_client, config, message, is_stream):
    error = await refusal(google_client, config, is_stream=is_stream)
    assert told(error) == {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}
    assert error.response.headers["x-mynah-answer"] == "refusal"


async def test_counting_is_refused_like_generating(google_client):
    config = broken({"contents": [{"parts": []}]})
    with pytest.raises(errors.ClientError) as raised:
        await settled(google_client.models.count_tokens(model=GEMINI, contents="Hello", config=config))
    assert (
        told(raised.value)["message"]
        == "* CountTokensRequest.contents[0].parts: contents.parts must not be empty.\n"
    )


async def test_an_unknown_path_is_not_found(google_at, server):
    error = await refusal(google_at(server.url, api_version="v9"))
    assert told(error) == {
        "code": 404,
        "message": f"The requested URL /v9/models/{GEMINI}:generateContent was not found on this server.",
        "status": "NOT_FOUND",
    }


async def test_a_refused_stream_still_calls_itself_one(google_client):
    error = await refusal(google_client, {"temperature": 9}, is_stream=True)
    assert error.response.headers["content-type"] == "text/event-stream"


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_body_above_the_limit_is_too_large(google_at, small_server, is_stream):
    client = google_at(small_server.url)
    await generated(client)
    error = await refusal(client, contents="x" * 1024, is_stream=is_stream)
    assert error.code == 413
    assert told(error)["message"] == "Request payload size exceeds the limit: 1024 bytes."
