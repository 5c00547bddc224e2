"""Vectors from OpenAI's endpoint, at home and at Google."""

import base64
import math
import struct

import openai
import pytest

from sdk import settled

SMALL = "text-embedding-3-small"


async def embedded(client, texts, model=SMALL, **options):
    return await settled(client.embeddings.create(model=model, input=texts, **options))


async def vectors(client, texts, **options):
    return [item.embedding for item in (await embedded(client, texts, **options)).data]


def length(vector):
    return math.sqrt(sum(number * number for number in vector))


def nearness(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_an_answer_has_all_that_the_real_one_has(openai_client):
    response = await embedded(openai_client, "Hello wonderful world")
    assert (response.object, response.model) == ("list", SMALL)
    assert (response.usage.prompt_tokens, response.usage.total_tokens) == (4, 4)
    [item] = response.data
    assert (item.object, item.index, len(item.embedding)) == ("embedding", 0, 1536)
    assert length(item.embedding) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("model", "dimensions"),
    [("text-embedding-3-large", 3072), ("text-embedding-ada-002", 1536), ("unheard-of", 1536)],
)
async def test_a_model_has_as_many_dimensions_as_the_real_one(openai_client, model, dimensions):
    [vector] = await vectors(openai_client, "Hello", model=model)
    assert len(vector) == dimensions


async def test_dimensions_are_as_many_as_asked_for(openai_client):
    for dimensions in (1, 256, 1536):
        [vector] = await vectors(openai_client, "Hello", dimensions=dimensions)
        assert (len(vector), length(vector)) == (dimensions, pytest.approx(1, abs=1e-4))


async def test_numbers_and_base64_are_the_same_vector(openai_client):
    # The SDK asks for base64 where its caller does not choose, and decodes it only then.
    [unasked] = await vectors(openai_client, "Hello")
    [numbers] = await vectors(openai_client, "Hello", encoding_format="float")
    [text] = await vectors(openai_client, "Hello", encoding_format="base64")
    assert numbers == pytest.approx(unasked)
    assert list(struct.unpack("<1536f", base64.b64decode(text, validate=True))) == unasked


async def test_a_vector_follows_from_its_text_alone(openai_client):
    texts = [f"text number {number}" for number in range(2048)]
    many = await embedded(openai_client, texts, dimensions=32)
    assert [item.index for item in many.data] == list(range(2048))
    assert len({tuple(item.embedding) for item in many.data}) == 2048
    assert [many.data[7].embedding] == await vectors(openai_client, texts[7], dimensions=32)


async def test_texts_that_share_words_are_near_each_other(openai_client):
    cats, kittens, tax = await vectors(
        openai_client, ["The cat sat on the mat", "A cat on a mat", "Income tax is due in March"]
    )
    assert nearness(cats, kittens) > 0.4
    assert nearness(cats, tax) < 0.2


async def test_tokens_are_an_input_too(openai_client):
    response = await embedded(openai_client, [9906, 1917])
    assert (len(response.data), response.usage.prompt_tokens) == (1, 2)
    several = await embedded(openai_client, [[9906, 1917], [9906]])
    assert several.usage.prompt_tokens == 3
    assert several.data[0].embedding == response.data[0].embedding != several.data[1].embedding


async def test_headers_tell_the_model(openai_client):
    raw = await settled(openai_client.embeddings.with_raw_response.create(model=SMALL, input="Hello"))
    assert raw.headers["openai-model"] == SMALL
    assert raw.headers["x-ratelimit-remaining-tokens"] == "1999999"


async def test_google_serves_them_too(openai_at, server):
    client = openai_at(server.url, base_url=f"{server.url}/v1beta/openai")
    response = await embedded(client, ["Hello", "world"], model="gemini-embedding-001")
    assert [len(item.embedding) for item in response.data] == [3072, 3072]


INVALID = (
    "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference."
)

MISTAKES = [
    ({"model": None}, "you must provide a model parameter", None),
    ({"input": []}, INVALID, None),
    ({"input": 5}, INVALID, None),
    ({"input": ["Hello", 5]}, INVALID, None),
    ({"input": ""}, "Invalid 'input': input cannot be an empty string.", None),
    ({"input": ["Hello"] * 2049}, "Invalid 'input': array length must be 2048 or less.", None),
    (
        {"dimensions": 0},
        "Invalid 'dimensions': integer below minimum value. Expected a value >= 1, but got 0 instead.",
        "dimensions",
    ),
    (
        {"dimensions": 1537},
        "Invalid value for 'dimensions' = 1537. Must be less than or equal to 1536.",
        None,
    ),
    (
        {"encoding_format": "hex"},
        "Invalid value: 'hex'. Supported values are: 'float' and 'base64'.",
        "encoding_format",
    ),
]


@pytest.mark.parametrize(("change", "message", "param"), MISTAKES)
async def test_a_mistake_is_refused_in_openai_s_words(openai_client, change, message, param):
    with pytest.raises(openai.BadRequestError) as raised:
        await settled(openai_client.embeddings.create(**{"model": SMALL, "input": "Hello", **change}))
    assert (raised.value.body["message"], raised.value.param) == (message, param)
