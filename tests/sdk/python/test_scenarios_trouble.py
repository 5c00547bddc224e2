"""Shipped scenarios that teach trouble: errors, retries, proxies, broken streams."""

import contextlib
import email.utils
import time

import openai
import pytest
from google.genai import errors, types

from generation import openai_error_text
from scenarios import FOLDER, Scene, pieces, said
from sdk import GEMINI, GPT, user

ERRORS = [
    (400, openai.BadRequestError, "INVALID_ARGUMENT"),
    (401, openai.AuthenticationError, "UNAUTHENTICATED"),
    (402, openai.APIStatusError, "FAILED_PRECONDITION"),
    (403, openai.PermissionDeniedError, "PERMISSION_DENIED"),
    (404, openai.NotFoundError, "NOT_FOUND"),
    (408, openai.APIStatusError, "DEADLINE_EXCEEDED"),
    (409, openai.ConflictError, "ABORTED"),
    (413, openai.APIStatusError, "INVALID_ARGUMENT"),
    (422, openai.UnprocessableEntityError, "INVALID_ARGUMENT"),
    (429, openai.RateLimitError, "RESOURCE_EXHAUSTED"),
    (500, openai.InternalServerError, "INTERNAL"),
    (501, openai.InternalServerError, "UNIMPLEMENTED"),
    (502, openai.InternalServerError, "UNAVAILABLE"),
    (503, openai.InternalServerError, "UNAVAILABLE"),
    (504, openai.InternalServerError, "DEADLINE_EXCEEDED"),
    (529, openai.InternalServerError, "UNAVAILABLE"),
]


@pytest.mark.parametrize(("code", "kind", "status"), ERRORS, ids=[str(error[0]) for error in ERRORS])
@pytest.mark.parametrize("is_stream", [False, True])
def test_an_error_is_raised_as_what_it_is(scene, code, kind, status, is_stream):
    trouble = scene("04-errors")
    ask = trouble.stream_openai if is_stream else trouble.ask_openai
    for asked in ({"prompt": f"error {code}"}, {"default_headers": {"x-error": str(code)}}):
        with pytest.raises(openai.APIStatusError) as raised:
            ask(**asked)
        assert (type(raised.value), raised.value.status_code) == (kind, code)
        assert raised.value.body["message"] and raised.value.request_id
    ask = trouble.stream_gemini if is_stream else trouble.ask_gemini
    for asked in ({"prompt": f"error {code}"}, {"headers": {"x-error": str(code)}}):
        with pytest.raises(errors.APIError) as raised:
            ask(**asked)
        assert type(raised.value) is (errors.ClientError if code < 500 else errors.ServerError)
        assert (raised.value.code, raised.value.status) == (code, status)
        assert raised.value.message


def test_other_operations_have_the_same_errors(scene):
    trouble = scene("04-errors")
    with pytest.raises(openai.RateLimitError):
        trouble.openai().embeddings.create(model="text-embedding-3-small", input="error 429")
    with pytest.raises(openai.APIStatusError) as raised:
        trouble.openai().images.generate(model="dall-e-3", prompt="error 402")
    assert raised.value.status_code == 402
    with pytest.raises(errors.ServerError, match="503 UNAVAILABLE"):
        trouble.gemini().models.embed_content(model="text-embedding-004", contents="error 503")


def test_without_an_error_all_is_well(scene):
    trouble = scene("04-errors")
    assert said(trouble.ask_openai()) == trouble.ask_gemini().text == "All is well."


def refused(ask):
    with pytest.raises((openai.APIStatusError, errors.APIError)) as raised:
        ask()
    return raised.value


@pytest.mark.parametrize(
    ("prompt", "code", "message", "members"),
    [
        ("empty account", 402, "Insufficient balance.", {"type": "billing_error", "code": None}),
        (
            "balance",
            429,
            "You exceeded your current balance.",
            {"type": "insufficient_quota", "code": "insufficient_quota"},
        ),
        ("gateway", 502, "The upstream is away.", {"type": "server_error", "code": None}),
        (
            "word " * 1001,
            400,
            "This model's maximum context length is 1000 tokens.",
            {"code": "context_length_exceeded", "param": "messages"},
        ),
    ],
    ids=["402", "429", "502", "400"],
)
def test_an_error_of_openai_has_the_parts_that_are_set(scene, prompt, code, message, members):
    error = refused(lambda: scene("05-own-errors").ask_openai(prompt))
    assert (error.status_code, error.body["message"]) == (code, message)
    assert str(error) == openai_error_text(error)
    assert {name: error.body[name] for name in members} == members


