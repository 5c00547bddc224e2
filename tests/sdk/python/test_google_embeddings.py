"""Vectors from Gemini. The SDK sends every content in a batch, be it alone."""

import math

import pytest
from google.genai import errors, types

from generation import GOOGLE_TELLS_EMBEDDING_USAGE
from sdk import settled, told

MODEL = "gemini-embedding-001"


async def embedded(client, contents, model=MODEL, **config):
    return await settled(client.models.embed_content(model=model, contents=contents, config=config or None))


def length(vector):
    return math.sqrt(sum(number * number for number in vector))


def assert_used(response, tokens):
    """That a response tells of so many tokens, where the SDK tells of them at all."""
    if GOOGLE_TELLS_EMBEDDING_USAGE:
        assert response.usage_metadata.prompt_token_count == tokens
    else:
        assert not hasattr(response, "usage_metadata")


@pytest.mark.parametrize(("model", "dimensions"), [(MODEL, 3072), ("text-embedding-004", 768)])
async def test_a_text_has_a_vector(google_client, model, dimensions):
    response = await embedded(google_client, "Hello wonderful world", model=model)
    [embedding] = response.embeddings
    assert (len(embedding.values), length(embedding.values)) == (dimensions, pytest.approx(1, abs=1e-4))
    assert_used(response, 4)


async def test_each_text_has_its_own(google_client):
    response = await embedded(google_client, [f"text {number}" for number in range(100)])
    assert len({tuple(embedding.values) for embedding in response.embeddings}) == 100
    again = await embedded(google_client, ["text 1", "text 1", "text 2"])
    assert again.embeddings[0] == again.embeddings[1] == response.embeddings[1]
    assert again.embeddings[2] == response.embeddings[2]


async def test_dimensions_are_as_many_as_asked_for(google_client):
    response = await embedded(
        google_client, ["Hello", "world"], output_dimensionality=10, task_type="RETRIEVAL_QUERY", title="t"
    )
    assert [len(embedding.values) for embedding in response.embeddings] == [10, 10]


async def test_an_attachment_is_embedded(google_client):
    def content(data):
        return types.Content(parts=[types.Part.from_bytes(data=data, mime_type="image/png")])

    response = await embedded(google_client, [content(b"1"), content(b"2")])
    one, two = (embedding.values for embedding in response.embeddings)
    assert one != two
    assert_used(response, 2 * 258)


@pytest.mark.parametrize(
    ("contents", "config", "message"),
    [
        ("", {}, "EmbedContentRequest.content contains an empty Part."),
        (
            ["x"] * 101,
            {},
            "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n",
        ),
        (
            "x",
            {"output_dimensionality": 3073},
            "* BatchEmbedContentsRequest.requests[0].output_dimensionality: output_dimensionality must be in the "
            "range [1, 3072].\n",
        ),
    ],
)
async def test_a_mistake_is_refused_in_google_s_words(google_client, contents, config, message):
    with pytest.raises(errors.ClientError) as raised:
        await embedded(google_client, contents, **config)
    assert (told(raised.value)["status"], raised.value.message) == ("INVALID_ARGUMENT", message)
