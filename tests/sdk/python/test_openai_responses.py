"""Responses of text, whole and streamed, stored and gone on with."""

import re

import openai
import pytest
from pydantic import BaseModel

from sdk import GPT, collected, opened, settled


class City(BaseModel):
    name: str
    size: int


def asked(**options):
    return {"model": GPT, "input": "Hello", **options}


async def responded(client, **options):
    """A response; without options it says `You said: Hello`."""
    return await settled(client.responses.create(**asked(**options)))


async def events(client, **options):
    return await collected(client.responses.create(**asked(stream=True, **options)))


async def test_a_response_says_back_the_prompt(openai_client):
    response = await responded(openai_client)
    assert response.output_text == "You said: Hello"
    assert (response.object, response.status, response.model) == ("response", "completed", GPT)
    assert re.fullmatch(r"resp_[0-9a-f]{48}", response.id)
    assert response.error is None and response.incomplete_details is None
    [message] = response.output
    assert (message.type, message.role, message.status) == ("message", "assistant", "completed")
    assert re.fullmatch(r"msg_[0-9a-f]{48}", message.id)
    usage = response.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (1, 3, 4)
    assert usage.output_tokens_details.reasoning_tokens == usage.input_tokens_details.cached_tokens == 0


async def test_the_settings_are_said_back(openai_client):
    settings = {"temperature": 0.5, "top_p": 0.9, "metadata": {"a": "b"}, "instructions": "Be brief."}
    response = await responded(openai_client, max_output_tokens=50, truncation="auto", **settings)
    assert {name: getattr(response, name) for name in settings} == settings
    assert (response.max_output_tokens, response.truncation) == (50, "auto")


async def test_a_stream_tells_of_each_step(openai_client):
    told = await events(openai_client)
    assert [event.type.removeprefix("response.") for event in told] == [
        *["created", "in_progress", "output_item.added", "content_part.added"],
        *["output_text.delta"] * 3,
        *["output_text.done", "content_part.done", "output_item.done", "completed"],
    ]
    assert [event.sequence_number for event in told] == list(range(len(told)))
    assert [event.delta for event in told if event.type == "response.output_text.delta"] == [
        "You",
        " said:",
        " Hello",
    ]
    assert told[0].response.status == "in_progress" and told[0].response.output == []
    assert told[-1].response.output_text == "You said: Hello"
    assert len({event.response.id for event in told if hasattr(event, "response")}) == 1


async def test_the_accumulating_stream_puts_the_whole_together(openai_client):
    async with opened(openai_client.responses.stream(**asked())) as stream:
        told = await collected(stream)
        response = await settled(stream.get_final_response())
    snapshots = [event.snapshot for event in told if event.type == "response.output_text.delta"]
    assert snapshots == ["You", "You said:", "You said: Hello"]
    assert (response.status, response.output_text) == ("completed", "You said: Hello")


async def test_a_talk_is_given_as_items(openai_client):
    items = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "First"},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "One", "annotations": []}],
        },
        {"role": "user", "content": [{"type": "input_text", "text": "Second"}]},
    ]
    assert (await responded(openai_client, input=items)).output_text == "You said: Second"


async def test_attachments_are_named(openai_client):
    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"}
    file = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}
    content = [{"type": "input_text", "text": "Look"}, image, file]
    response = await responded(openai_client, input=[{"role": "user", "content": content}])
    assert response.output_text == "You said: Look [image/png] [application/pdf]"
    assert response.usage.input_tokens == 1 + 2 * 258