def test_an_error_of_gemini_has_the_parts_that_are_set(scene):
    own = scene("05-own-errors")

    def told(prompt):
        error = refused(lambda: own.ask_gemini(prompt))
        return error.code, error.status, error.message

    assert told("empty account") == (402, "FAILED_PRECONDITION", "Insufficient balance.")
    assert told("gateway") == (502, "UNAVAILABLE", "The upstream is away.")
    assert told("balance") == (429, "RESOURCE_EXHAUSTED", "You exceeded your current balance.")
    details = refused(lambda: own.ask_gemini("balance")).details["error"]["details"]
    assert [detail["reason"] for detail in details] == ["BALANCE_EXHAUSTED"]


def test_an_error_may_contradict_its_own_status(scene):
    own = scene("05-own-errors")
    error = refused(lambda: own.ask_gemini("odd"))
    assert error.details["error"]["code"] == 503
    assert error.status == "UNAVAILABLE"
    error = refused(lambda: own.ask_openai("odd"))
    assert (error.status_code, error.body["code"], error.body["request"]) == (500, 503, None)


def without_sleep(monkeypatch):
    """From here on the SDKs do not sleep: how long they meant to, in seconds."""
    meant = []
    monkeypatch.setattr(time, "sleep", meant.append)
    return meant


def test_openai_s_sdk_tries_again_after_the_time_it_is_told(scene, monkeypatch):
    client = scene("06-retry").openai(max_retries=2)
    sleeps = without_sleep(monkeypatch)
    completion = client.chat.completions.with_raw_response.create(model=GPT, messages=[user("Hello")])
    assert said(completion.parse()) == "Thank you for waiting."
    assert completion.retries_taken == 2
    assert sleeps == [0.05, 0.05]


def test_a_stream_is_tried_again_too(scene):
    assert "".join(pieces(scene("06-retry").stream_openai(max_retries=2))) == "Thank you for waiting."


def test_too_few_retries_end_with_the_error(scene):
    with pytest.raises(openai.RateLimitError) as raised:
        scene("06-retry").ask_openai(max_retries=1)
    assert raised.value.response.headers["retry-after-ms"] == "50"


def test_gemini_s_sdk_tries_again_where_it_is_told_to(scene):
    quickly = types.HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.02, jitter=0.01)
    assert scene("06-retry").ask_gemini(retry=quickly).text == "Thank you for waiting."
    with pytest.raises(errors.ClientError, match="429 RESOURCE_EXHAUSTED"):
        scene("06-retry").ask_gemini()


def test_calls_with_the_same_words_do_not_take_each_other_s_turns(scene):
    retry = scene("06-retry")
    for _ in range(3):
        with pytest.raises(openai.RateLimitError):
            retry.ask_openai()
    assert said(retry.ask_openai(max_retries=2)) == "Thank you for waiting."


def test_each_provider_tells_when_to_come_back_in_its_way(scene):
    retry = scene("06-retry")
    error = refused(lambda: retry.ask_openai("Come tomorrow"))
    assert error.response.headers["retry-after"] == "86400"
    error = refused(lambda: retry.ask_gemini("Come tomorrow"))
    assert "retry-after" not in error.response.headers
    infos = [detail for detail in error.details["error"]["details"] if "RetryInfo" in detail["@type"]]
    assert [info["retryDelay"] for info in infos] == ["86400s"]


def test_a_date_to_come_back_is_obeyed(scene, monkeypatch):
    retry = scene("06-retry")
    sleeps = without_sleep(monkeypatch)
    error = refused(lambda: retry.ask_openai("Come at noon"))
    assert email.utils.parsedate_to_datetime(error.response.headers["retry-after"])
    assert said(retry.ask_openai("Come at noon", max_retries=1)) == "It is noon."
    assert len(sleeps) == 1


def test_a_proxy_s_page_is_an_error_of_its_status(scene):
    proxies = scene("26-proxies")
    error = refused(lambda: proxies.ask_openai("bad gateway"))
    assert (type(error), error.status_code) == (openai.InternalServerError, 502)
    assert error.response.headers["server"] == "nginx"
    assert "<h1>502 Bad Gateway</h1>" in error.response.text
    error = refused(lambda: proxies.ask_gemini("bad gateway"))
    assert (type(error), error.code) == (errors.ServerError, 502)
    assert "<h1>502 Bad Gateway</h1>" in error.message


@pytest.mark.parametrize(
    ("prompt", "code", "text"), [("unavailable", 503, "no healthy upstream"), ("silence", 504, "")]
)
def test_a_proxy_may_say_little(scene, prompt, code, text):
    proxies = scene("26-proxies")
    error = refused(lambda: proxies.ask_openai(prompt))
    assert (error.status_code, error.response.text) == (code, text)
    assert refused(lambda: proxies.ask_gemini(prompt)).code == code


def test_a_login_page_is_no_answer(scene):
    proxies = scene("26-proxies")
    assert proxies.ask_openai("captive portal") == "<html>Please log in</html>"
    with pytest.raises(ValueError):
        proxies.ask_gemini("captive portal")


