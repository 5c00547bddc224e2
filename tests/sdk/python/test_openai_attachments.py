"""Images, recordings and files in a chat completion's request."""

import base64

import pytest

from sdk import GPT, chunked, completed, hello, user

CONTENT = base64.b64encode(b"whatever it is").decode()
PNG = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{CONTENT}", "detail": "low"}}
LINK = {"type": "image_url", "image_url": {"url": "https://example.com/cat.jpg"}}
WAV = {"type": "input_audio", "input_audio": {"data": CONTENT, "format": "wav"}}
PDF = {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{CONTENT}"}}
UPLOADED = {"type": "file", "file": {"file_id": "file-abc123"}}


def look(*parts):
    return {"model": GPT, "messages": [user([{"type": "text", "text": "Look"}, *parts])]}


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (PNG, "image/png"),
        (LINK, "image/*"),
        (WAV, "audio/wav"),
        (PDF, "application/pdf"),
        (UPLOADED, "application/octet-stream"),
    ],
)
async def test_an_attachment_is_named_and_counted(openai_client, part, name):
    completion = await completed(openai_client, **look(part))
    assert completion.choices[0].message.content == f"You said: Look [{name}]"
    assert completion.usage.prompt_tokens == 1 + 258


async def test_attachments_are_counted_one_by_one(openai_client):
    completion = await completed(openai_client, **look(PNG, LINK, PDF))
    assert completion.choices[0].message.content == "You said: Look [image/png] [image/*] [application/pdf]"
    assert completion.usage.prompt_tokens == 1 + 3 * 258


async def test_sound_is_told_apart_in_the_usage(openai_client):
    completion = await completed(openai_client, **look(WAV, PNG))
    assert completion.usage.prompt_tokens_details.audio_tokens == 258


async def test_attachments_do_not_hinder_a_stream(openai_client):
    chunks = await chunked(openai_client, **look(PNG))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == "You said: Look [image/png]"


async def test_an_earlier_image_is_counted_but_not_named(openai_client):
    messages = [*look(PNG)["messages"], {"role": "assistant", "content": "Nice"}, *hello()["messages"]]
    completion = await completed(openai_client, messages=messages)
    assert completion.choices[0].message.content == "You said: Hello"
    assert completion.usage.prompt_tokens == 1 + 258 + 1 + 1


async def test_an_image_of_a_megabyte_is_taken(openai_client):
    url = "data:image/jpeg;base64," + base64.b64encode(bytes(1_000_000)).decode()
    image = {"type": "image_url", "image_url": {"url": url}}
    completion = await completed(openai_client, **look(image))
    assert completion.choices[0].message.content == "You said: Look [image/jpeg]"
    assert completion.usage.prompt_tokens == 1 + 258
