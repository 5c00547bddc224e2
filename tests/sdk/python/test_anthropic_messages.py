"""Messages of text, whole and streamed."""

import re

import pytest

from claude import CLAUDE, answered, events, greeting, texts
from sdk import collected, opened, settled, user


async def test_a_message_says_back_the_prompt(anthropic_client):
    message = await answered(anthropic_client)
    assert texts(message) == ["You said: Hello"]
    assert (message.type, message.role, message.model) == ("message", "assistant", CLAUDE)
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert re.fullmatch(r"msg_[0-9A-Za-z]{24}", message.id)
    assert (message.usage.input_tokens, message.usage.output_tokens) == (1, 3)


async def test_an_answer_has_its_request_s_id(anthropic_client):
    message = await answered(anthropic_client)
    assert re.fullmatch(r"req_[0-9A-Za-z]{24}", message._request_id)


async def test_a_stream_tells_of_each_step(anthropic_client):
    told = [event for event in await events(anthropic_client) if event.type != "ping"]
    assert [event.type for event in told] == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 3,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert told[0].message.content == [] and told[0].message.stop_reason is None
    assert (told[1].index, told[1].content_block.text) == (0, "")
    assert [event.delta.text for event in told[2:5]] == ["You", " said:", " Hello"]
    assert (told[-2].delta.stop_reason, told[-2].usage.output_tokens) == ("end_turn", 3)


async def test_the_accumulating_stream_puts_the_whole_together(anthropic_client):
    async with opened(anthropic_client.messages.stream(**greeting())) as stream:
        pieces = await collected(stream.text_stream)
        message = await settled(stream.get_final_message())
    assert pieces == ["You", " said:", " Hello"]
    assert (texts(message), message.stop_reason) == (["You said: Hello"], "end_turn")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (1, 3)


async def test_the_accumulating_stream_tells_of_the_text_so_far(anthropic_client):
    async with opened(anthropic_client.messages.stream(**greeting())) as stream:
        told = await collected(stream)
    snapshots = [event.snapshot for event in told if event.type == "text"]
    assert snapshots == ["You", "You said:", "You said: Hello"]


@pytest.mark.parametrize(
    "text",
    [
        "naïve 日本語 😀",
        "a\u2028b\u0085c\r\nd\x00",
        "data: [DONE]\n\nevent: error\n",
        '"\\u0041 </script>',
        "word " * 300,
    ],
)
async def test_any_text_comes_back(anthropic_client, text):
    assert texts(await answered(anthropic_client, text)) == [f"You said: {text}"]
    async with opened(anthropic_client.messages.stream(**greeting(text))) as stream:
        assert await settled(stream.get_final_text()) == f"You said: {text}"


async def test_the_last_thing_that_the_user_said_is_said_back(anthropic_client):
    parts = [{"type": "text", "text": "Second"}, {"type": "text", "text": "and third"}]
    messages = [user("First"), {"role": "assistant", "content": "You said: First"}, user(parts)]
    message = await answered(anthropic_client, system="Be brief.", messages=messages)
    assert texts(message) == ["You said: Second\nand third"]


async def test_attachments_are_named(anthropic_client):
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    document = {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
    }
    message = await answered(anthropic_client, [{"type": "text", "text": "Look"}, image, document])
    assert texts(message) == ["You said: Look [image/png] [application/pdf]"]
    assert message.usage.input_tokens == 1 + 2 * 258


async def test_a_limit_of_tokens_ends_a_message(anthropic_client):
    message = await answered(anthropic_client, "one two", max_tokens=3)
    assert (texts(message), message.stop_reason) == (["You said: one"], "max_tokens")
    told = await events(anthropic_client, "one two", max_tokens=3)
    assert [event.delta.stop_reason for event in told if event.type == "message_delta"] == ["max_tokens"]


async def test_a_stop_sequence_ends_a_message_and_is_named(anthropic_client):
    message = await answered(anthropic_client, "one two", stop_sequences=["three", " two"])
    assert texts(message) == ["You said: one"]
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", " two")
    told = await events(anthropic_client, "one two", stop_sequences=["three", " two"])
    [end] = [event.delta for event in told if event.type == "message_delta"]
    assert (end.stop_reason, end.stop_sequence) == ("stop_sequence", " two")


async def test_the_usual_settings_are_accepted(anthropic_client):
    # Newer SDKs have no names for some of them.
    settings = {
        "temperature": 0.2,
        "top_p": 0.9,
        "top_k": 40,
        "service_tier": "auto",
        "metadata": {"user_id": "me"},
    }
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    message = await answered(anthropic_client, system=system, extra_body=settings)
    assert texts(message) == ["You said: Hello"]


async def test_tokens_are_counted(anthropic_client):
    counted = await settled(
        anthropic_client.messages.count_tokens(model=CLAUDE, messages=[user("Hello wonderful world")])
    )
    assert counted.input_tokens == 4


async def test_models_are_listed(anthropic_client):
    models = await collected(anthropic_client.models.list(limit=2))
    assert len(models) > 2 and all(model.type == "model" for model in models)
    assert all(model.id.startswith("claude-") and model.display_name for model in models)
    assert len({model.id for model in models}) == len(models)


async def test_a_model_is_described(anthropic_client):
    model = await settled(anthropic_client.models.retrieve(CLAUDE))
    assert (model.id, model.type) == (CLAUDE, "model")