def test_garbage_is_no_json(scene):
    # Neither SDK has an exception of its own for it.
    proxies = scene("26-proxies")
    for ask in (proxies.ask_openai, proxies.ask_gemini):
        with pytest.raises(ValueError):
            ask("garbage")


def lucky(session, count=20):
    luck = []
    for _ in range(count):
        try:
            luck.append(said(session.ask_openai()) == "Lucky.")
        except openai.InternalServerError as error:
            assert error.status_code == 503
            luck.append(False)
    return luck


def test_chance_strikes_now_and_then(scene):
    chance = scene("27-chance")
    assert 0 < lucky(chance).count(False) < 20


def test_chance_is_the_same_in_every_run(serve):
    scenario = str(FOLDER / "27-chance.yaml")
    with contextlib.ExitStack() as closing:
        # The file has a seed of its own, so that the server's does not matter.
        one, other = [Scene(serve(scenario, "--seed", seed).url, closing) for seed in ("1", "2")]
        assert lucky(one) == lucky(other)


def test_without_a_header_there_is_no_fault(scene):
    hello = scene("28-fault-on-demand", "01-hello")
    assert said(hello.ask_openai()) == hello.ask_gemini().text == "Hello!"


def test_a_fault_is_laid_over_what_is_below(scene):
    hello = scene("28-fault-on-demand", "01-hello")
    choice = hello.ask_openai(default_headers={"x-fault": "cut"}).choices[0]
    assert (choice.message.content, choice.finish_reason) == ("Hello!", "length")
    response = hello.ask_gemini(headers={"x-fault": "cut"})
    assert (response.text, response.candidates[0].finish_reason) == ("Hello!", "MAX_TOKENS")


def test_a_fault_changes_the_pieces_of_what_is_below(scene):
    echo = scene("28-fault-on-demand", "21-streams")
    assert pieces(echo.stream_openai("fours")) == ["abcd", "efgh", "ij"]
    assert pieces(echo.stream_openai("fours", default_headers={"x-fault": "one piece"})) == ["abcdefghij"]


def test_a_slow_answer_takes_its_time(scene):
    hello = scene("28-fault-on-demand", "01-hello")
    before = time.monotonic()
    assert said(hello.ask_openai(default_headers={"x-fault": "slow"})) == "Hello!"
    assert time.monotonic() - before >= 0.3


def test_a_stuck_answer_times_out(scene):
    hello = scene("28-fault-on-demand", "01-hello")
    with pytest.raises(openai.APITimeoutError):
        hello.ask_openai(default_headers={"x-fault": "stuck"}, timeout=0.2)


def test_an_error_takes_the_place_of_what_is_below(scene):
    hello = scene("28-fault-on-demand", "01-hello")
    with pytest.raises(openai.InternalServerError):
        hello.ask_openai(default_headers={"x-fault": "overloaded"})
    with pytest.raises(errors.ServerError, match="503 UNAVAILABLE"):
        hello.ask_gemini(headers={"x-fault": "overloaded"})


def test_the_first_attempt_alone_fails(scene):
    hello = scene("28-fault-on-demand", "01-hello")
    once = {"x-fault": "once"}
    assert said(hello.ask_openai(default_headers=once, max_retries=1)) == "Hello!"
    with pytest.raises(openai.InternalServerError):
        hello.ask_openai(default_headers=once)
    quickly = types.HttpRetryOptions(attempts=2, initial_delay=0.01, max_delay=0.02, jitter=0.01)
    assert hello.ask_gemini(headers=once, retry=quickly).text == "Hello!"


def test_a_stream_of_openai_breaks_off_with_an_error(scene):
    stream = scene("30-broken-streams").ask_openai("Only half", stream=True)
    assert next(stream).choices[0].delta.content == "Hel"
    with pytest.raises(openai.APIError) as raised:
        next(stream)
    assert "overloaded" in str(raised.value)


def test_a_stream_of_gemini_breaks_off_with_an_error(scene):
    client = scene("30-broken-streams").gemini()
    stream = client.models.generate_content_stream(model=GEMINI, contents="Only half")
    assert next(stream).text == "Hel"
    with pytest.raises(errors.ServerError, match="503 UNAVAILABLE"):
        next(stream)


def test_a_garbled_line_is_noticed(scene):
    broken = scene("30-broken-streams")
    for stream in (broken.stream_openai, broken.stream_gemini):
        with pytest.raises(ValueError):
            stream("garbled")


def test_an_empty_stream_has_no_events(scene):
    broken = scene("30-broken-streams")
    assert broken.stream_openai("empty") == []
    assert broken.stream_gemini("empty") == []


def test_a_document_is_no_stream(scene):
    # What the SDKs make of it: one reads events alone, the other anything.
    broken = scene("30-broken-streams")
    assert broken.stream_openai("document") == []
    assert "".join(pieces(broken.stream_gemini("document"))) == "All at once."
