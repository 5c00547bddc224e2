"""Imagen's pictures. Newer SDKs have no way to them but Google Cloud's, so they are asked for by hand too."""

import base64

import pytest

import png
from generation import GOOGLE_DRAWS, google_http
from sdk import settled


async def predicted(server, **parameters):
    body = {"instances": [{"prompt": "A parrot"}], "parameters": parameters}
    async with google_http.AsyncClient() as client:
        return await client.post(f"{server.url}/v1beta/models/imagen-4.0-generate-001:predict", json=body)


@pytest.mark.parametrize(
    ("parameters", "count", "size"),
    [
        ({}, 4, (1024, 1024)),
        ({"sampleCount": 2, "aspectRatio": "16:9", "includeRaiReason": True}, 2, (1408, 768)),
        ({"sampleCount": 1, "aspectRatio": "3:4", "sampleImageSize": "2K"}, 1, (1792, 2560)),
    ],
)
async def test_pictures_are_as_many_and_as_large_as_asked_for(server, parameters, count, size):
    images = (await predicted(server, **parameters)).json()["predictions"]
    assert [image["mimeType"] for image in images] == ["image/png"] * count
    drawn = [base64.b64decode(image["bytesBase64Encoded"], validate=True) for image in images]
    assert [png.size(content) for content in drawn] == [size] * count


async def test_five_are_too_many(server):
    answer = await predicted(server, sampleCount=5)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.filterwarnings("ignore:The generate_images method is deprecated")
async def test_an_sdk_draws_while_it_can(google_client):
    asked = {"model": "imagen-4.0-generate-001", "prompt": "A parrot", "config": {"number_of_images": 2}}
    if GOOGLE_DRAWS:
        drawn = (await settled(google_client.models.generate_images(**asked))).generated_images
        assert [one.image.mime_type for one in drawn] == ["image/png"] * 2
        assert [png.size(one.image.image_bytes) for one in drawn] == [(1024, 1024)] * 2
    else:
        with pytest.raises(ValueError, match="only supported in"):
            await settled(google_client.models.generate_images(**asked))