async def test_a_response_goes_on_with_the_one_before(openai_client):
    first = await responded(openai_client, input="First")
    second = await responded(openai_client, input="Second", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    assert second.output_text == "You said: Second"
    # What was said before counts: the first prompt, its answer, and the second.
    assert second.usage.input_tokens == 1 + 3 + 1
    items = await collected(openai_client.responses.input_items.list(second.id))
    assert [(item.role, item.content[0].text) for item in items] == [("user", "Second")]


async def test_a_response_is_shown_again(openai_client):
    response = await responded(openai_client)
    assert await settled(openai_client.responses.retrieve(response.id)) == response
    streamed = await events(openai_client)
    last = streamed[-1].response
    assert (await settled(openai_client.responses.retrieve(last.id))).output_text == "You said: Hello"


async def test_input_items_are_paged(openai_client):
    items = [{"role": "user", "content": f"number {number}"} for number in range(5)]
    response = await responded(openai_client, input=items)
    listed = await collected(openai_client.responses.input_items.list(response.id, limit=2))
    assert [item.content[0].text for item in listed] == [f"number {number}" for number in (4, 3, 2, 1, 0)]


async def test_a_response_that_is_deleted_is_gone(openai_client):
    response = await responded(openai_client)
    await settled(openai_client.responses.delete(response.id))
    with pytest.raises(openai.NotFoundError) as raised:
        await settled(openai_client.responses.retrieve(response.id))
    assert raised.value.body["message"] == f"Response with id '{response.id}' not found."


async def test_a_response_that_is_not_stored_cannot_be_gone_on_with(openai_client):
    response = await responded(openai_client, store=False)
    with pytest.raises(openai.NotFoundError):
        await settled(openai_client.responses.retrieve(response.id))
    with pytest.raises(openai.BadRequestError) as raised:
        await responded(openai_client, previous_response_id=response.id)
    assert (raised.value.param, raised.value.code) == ("previous_response_id", "previous_response_not_found")


async def test_a_response_in_the_background_is_waited_for(openai_client):
    response = await responded(openai_client, background=True)
    assert (response.status, response.output) == ("queued", [])
    seen = []
    while not seen or seen[-1] in ("queued", "in_progress"):
        assert len(seen) < 5
        response = await settled(openai_client.responses.retrieve(response.id))
        seen.append(response.status)
    assert seen == ["in_progress", "completed"]
    assert response.output_text == "You said: Hello"


async def test_a_response_in_the_background_is_cancelled(openai_client):
    response = await responded(openai_client, background=True)
    cancelled = await settled(openai_client.responses.cancel(response.id))
    assert (cancelled.id, cancelled.status) == (response.id, "cancelled")
    assert (await settled(openai_client.responses.retrieve(response.id))).status == "cancelled"


async def test_only_what_is_in_the_background_is_cancelled(openai_client):
    response = await responded(openai_client)
    with pytest.raises(openai.BadRequestError):
        await settled(openai_client.responses.cancel(response.id))


async def test_a_schema_is_filled(openai_client):
    parsed = await settled(openai_client.responses.parse(**asked(text_format=City)))
    assert parsed.output_parsed == City(name="name", size=1)
    async with opened(openai_client.responses.stream(**asked(text_format=City))) as stream:
        streamed = await settled(stream.get_final_response())
    assert streamed.output_parsed == City(name="name", size=1)


async def test_reasoning_is_an_item_in_front(openai_client):
    response = await responded(
        openai_client, model="gpt-5", reasoning={"effort": "high", "summary": "auto"}, max_output_tokens=500
    )
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert response.output[0].summary[0].type == "summary_text"
    assert response.usage.output_tokens_details.reasoning_tokens > 0
    told = await events(openai_client, model="gpt-5", reasoning={"effort": "high", "summary": "auto"})
    kinds = [event.type for event in told]
    assert "response.reasoning_summary_text.delta" in kinds
    assert kinds.index("response.reasoning_summary_text.done") < kinds.index("response.output_text.delta")


async def test_a_limit_leaves_a_response_incomplete(openai_client):
    long = {"input": "word " * 30, "max_output_tokens": 16}
    response = await responded(openai_client, **long)
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert response.output_text == "You said:" + " word" * 14
    told = await events(openai_client, **long)
    assert told[-1].type == "response.incomplete"
    assert told[-1].response.output_text == response.output_text


async def test_log_probabilities_are_told_where_they_are_wanted(openai_client):
    response = await responded(openai_client, include=["message.output_text.logprobs"], top_logprobs=2)
    told = response.output[0].content[0].logprobs
    assert [entry.token for entry in told] == ["You", " said:", " Hello"]
    assert all(len(entry.top_logprobs) == 2 for entry in told)
