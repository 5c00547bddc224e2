"""Conversations that Google's SDK keeps."""

import pytest

from sdk import GEMINI, collected, settled


@pytest.fixture
def chat(google_client):
    return google_client.chats.create(model=GEMINI)


def said(history):
    return [(content.role, content.parts[0].text) for content in history]


async def test_each_message_is_said_back(chat):
    assert (await settled(chat.send_message("First"))).text == "You said: First"
    assert (await settled(chat.send_message("Second"))).text == "You said: Second"


async def test_the_history_is_kept(chat):
    await settled(chat.send_message("First"))
    await settled(chat.send_message("Second"))
    assert said(chat.get_history(curated=True)) == [
        ("user", "First"),
        ("model", "You said: First"),
        ("user", "Second"),
        ("model", "You said: Second"),
    ]


async def test_the_history_is_counted(chat):
    counts = [(await settled(chat.send_message("Hello"))).usage_metadata.prompt_token_count for _ in range(3)]
    assert counts == [1, 1 + 3 + 1, 2 * (1 + 3) + 1]


async def test_a_streamed_message_comes_back_whole_and_is_kept(chat):
    chunks = await collected(chat.send_message_stream("Hello"))
    assert [chunk.text for chunk in chunks] == ["You", " said:", " Hello"]
    answer = await settled(chat.send_message("Bye"))
    assert answer.usage_metadata.prompt_token_count == 1 + 3 + 1
    # The SDK keeps every chunk as a content of its own.
    kept = [("user", "Hello"), ("model", "You"), ("model", " said:"), ("model", " Hello")]
    assert said(chat.get_history(curated=True))[:4] == kept


async def test_a_chat_has_settings_of_its_own(google_client):
    config = {"system_instruction": "Be brief.", "max_output_tokens": 2}
    chat = google_client.chats.create(model=GEMINI, config=config)
    for count in [1 + 3, 1 + 3 + 2 + 1]:
        response = await settled(chat.send_message("Hello"))
        assert response.text == "You said:"
        assert response.usage_metadata.prompt_token_count == count


async def test_a_chat_can_go_on_from_a_history(google_client):
    history = [
        {"role": "user", "parts": [{"text": "one two"}]},
        {"role": "model", "parts": [{"text": "three"}]},
    ]
    chat = google_client.chats.create(model=GEMINI, history=history)
    response = await settled(chat.send_message("four"))
    assert response.text == "You said: four"
    assert response.usage_metadata.prompt_token_count == 4
