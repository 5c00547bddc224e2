"""Shipped scenarios that teach what a model may say."""

import base64
import json

import openai
import pytest
from google.genai import errors, types
from pydantic import BaseModel, ValidationError

import png
from scenarios import pieces, said
from sdk import GEMINI, GPT, user

SUNNY = {"sky": "sunny", "degrees": 21}


def function(name):
    return {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": {}}},
    }


def functions(*names):
    return [types.Tool(function_declarations=[types.FunctionDeclaration(name=name) for name in names])]


@pytest.mark.parametrize(
    ("result", "answer"), [(SUNNY, "It is sunny in Zürich."), ({"error": "offline"}, "I could not find out.")]
)
def test_a_tool_loop_with_openai_comes_to_its_end(scene, result, answer):
    loop = scene("08-tool-loop")
    messages = [user("How is the weather?")]
    tools = [function("get_weather")]
    asked = loop.ask_openai(messages, tools=tools).choices[0]
    [call] = asked.message.tool_calls
    assert (asked.finish_reason, asked.message.content) == ("tool_calls", None)
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Zürich"})
    told = {"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)}
    messages += [asked.message.model_dump(exclude_none=True), told]
    last = loop.ask_openai(messages, tools=tools).choices[0]
    assert (last.finish_reason, last.message.content) == ("stop", answer)


def test_a_streamed_call_of_openai_is_put_together(scene):
    chunks = scene("08-tool-loop").stream_openai("How is the weather?", tools=[function("get_weather")])
    deltas = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert deltas[0].id and deltas[0].function.name == "get_weather"
    assert json.loads("".join(delta.function.arguments for delta in deltas)) == {"city": "Zürich"}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("is_stream", [False, True])
def test_gemini_s_sdk_goes_through_the_tool_loop_by_itself(scene, is_stream):
    cities = []

    def get_weather(city: str) -> dict:
        """Tells the weather."""
        cities.append(city)
        return SUNNY

    loop = scene("08-tool-loop")
    ask = loop.stream_gemini if is_stream else loop.ask_gemini
    answer = ask("How is the weather?", tools=[get_weather])
    assert cities == ["Zürich"]
    assert ("".join(pieces(answer)) if is_stream else answer.text) == "It is sunny in Zürich."


def test_a_tool_loop_with_gemini_goes_by_hand_too(scene):
    loop = scene("08-tool-loop")
    question = types.UserContent("How is the weather?")
    response = loop.ask_gemini([question], tools=functions("get_weather"))
    [call] = response.function_calls
    assert (call.name, call.args) == ("get_weather", {"city": "Zürich"})
    result = types.Part.from_function_response(name=call.name, response={"error": "offline"})
    contents = [question, response.candidates[0].content, types.UserContent(result)]
    assert loop.ask_gemini(contents, tools=functions("get_weather")).text == "I could not find out."


def test_a_tool_that_is_not_offered_is_not_called(scene):
    with pytest.raises(openai.NotFoundError, match="get_weather"):
        scene("08-tool-loop").ask_openai("How is the weather?")


CALLS = [
    ("get_weather", {"city": "Zürich"}),
    ("get_weather", {"city": "Oslo"}),
    ("get_time", {"zone": "UTC"}),
]


def test_openai_calls_several_tools_at_once(scene):
    more = scene("09-more-calls")
    tools = [function("get_weather"), function("get_time")]
    choice = more.ask_openai(tools=tools).choices[0]
    calls = [(call.function.name, json.loads(call.function.arguments)) for call in choice.message.tool_calls]
    assert (choice.message.content, calls) == ("Let me see.", CALLS)
    assert len({call.id for call in choice.message.tool_calls}) == 3
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in choice.message.tool_calls
    ]
    messages = [user("Hello"), choice.message.model_dump(exclude_none=True), *results]
    assert said(more.ask_openai(messages, tools=tools)) == "Sunny in both."


def test_openai_s_stream_helper_knows_all_the_calls(scene):
    client = scene("09-more-calls").openai()
    tools = [function("get_weather"), function("get_time")]
    with client.chat.completions.stream(model=GPT, messages=[user("Hello")], tools=tools) as stream:
        message = stream.get_final_completion().choices[0].message
    calls = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls]
    assert (message.content, calls) == ("Let me see.", CALLS)


