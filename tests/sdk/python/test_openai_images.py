"""Pictures from OpenAI's endpoint."""

import base64

import openai
import pytest

import png
from sdk import settled


async def drawn(client, prompt="A parrot", **options):
    return await settled(client.images.generate(prompt=prompt, **options))


async def test_a_picture_has_the_size_asked_for(openai_client):
    for size in ("1024x1024", "1792x1024", "17x3", "8192x8192"):
        response = await drawn(openai_client, size=size, response_format="b64_json")
        [image] = response.data
        assert "{}x{}".format(*png.size(base64.b64decode(image.b64_json, validate=True))) == size
        assert image.url is None
    assert response.created > 1_600_000_000


async def test_a_url_holds_the_picture_itself(openai_client):
    [image] = (await drawn(openai_client, model="dall-e-3", response_format="url")).data
    head, content = image.url.split(",")
    assert head == "data:image/png;base64"
    assert png.size(base64.b64decode(content)) == (1024, 1024)
    assert image.b64_json is None


@pytest.mark.parametrize(("model", "form"), [("dall-e-2", "url"), ("gpt-image-1", "b64_json")])
async def test_each_model_has_its_own_form(openai_client, model, form):
    [image] = (await drawn(openai_client, model=model, size="auto", quality="low")).data
    assert [name for name in ("url", "b64_json") if getattr(image, name)] == [form]


async def test_pictures_are_as_many_as_asked_for(openai_client):
    assert len((await drawn(openai_client, n=10, size="64x64")).data) == 10


MISTAKES = [
    ({"prompt": ""}, "prompt", "empty_string"),
    ({"n": 11}, "n", "integer_above_max_value"),
    ({"size": "large"}, "size", "invalid_value"),
    ({"size": "8193x1"}, "size", "invalid_value"),
    ({"response_format": "png"}, "response_format", "invalid_value"),
]


@pytest.mark.parametrize(("change", "param", "code"), MISTAKES)
async def test_a_mistake_is_refused(openai_client, change, param, code):
    with pytest.raises(openai.BadRequestError) as raised:
        await drawn(openai_client, **change)
    assert (raised.value.param, raised.value.code) == (param, code)
