"""Vectors, models and refusals, by Google's SDK of old."""

import math

import google.generativeai as genai
import pytest
from google.api_core import exceptions


@pytest.fixture(autouse=True)
def connected(connect, server):
    connect(server.url)


def test_a_text_has_a_vector():
    vector = genai.embed_content(model="models/text-embedding-004", content="Hello")["embedding"]
    assert (len(vector), math.hypot(*vector)) == (768, pytest.approx(1, abs=1e-4))


def test_each_of_many_texts_has_its_own():
    asked = {"model": "models/gemini-embedding-001", "task_type": "retrieval_document", "title": "t"}
    vectors = genai.embed_content(content=["one", "two", "one"], output_dimensionality=10, **asked)[
        "embedding"
    ]
    assert [len(vector) for vector in vectors] == [10] * 3
    assert vectors[0] == vectors[2] != vectors[1]


def test_models_are_listed_page_by_page():
    pages = [model.name for model in genai.list_models(page_size=3)]
    assert "models/gemini-2.5-flash" in pages and len(pages) > 3
    assert pages == [model.name for model in genai.list_models()]


def test_a_model_is_described():
    model = genai.get_model("models/gemini-2.5-flash")
    assert (model.name, model.display_name) == ("models/gemini-2.5-flash", "Gemini 2.5 Flash")
    assert "generateContent" in model.supported_generation_methods


def test_what_is_out_of_range_is_a_bad_request():
    model = genai.GenerativeModel("gemini-2.5-flash")
    with pytest.raises(exceptions.BadRequest, match=r"temperature must be in the range \[0.0, 2.0\]"):
        model.generate_content("Hello", generation_config={"temperature": 5})


def test_a_stream_is_refused_too():
    model = genai.GenerativeModel("gemini-2.5-flash")
    # The SDK does not read why.
    with pytest.raises(exceptions.BadRequest, match="Unknown error trying to retrieve streaming response"):
        model.generate_content("Hello", generation_config={"temperature": 5}, stream=True)


def test_a_wrong_key_is_a_bad_request(serve, connect):
    connect(serve("--api-key", "right").url, api_key="wrong")
    with pytest.raises(exceptions.BadRequest, match="API key not valid") as raised:
        genai.GenerativeModel("gemini-2.5-flash").generate_content("Hello")
    assert raised.value.details[0]["reason"] == "API_KEY_INVALID"


ERRORS = {
    400: exceptions.BadRequest,
    403: exceptions.Forbidden,
    404: exceptions.NotFound,
    429: exceptions.TooManyRequests,
    500: exceptions.InternalServerError,
    501: exceptions.MethodNotImplemented,
    502: exceptions.BadGateway,
}


@pytest.mark.parametrize("status", ERRORS)
def test_an_error_of_a_scenario_is_the_exception_of_its_status(scenario, status):
    scenario("04-errors")
    with pytest.raises(ERRORS[status]) as raised:
        genai.GenerativeModel("gemini-2.5-flash").generate_content(f"error {status}")
    assert raised.value.code == status


def test_a_server_that_is_overloaded_is_asked_again(scenario):
    scenario("overloaded", text="{scenario: 1, stubs: {then: [{error: 503, times: 2}, {text: Here I am.}]}}")
    assert genai.GenerativeModel("gemini-2.5-flash").generate_content("Hello").text == "Here I am."


def test_a_blocked_prompt_has_no_answer(scenario):
    scenario("12-safety")
    response = genai.GenerativeModel("gemini-2.5-flash").generate_content("bomb")
    assert (
        response.prompt_feedback.block_reason
        == genai.protos.GenerateContentResponse.PromptFeedback.BlockReason.SAFETY
    )
    with pytest.raises(ValueError, match="prompt"):
        _ = response.text
