"""Images, recordings, films and files, in and out."""

import pytest
from google.genai import types

import png
from sdk import generated, streamed


def parts(response, index=0):
    return response.candidates[index].content.parts


@pytest.mark.parametrize(
    ("mime", "modality"),
    [
        ("image/png", "IMAGE"),
        ("image/webp", "IMAGE"),
        ("audio/mp3", "AUDIO"),
        ("video/mp4", "VIDEO"),
        ("application/pdf", "DOCUMENT"),
    ],
)
async def test_an_attachment_is_named_and_counted(google_client, mime, modality):
    response = await generated(
        google_client, ["Look", types.Part.from_bytes(data=b"\xff\xfe", mime_type=mime)]
    )
    assert response.text == f"You said: Look [{mime}]"
    details = [(part.modality, part.token_count) for part in response.usage_metadata.prompt_tokens_details]
    assert details == [("TEXT", 1), (modality, 258)]
    assert response.usage_metadata.prompt_token_count == 259


async def test_a_file_elsewhere_is_named_and_counted(google_client):
    uri = "https://generativelanguage.googleapis.com/v1beta/files/abc123"
    response = await generated(
        google_client, ["Look", types.Part.from_uri(file_uri=uri, mime_type="image/jpeg")]
    )
    assert response.text == "You said: Look [image/jpeg]"
    assert response.usage_metadata.prompt_token_count == 259


async def test_attachments_are_counted_one_by_one(google_client):
    image = types.Part.from_bytes(data=b"1", mime_type="image/png")
    response = await generated(google_client, [image, "Compare", image])
    assert response.text == "You said: Compare [image/png] [image/png]"
    assert response.usage_metadata.prompt_token_count == 1 + 2 * 258 + 1


async def test_bytes_of_all_values_are_taken(google_client):
    everything = types.Part.from_bytes(data=bytes(range(256)) * 4096, mime_type="image/png")
    assert (await generated(google_client, ["Look", everything])).text == "You said: Look [image/png]"


async def test_an_image_is_a_real_one(google_client):
    response = await generated(google_client, "Draw", response_modalities=["IMAGE"])
    [image] = parts(response)
    assert image.inline_data.mime_type == "image/png"
    assert png.size(image.inline_data.data) == (64, 64)
    assert response.candidates[0].finish_reason == types.FinishReason.STOP
    assert response.usage_metadata.candidates_token_count == 258


@pytest.mark.parametrize("modalities", [["TEXT", "IMAGE"], ["image", "text"]])
async def test_an_image_can_come_with_text(google_client, modalities):
    response = await generated(google_client, "Draw", response_modalities=modalities)
    text, image = parts(response)
    assert (text.text, text.inline_data) == ("You said: Draw", None)
    assert png.size(image.inline_data.data) == (64, 64)
    assert response.usage_metadata.candidates_token_count == 3 + 258


async def test_each_candidate_has_an_image(google_client):
    response = await generated(google_client, "Draw", response_modalities=["IMAGE"], candidate_count=2)
    assert [png.size(parts(response, index)[0].inline_data.data) for index in (0, 1)] == [(64, 64)] * 2


async def test_an_image_is_streamed_in_one_chunk(google_client):
    chunks = await streamed(google_client, "Draw", response_modalities=["TEXT", "IMAGE"])
    *texts, image = [parts(chunk)[0] for chunk in chunks]
    assert "".join(part.text for part in texts) == "You said: Draw"
    assert png.size(image.inline_data.data) == (64, 64)
    assert [bool(chunk.candidates[0].finish_reason) for chunk in chunks] == [False] * 3 + [True]


async def test_an_image_can_be_sent_back(google_client):
    drawn = await generated(google_client, "Draw", response_modalities=["IMAGE"])
    contents = [types.UserContent("Draw"), drawn.candidates[0].content, types.UserContent("Nice")]
    response = await generated(google_client, contents)
    assert response.text == "You said: Nice"
    assert response.usage_metadata.prompt_token_count == 1 + 258 + 1


async def test_sound_comes_as_samples(google_client):
    voice = {"voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}}}
    response = await generated(google_client, "Say", response_modalities=["AUDIO"], speech_config=voice)
    [sound] = parts(response)
    assert sound.inline_data.mime_type == "audio/L16;codec=pcm;rate=24000"
    assert len(sound.inline_data.data) == 4800
