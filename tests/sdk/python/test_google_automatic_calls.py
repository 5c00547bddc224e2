"""Python functions that Google's SDK calls by itself when Gemini asks for them."""

import pytest

from generation import GOOGLE_EXTRA_CALLS
from sdk import GEMINI, generated, settled, streamed


@pytest.fixture
def sums():
    return []


@pytest.fixture
def add(sums):
    # Not a method: the SDK copies what it is given, down to the object behind a method.
    def add(a: int, b: float, more: list[int]) -> float:
        """Adds some numbers."""
        sums.append(a + b + sum(more))
        return sums[-1]

    return add


def must_call(add, most):
    return {
        "tools": [add],
        "tool_config": {"function_calling_config": {"mode": "ANY"}},
        "automatic_function_calling": {"maximum_remote_calls": most},
    }


def results(history):
    parts = [part for content in history for part in content.parts]
    return [part.function_response.response for part in parts if part.function_response]


async def test_the_function_is_called_until_the_limit(google_client, add, sums):
    # Where a call is required, each answer calls again, as the real one does.
    config = must_call(add, most=3)
    response = await generated(google_client, "Add", **config)
    assert len(sums) == 2 + GOOGLE_EXTRA_CALLS
    history = response.automatic_function_calling_history
    assert [content.role for content in history] == ["user", *["model", "user"] * len(sums)]
    assert results(history) == [{"result": value} for value in sums]
    assert [call.name for call in response.function_calls] == ["add"]


async def test_a_stream_calls_the_function_too(google_client, add, sums):
    config = must_call(add, most=2)
    chunks = await streamed(google_client, "Add", **config)
    assert len(sums) == 1 + GOOGLE_EXTRA_CALLS
    assert chunks[-1].function_calls[0].name == "add"


async def test_a_function_is_offered_and_not_called_where_nothing_is_required(google_client, add, sums):
    config = {"tools": [add]}
    response = await generated(google_client, "Add", **config)
    assert response.text == "You said: Add"
    assert sums == []
    assert response.usage_metadata.prompt_token_count > 1


async def test_a_chat_calls_the_function_and_talks_on(google_client, add, sums):
    chat = google_client.chats.create(model=GEMINI)
    called = await settled(chat.send_message("Add", config=must_call(add, most=2)))
    assert called.function_calls and len(sums) == 1 + GOOGLE_EXTRA_CALLS
    assert results(chat.get_history()) == [{"result": value} for value in sums]
    answer = await settled(chat.send_message("Thanks", config={"tools": [add]}))
    assert answer.text == "You said: Thanks"
