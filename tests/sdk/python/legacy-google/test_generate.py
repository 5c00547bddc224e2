"""What Gemini generates, by Google's SDK of old. It asks for enums as numbers, and for streams as arrays."""

import google.generativeai as genai
import pytest
from google.generativeai import protos

FINISH = protos.Candidate.FinishReason


def texts(stream):
    return [chunk.text for chunk in stream]


def test_a_model_says_back_the_prompt(model):
    response = model.generate_content("Hello")
    assert response.text == "You said: Hello"
    [candidate] = response.candidates
    assert (candidate.content.role, candidate.finish_reason) == ("model", FINISH.STOP)
    usage = response.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (1, 3, 4)


def test_a_stream_comes_back_whole(model):
    stream = model.generate_content("Hello", stream=True)
    assert texts(stream) == ["You", " said:", " Hello"]
    assert stream.text == "You said: Hello"
    assert stream.candidates[0].finish_reason == FINISH.STOP
    assert stream.usage_metadata.total_token_count == 4


@pytest.mark.parametrize("text", ["naïve 日本語 😀", "a\u2028b\u0085c\r\nd\x00", '"}],\r\n[{', "word " * 500])
def test_any_text_comes_back(model, text):
    assert model.generate_content(text).text == f"You said: {text}"
    assert "".join(texts(model.generate_content(text, stream=True))) == f"You said: {text}"


@pytest.mark.parametrize("stream", [False, True])
def test_the_settings_are_heeded(model, stream):
    config = {"max_output_tokens": 2, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "candidate_count": 1}
    response = model.generate_content("Hello", generation_config=config, stream=stream)
    response.resolve()
    assert (response.text, response.candidates[0].finish_reason) == ("You said:", FINISH.MAX_TOKENS)
    response = model.generate_content(
        "Hello", generation_config={"stop_sequences": [" Hello"]}, stream=stream
    )
    response.resolve()
    assert (response.text, response.candidates[0].finish_reason) == ("You said:", FINISH.STOP)


def test_safety_settings_and_a_system_instruction_are_taken(connect, server):
    connect(server.url)
    model = genai.GenerativeModel(
        "gemini-2.5-flash", system_instruction="Be brief.", safety_settings={"HARASSMENT": "BLOCK_NONE"}
    )
    assert model.generate_content("Hello").usage_metadata.prompt_token_count == 4


def test_json_is_an_instance_of_its_schema(model):
    config = {
        "response_mime_type": "application/json",
        "response_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
        },
    }
    assert model.generate_content("Hello", generation_config=config).text == '{"city":"city","days":1}'


def test_an_image_is_looked_at(model):
    image = {"mime_type": "image/png", "data": b"\x89PNG"}
    response = model.generate_content(["Describe this image", image])
    assert response.text == "You said: Describe this image [image/png]"
    assert response.usage_metadata.prompt_token_count == 258 + 4


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_remembers_what_was_said(model, stream):
    chat = model.start_chat()
    for prompt in ("one", "two"):
        response = chat.send_message(prompt, stream=stream)
        response.resolve()
        assert response.text == f"You said: {prompt}"
    said = [(content.role, content.parts[0].text) for content in chat.history]
    assert said == [("user", "one"), ("model", "You said: one"), ("user", "two"), ("model", "You said: two")]


def weather(city: str) -> str:
    """How the weather is."""
    return f"sunny in {city}"


def clock(zone: str) -> str:
    """What time it is."""
    return f"noon in {zone}"


@pytest.fixture
def calling(connect, server):
    connect(server.url)
    return genai.GenerativeModel("gemini-2.5-flash", tools=[weather, clock])


def must_call(*names):
    return {"function_calling_config": {"mode": "ANY", "allowed_function_names": names}}


def called(response):
    parts = response.candidates[0].content.parts
    return [(part.function_call.name, dict(part.function_call.args)) for part in parts]


@pytest.mark.parametrize("stream", [False, True])
def test_functions_are_called_where_they_must_be(calling, stream):
    response = calling.generate_content("Hello", tool_config=must_call(), stream=stream)
    response.resolve()
    assert called(response) == [("weather", {"city": "city"}), ("clock", {"zone": "zone"})]
    response = calling.generate_content("Hello", tool_config=must_call("clock"), stream=stream)
    response.resolve()
    assert called(response) == [("clock", {"zone": "zone"})]


def test_the_result_of_a_call_is_said_back(calling):
    chat = calling.start_chat()
    chat.send_message("Hello", tool_config=must_call("weather"))
    result = protos.FunctionResponse(name="weather", response={"result": "sunny"})
    answer = chat.send_message(protos.Part(function_response=result))
    assert answer.text == 'weather returned: {"result":"sunny"}'


def test_tokens_are_counted(model):
    assert model.count_tokens("Hello wonderful world").total_tokens == 4
    assert model.count_tokens([{"role": "user", "parts": ["Hello", "you"]}]).total_tokens == 2
