"""What LangChain makes of trouble."""

import httpx
import openai
import pytest
from langchain_google_genai.chat_models import ChatGoogleGenerativeAIError

OVERLOADED = "{scenario: 1, stubs: {then: [{error: 503, times: 2}, {text: Here I am.}]}}"
QUOTA = "{scenario: 1, stubs: {then: {error: {status: 429, message: Slower.}}}}"


def test_a_server_that_is_overloaded_is_asked_again(chat_at, scenario):
    assert chat_at(scenario(OVERLOADED), max_retries=3).invoke("Hello").text == "Here I am."


def test_a_limit_of_rate_is_raised(chat_at, scenario, name):
    with pytest.raises(Exception) as raised:
        chat_at(scenario(QUOTA)).invoke("Hello")
    kind = ChatGoogleGenerativeAIError if name == "google" else openai.RateLimitError
    assert isinstance(raised.value, kind) and "Slower." in str(raised.value)


def test_what_breaks_a_rule_is_raised(chat_at, server, name):
    with pytest.raises(Exception) as raised:
        # The other limits are looked at before anything is sent.
        chat_at(server.url, max_tokens=-1).invoke("Hello")
    kind = ChatGoogleGenerativeAIError if name == "google" else openai.BadRequestError
    assert isinstance(raised.value, kind) and "tokens" in str(raised.value)


def test_a_stream_breaks_off_behind_what_came(chat_at, scenario, name):
    words = "{scenario: 1, stubs: {then: {text: [One, two, three], wire: {end: {after: text.2, how: close}}}}}"
    got = []
    with pytest.raises(Exception) as raised:
        for chunk in chat_at(scenario(words)).stream("Hello"):
            got.append(chunk.text)
    assert "".join(got) == "Onetwo"
    kind = httpx.RemoteProtocolError if name == "google" else openai.APIConnectionError
    assert isinstance(raised.value, kind)
