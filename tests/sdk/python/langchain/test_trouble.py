"""What LangChain makes of trouble."""

import anthropic
import httpx
import httpx2
import openai
import pytest
from langchain_google_genai.chat_models import ChatGoogleGenerativeAIError

OVERLOADED = "{scenario: 1, stubs: {then: [{error: 503, times: 2}, {text: Here I am.}]}}"
QUOTA = "{scenario: 1, stubs: {then: {error: {status: 429, message: Slower.}}}}"

# What is raised, by the way of the model.
RATE = {
    "openai": openai.RateLimitError,
    "responses": openai.RateLimitError,
    "google": ChatGoogleGenerativeAIError,
    "anthropic": anthropic.RateLimitError,
}
BROKEN_RULE = {
    "openai": openai.BadRequestError,
    "responses": openai.BadRequestError,
    "google": ChatGoogleGenerativeAIError,
    "anthropic": anthropic.BadRequestError,
}
LOST = {
    "openai": openai.APIConnectionError,
    "responses": openai.APIConnectionError,
    "google": httpx.RemoteProtocolError,
    "anthropic": httpx2.RemoteProtocolError,
}


def test_a_server_that_is_overloaded_is_asked_again(chat_at, scenario):
    assert chat_at(scenario(OVERLOADED), max_retries=3).invoke("Hello").text == "Here I am."


def test_a_limit_of_rate_is_raised(chat_at, scenario, name):
    with pytest.raises(RATE[name], match=r"Slower\."):
        chat_at(scenario(QUOTA)).invoke("Hello")


def test_what_breaks_a_rule_is_raised(chat_at, server, name):
    # The other limits are looked at before anything is sent.
    with pytest.raises(BROKEN_RULE[name], match="tokens"):
        chat_at(server.url, max_tokens=-1).invoke("Hello")


def test_a_stream_breaks_off_behind_what_came(chat_at, scenario, name):
    words = (
        "{scenario: 1, stubs: {then: {text: [One, two, three], wire: {end: {after: text.2, how: close}}}}}"
    )
    got = []
    with pytest.raises(LOST[name]):
        for chunk in chat_at(scenario(words)).stream("Hello"):
            got.append(chunk.text)
    assert "".join(got) == "Onetwo"