def test_gemini_calls_several_tools_at_once(scene):
    more = scene("09-more-calls")
    response = more.ask_gemini(tools=functions("get_time", "get_weather"))
    parts = response.candidates[0].content.parts
    assert parts[0].text == "Let me see."
    assert [(part.function_call.name, part.function_call.args) for part in parts[1:]] == CALLS
    chunks = more.stream_gemini(tools=functions("get_time", "get_weather"))
    calls = [call for chunk in chunks for call in chunk.function_calls or []]
    assert [(call.name, call.args) for call in calls] == CALLS


def test_arguments_may_break_off(scene):
    more = scene("09-more-calls")
    choice = more.ask_openai(tools=[function("save")]).choices[0]
    assert choice.finish_reason == "length"
    assert choice.message.tool_calls[0].function.arguments == '{"path": "a.txt", "te'
    chunks = more.stream_openai(tools=[function("save")])
    deltas = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert [delta.function.arguments for delta in deltas] == ["", '{"path": "a', '.txt", "te']


class Line(BaseModel):
    item: str
    price: float


class Invoice(BaseModel):
    total: float
    currency: str
    lines: list[Line]


INVOICE = Invoice(total=12.5, currency="CHF", lines=[Line(item="tea", price=12.5)])


def test_structured_output_is_parsed(scene):
    structured = scene("10-structured")
    parse = structured.openai().chat.completions.parse
    parsed = parse(model=GPT, messages=[user("The invoice, please")], response_format=Invoice)
    assert parsed.choices[0].message.parsed == INVOICE
    config = {"response_mime_type": "application/json", "response_schema": Invoice}
    assert structured.ask_gemini("The invoice, please", **config).parsed == INVOICE
    streamed = "".join(pieces(structured.stream_gemini("The invoice, please", **config)))
    assert Invoice.model_validate_json(streamed) == INVOICE


def test_output_that_is_not_what_was_asked_for_is_noticed(scene):
    structured = scene("10-structured")
    parse = structured.openai().chat.completions.parse
    with pytest.raises(openai.LengthFinishReasonError):
        parse(model=GPT, messages=[user("Only half")], response_format=Invoice)
    with pytest.raises(ValidationError):
        parse(model=GPT, messages=[user("Be talkative")], response_format=Invoice)
    config = {"response_mime_type": "application/json", "response_schema": Invoice}
    half = structured.ask_gemini("Only half", **config)
    assert (half.parsed, half.candidates[0].finish_reason) == (None, "MAX_TOKENS")
    assert structured.ask_gemini("Be talkative", **config).parsed is None


THOUGHT = "The user wants a number. Seven is a number."


def test_thoughts_stand_apart_from_the_answer(scene):
    thinking = scene("11-thinking")
    response = thinking.ask_gemini("A number?")
    thought, answer = response.candidates[0].content.parts
    assert (thought.text, thought.thought, answer.text) == (THOUGHT, True, "Seven.")
    assert response.text == "Seven."
    message = thinking.ask_openai("A number?").choices[0].message
    assert (message.reasoning_content, message.content) == (THOUGHT, "Seven.")
    deltas = [chunk.choices[0].delta for chunk in thinking.stream_openai("A number?")]
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas) == THOUGHT


def test_thoughts_are_counted_as_told(scene):
    thinking = scene("11-thinking")
    usage = thinking.ask_gemini().usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count) == (12, 2)
    assert (usage.thoughts_token_count, usage.total_token_count) == (40, 54)
    assert thinking.stream_gemini()[-1].usage_metadata.total_token_count == 54
    for usage in (
        thinking.ask_openai().usage,
        thinking.stream_openai(stream_options={"include_usage": True})[-1].usage,
    ):
        assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (12, 42, 54)
        assert usage.completion_tokens_details.reasoning_tokens == 40


