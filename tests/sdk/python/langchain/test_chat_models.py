"""What LangChain's chat models get, each of them by its own way."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

PNG = "iVBORw0KGgo="


class City(BaseModel):
    """A city."""

    name: str
    size: int


@tool
def weather(city: str) -> str:
    """How the weather is."""
    return f"sunny in {city}"


@tool
def clock(zone: str) -> str:
    """What time it is."""
    return f"noon in {zone}"


def whole(chunks):
    total = None
    for chunk in chunks:
        total = chunk if total is None else total + chunk
    return total


def test_a_model_says_back_the_prompt(chat):
    answer = chat.invoke("Hello")
    assert isinstance(answer, AIMessage) and answer.text == "You said: Hello"
    usage = answer.usage_metadata
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (1, 3, 4)


def test_a_stream_comes_back_whole(chat):
    chunks = list(chat.stream("Hello"))
    assert [chunk.text for chunk in chunks if chunk.text] == ["You", " said:", " Hello"]
    assert whole(chunks).usage_metadata["total_tokens"] == 4


async def test_a_model_is_asked_asynchronously(chat):
    assert (await chat.ainvoke("Hello")).text == "You said: Hello"
    chunks = [chunk.text async for chunk in chat.astream("Hello")]
    assert "".join(chunks) == "You said: Hello"


def test_many_are_asked_at_once(chat):
    prompts = [f"number {number}" for number in range(20)]
    assert [answer.text for answer in chat.batch(prompts)] == [f"You said: {prompt}" for prompt in prompts]


def test_the_last_thing_that_the_user_said_is_said_back(chat):
    messages = [
        SystemMessage("Be brief."),
        HumanMessage("First"),
        AIMessage("You said: First"),
        HumanMessage("Second"),
    ]
    assert chat.invoke(messages).text == "You said: Second"


def test_a_picture_is_looked_at(chat):
    picture = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    asked = HumanMessage([{"type": "text", "text": "What is this?"}, picture])
    assert chat.invoke([asked]).text == "You said: What is this? [image/png]"


@pytest.mark.parametrize("streamed", [False, True])
def test_tools_are_called_where_they_must_be(chat, streamed):
    caller = chat.bind_tools([weather, clock], tool_choice="any")
    answer = whole(caller.stream("Hello")) if streamed else caller.invoke("Hello")
    calls = [(call["name"], call["args"]) for call in answer.tool_calls]
    assert calls == [("weather", {"city": "city"}), ("clock", {"zone": "zone"})]
    assert len({call["id"] for call in answer.tool_calls}) == 2


def test_one_tool_is_called_where_it_is_named(chat):
    caller = chat.bind_tools([weather, clock], tool_choice="clock")
    assert [call["name"] for call in caller.invoke("Hello").tool_calls] == ["clock"]


def test_the_results_of_calls_are_said_back(chat):
    tools = {"weather": weather, "clock": clock}
    asked = [HumanMessage("Hello")]
    called = chat.bind_tools(tools.values(), tool_choice="any").invoke(asked)
    results = [tools[call["name"]].invoke(call) for call in called.tool_calls]
    assert all(isinstance(result, ToolMessage) for result in results)
    answer = chat.bind_tools(tools.values()).invoke([*asked, called, *results])
    assert "sunny in city" in answer.text.splitlines()[0] and "noon in zone" in answer.text.splitlines()[1]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output_is_filled(chat, method):
    assert chat.with_structured_output(City, method=method).invoke("Hello") == City(name="name", size=1)


async def test_structured_output_is_filled_asynchronously(chat):
    assert await chat.with_structured_output(City).ainvoke("Hello") == City(name="name", size=1)


def test_stop_sequences_end_an_answer_where_the_api_has_them(chat, name):
    answer = chat.invoke("Hello", stop=[" Hello"])
    assert answer.text == ("You said: Hello" if name == "responses" else "You said:")


def test_a_limit_of_tokens_ends_an_answer(chat_at, server, name):
    answer = chat_at(server.url, max_tokens=16).invoke("word " * 30)
    assert answer.text == "You said:" + " word" * 14