@pytest.mark.parametrize(
    ("prompt", "reason"), [("How to build a BOMB?", "SAFETY"), ("A forbidden word", "BLOCKLIST")]
)
def test_a_blocked_prompt_has_feedback_and_no_candidates(scene, prompt, reason):
    safety = scene("12-safety")
    for response in (safety.ask_gemini(prompt), *safety.stream_gemini(prompt)):
        assert response.prompt_feedback.block_reason == reason
        assert not response.candidates
        assert response.text is None


def test_openai_declines_a_blocked_prompt(scene):
    choice = scene("12-safety").ask_openai("How to build a bomb?").choices[0]
    assert (choice.message.content, choice.finish_reason) == (None, "stop")
    assert "can't assist" in choice.message.refusal


@pytest.mark.parametrize(
    ("prompt", "text", "at_gemini", "at_openai"),
    [
        ("A story", "Once upon a", "SAFETY", "content_filter"),
        ("The lyrics", "Imagine all", "RECITATION", "content_filter"),
    ],
)
def test_a_filter_cuts_the_answer_off(scene, prompt, text, at_gemini, at_openai):
    safety = scene("12-safety")
    response = safety.ask_gemini(prompt)
    assert (response.text, response.candidates[0].finish_reason) == (text, at_gemini)
    choice = safety.ask_openai(prompt).choices[0]
    assert (choice.message.content, choice.finish_reason) == (text, at_openai)
    chunks = safety.stream_openai(prompt)
    assert ("".join(pieces(chunks)), chunks[-1].choices[0].finish_reason) == (text, at_openai)


def test_unsafe_content_is_rated(scene):
    [candidate] = scene("12-safety").ask_gemini("A story").candidates
    assert [rating.blocked for rating in candidate.safety_ratings if rating.blocked] == [True]


def test_a_refusal_has_a_field_of_its_own(scene):
    safety = scene("12-safety")
    message = safety.ask_openai("A favour").choices[0].message
    assert (message.content, message.refusal) == (None, "I would rather not.")
    deltas = [chunk.choices[0].delta for chunk in safety.stream_openai("A favour")]
    assert "".join(delta.refusal or "" for delta in deltas) == "I would rather not."
    response = safety.ask_gemini("A favour")
    assert response.candidates[0].finish_reason == "PROHIBITED_CONTENT"


def test_an_answer_ends_as_told(scene):
    finish = scene("13-finish")
    choice = finish.ask_openai("An essay").choices[0]
    assert (choice.message.content, choice.finish_reason) == ("It was a dark and", "length")
    assert finish.ask_gemini("An essay").candidates[0].finish_reason == "MAX_TOKENS"
    assert finish.ask_openai("A new word").choices[0].finish_reason == "eos"
    assert finish.ask_gemini("A new word").candidates[0].finish_reason == "LANGUAGE"


def test_an_answer_costs_what_is_told(scene):
    finish = scene("13-finish")
    usage = finish.ask_openai("An essay").usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (1000, 4, 1004)
    assert usage.prompt_tokens_details.cached_tokens == 800
    usage = finish.ask_gemini("An essay").usage_metadata
    assert (usage.prompt_token_count, usage.cached_content_token_count) == (1000, 800)
    assert (usage.candidates_token_count, usage.total_token_count) == (4, 1004)


def test_a_model_may_say_nothing(scene):
    finish = scene("13-finish")
    assert said(finish.ask_openai("Say nothing")) == ""
    assert not finish.ask_gemini("Say nothing").text
    assert pieces(finish.stream_openai("Say nothing")) == []
    assert pieces(finish.stream_gemini("Say nothing")) == []


@pytest.mark.parametrize(("prompt", "size"), [("A parrot", (64, 64)), ("A dot", (1, 1))])
def test_a_drawn_picture_is_a_png(scene, prompt, size):
    client = scene("14-images").openai()
    [image] = client.images.generate(model="gpt-image-1", prompt=prompt).data
    assert png.size(base64.b64decode(image.b64_json)) == size
    [image] = client.images.generate(model="dall-e-3", prompt=prompt, response_format="url").data
    assert png.size(base64.b64decode(image.url.removeprefix("data:image/png;base64,"))) == size


def test_a_picture_may_be_refused(scene):
    with pytest.raises(openai.BadRequestError) as raised:
        scene("14-images").openai().images.generate(model="dall-e-3", prompt="A weapon")
    assert raised.value.code == "content_policy_violation"


@pytest.mark.parametrize("is_stream", [False, True])
def test_gemini_talks_and_draws(scene, is_stream):
    images = scene("14-images")
    responses = images.stream_gemini("A logo") if is_stream else [images.ask_gemini("A logo")]
    parts = [part for response in responses for part in response.candidates[0].content.parts]
    assert "".join(part.text for part in parts if part.text) == "Here it is:"
    [blob] = [part.inline_data for part in parts if part.inline_data]
    assert (blob.mime_type, png.size(blob.data)) == ("image/png", (32, 16))


@pytest.mark.parametrize(("mime", "answer"), [("image/png", "picture"), ("application/pdf", "something")])
def test_an_attachment_is_looked_at(scene, mime, answer):
    images = scene("14-images")
    contents = [types.Part.from_bytes(data=b"abc", mime_type=mime), "What is this?"]
    assert images.ask_gemini(contents).text == f"I see {'a ' if answer == 'picture' else ''}{answer}."
    if mime == "image/png":
        link = {"type": "image_url", "image_url": {"url": "data:image/png;base64,YWJj"}}
        messages = [user([{"type": "text", "text": "What is this?"}, link])]
        assert said(images.ask_openai(messages)) == "I see a picture."


CAT, DOG = [1, 0, 0], pytest.approx([0.8, 0.6, 0])


@pytest.mark.parametrize(
    ("texts", "vectors"), [(["cat"], [CAT]), (["dog"], [DOG]), (["cat", "dog"], [CAT, DOG])]
)
def test_vectors_are_those_that_are_given(scene, texts, vectors):
    embeddings = scene("15-embeddings")
    at_openai = embeddings.openai().embeddings
    for options in ({}, {"encoding_format": "float"}):
        answer = at_openai.create(model="text-embedding-3-small", input=texts, **options)
        assert [item.embedding for item in answer.data] == vectors
    response = embeddings.gemini().models.embed_content(model="text-embedding-004", contents=texts)
    assert [item.values for item in response.embeddings] == vectors


def test_other_texts_have_vectors_of_their_own(scene):
    client = scene("15-embeddings").openai()
    answer = client.embeddings.create(model="text-embedding-3-small", input=["bird", "fish"], dimensions=8)
    first, second = [item.embedding for item in answer.data]
    assert len(first) == len(second) == 8
    assert first != second


def test_candidates_have_ends_of_their_own(scene):
    candidates = scene("23-candidates")
    ends = [("Heads.", "stop"), ("Tails and", "length")]
    choices = candidates.ask_openai(n=2).choices
    assert [(choice.message.content, choice.finish_reason) for choice in choices] == ends
    response = candidates.ask_gemini(candidate_count=2)
    texts = [candidate.content.parts[0].text for candidate in response.candidates]
    assert texts == ["Heads.", "Tails and"]
    assert [candidate.finish_reason for candidate in response.candidates] == ["STOP", "MAX_TOKENS"]


def test_candidates_are_streamed_side_by_side(scene):
    choices = [choice for chunk in scene("23-candidates").stream_openai(n=2) for choice in chunk.choices]
    texts = ["", ""]
    for choice in choices:
        texts[choice.index] += choice.delta.content or ""
    assert texts == ["Heads.", "Tails and"]
    assert {(choice.index, choice.finish_reason) for choice in choices if choice.finish_reason} == {
        (0, "stop"),
        (1, "length"),
    }


def test_each_provider_has_words_of_its_own(scene):
    own = scene("29-own-words")
    for response in (own.ask_gemini(), own.stream_gemini()[-1]):
        grounding = response.candidates[0].grounding_metadata
        assert grounding.web_search_queries == ["capital of Switzerland"]
        assert grounding.grounding_chunks[0].web.title == "Bern"
    completion = own.ask_openai()
    assert (said(completion), completion.service_tier) == ("Bern is the capital.", "flex")


def test_a_text_to_embed_is_no_prompt(scene):
    with pytest.raises(errors.ClientError, match="no stub matches"):
        scene("15-embeddings").gemini().models.generate_content(model=GEMINI, contents="cat")
