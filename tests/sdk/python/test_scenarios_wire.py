"""Shipped scenarios that teach trouble on the wire, and what the SDKs make of it.

Where an SDK has no exception of its own, its HTTP library's comes through.
"""

import time

import openai
import pytest
from google.genai import errors

from generation import OPENAI_READS_BEHIND_DONE, google_http, openai_http, openai_lost
from scenarios import pieces, said
from sdk import GEMINI, user

# Long enough for a machine that is busy, short enough to wait for.
SOON = 0.4


def openai_until(scene, prompt, **options):
    """The texts of OpenAI's stream, and what it ends with, if it is not well."""
    return until(lambda: scene.ask_openai(prompt, stream=True, **options))


def gemini_until(scene, prompt, **http_options):
    client = scene.gemini(**http_options).models
    return until(lambda: client.generate_content_stream(model=GEMINI, contents=prompt))


def until(stream):
    chunks = []
    try:
        for chunk in stream():
            chunks.append(chunk)
    except Exception as error:
        return pieces(chunks), error
    return pieces(chunks), None


def chain(error):
    """The classes of an exception and of its causes."""
    causes = []
    while error is not None:
        causes.append(type(error))
        error = error.__cause__
    return causes


def assert_openai_lost(error, cause):
    """That OpenAI's SDK lost its stream behind the head by such an exception of its HTTP library."""
    cause = getattr(openai_http, cause)
    assert chain(error)[: len(openai_lost(cause))] == openai_lost(cause)


def assert_gemini_lost(error, cause):
    assert type(error) is getattr(google_http, cause)


@pytest.mark.parametrize(
    ("prompt", "texts", "cause"),
    [
        ("reset", ["One", " two"], "ReadError"),
        ("close", ["One", " two"], "RemoteProtocolError"),
        ("character", ["One"], "RemoteProtocolError"),
    ],
)
def test_a_stream_that_is_cut_raises_behind_what_came(scene, prompt, texts, cause):
    cut = scene("32-cut-streams")
    got, error = openai_until(cut, prompt)
    assert got == texts
    assert_openai_lost(error, cause)
    got, error = gemini_until(cut, prompt)
    assert got == texts
    assert_gemini_lost(error, cause)


def test_a_stream_that_is_cut_before_its_head_is_no_answer(scene):
    cut = scene("32-cut-streams")
    got, error = openai_until(cut, "nothing")
    assert (got, chain(error)[:2]) == ([], [openai.APIConnectionError, openai_http.RemoteProtocolError])
    got, error = gemini_until(cut, "nothing")
    assert got == []
    assert_gemini_lost(error, "RemoteProtocolError")


def test_nobody_notices_a_stream_that_ends_without_a_reason(scene):
    cut = scene("32-cut-streams")
    for until_end in (openai_until, gemini_until):
        assert until_end(cut, "complete") == (["One", " two"], None)


def test_openai_s_sdk_tries_again_what_broke_off(scene):
    broken = scene("33-broken-answers")
    for prompt, answer, retries in (("hang up", "Here I am.", 2), ("Hello", "Once more in full.", 1)):
        client = broken.openai(max_retries=2).chat.completions.with_raw_response
        completion = client.create(model="gpt-4o", messages=[user(prompt)])
        assert (said(completion.parse()), completion.retries_taken) == (answer, retries)


def test_a_stream_is_tried_again_only_before_its_head(scene):
    broken = scene("33-broken-answers")
    assert openai_until(broken, "hang up", max_retries=2) == (["Here", " I", " am."], None)
    texts, error = openai_until(broken, "Hello", max_retries=2)
    assert texts == []
    assert_openai_lost(error, "ReadError")


def test_gemini_s_sdk_does_not_try_again(scene):
    with pytest.raises(google_http.RemoteProtocolError):
        scene("33-broken-answers").ask_gemini("hang up")


@pytest.mark.parametrize(("prompt", "texts"), [("silence", ["One"]), ("head", [])])
def test_a_stall_ends_with_the_client_s_timeout(scene, prompt, texts):
    stalls = scene("34-stalls")
    got, error = openai_until(stalls, prompt, timeout=SOON)
    assert got == texts
    assert_openai_lost(error, "ReadTimeout")
    got, error = gemini_until(stalls, prompt, timeout=int(SOON * 1000))
    assert got == texts
    assert_gemini_lost(error, "ReadTimeout")


def test_signs_of_life_keep_the_timeout_away(scene):
    stalls, begun = scene("34-stalls"), time.monotonic()
    texts, error = openai_until(stalls, "alive", timeout=SOON)
    # Not by its timeout, but when the server has enough.
    assert texts == ["One"]
    assert_openai_lost(error, "ReadError")
    assert time.monotonic() - begun >= 1
    # Google's SDK takes a comment for an event.
    texts, error = gemini_until(stalls, "alive")
    assert (texts, type(error)) == (["One"], errors.UnknownApiResponseError)


def test_a_stall_may_end_with_a_reset(scene):
    texts, error = openai_until(scene("34-stalls"), "while")
    assert texts == ["One"]
    assert_openai_lost(error, "ReadError")


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("rate", "A thin wire."),
        ("bytes", "Drop by drop."),
        ("characters", "Zürich 🦜 naïve"),
        ("one", "All at once"),
    ],
)
def test_it_is_all_the_same_how_bytes_come(scene, prompt, answer):
    link = scene("35-slow-link")
    for until_end in (openai_until, gemini_until):
        texts, error = until_end(link, prompt)
        assert ("".join(texts), error) == (answer, None)
    assert said(link.ask_openai(prompt)) == link.ask_gemini(prompt).text == answer


def test_a_thin_wire_takes_its_time(scene):
    begun = time.monotonic()
    scene("35-slow-link").ask_openai("rate")
    # More than 1500 bytes.
    assert time.monotonic() - begun >= 0.25


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [("gzip", "Small and smaller"), ("deflate", "Small and smaller"), ("held back", "Late but whole")],
)
def test_what_is_compressed_is_read(scene, prompt, answer):
    compression = scene("36-compression")
    for until_end in (openai_until, gemini_until):
        texts, error = until_end(compression, prompt)
        assert ("".join(texts), error) == (answer, None)
    assert said(compression.ask_openai(prompt)) == compression.ask_gemini(prompt).text == answer


def test_what_is_damaged_is_not(scene):
    compression = scene("36-compression")
    texts, error = openai_until(compression, "damaged")
    assert texts == []
    assert_openai_lost(error, "DecodingError")
    texts, error = gemini_until(compression, "damaged")
    assert texts == []
    assert_gemini_lost(error, "DecodingError")


def test_a_body_may_end_with_its_connection(scene):
    lengths = scene("37-lengths")
    for until_end in (openai_until, gemini_until):
        assert until_end(lengths, "close") == (["Until", " the", " end"], None)
        # And nobody can tell that it was cut.
        assert until_end(lengths, "cut") == (["Until", " the"], None)
        assert until_end(lengths, "length") == (["All", " of", " it"], None)


def test_a_false_length_is_noticed_by_who_waits_for_it(scene):
    lengths = scene("37-lengths")
    texts, error = openai_until(lengths, "too long")
    assert texts == ["All", " of", " it"]
    if OPENAI_READS_BEHIND_DONE:
        assert_openai_lost(error, "RemoteProtocolError")
    else:
        assert error is None
    texts, error = gemini_until(lengths, "too long")
    assert texts == ["All", " of", " it"]
    assert_gemini_lost(error, "RemoteProtocolError")
    for ask in (lengths.ask_openai, lengths.ask_gemini):
        with pytest.raises((openai.APIConnectionError, google_http.RemoteProtocolError)):
            ask("too long")


def test_a_false_chunk_ends_it(scene):
    texts, error = openai_until(scene("37-lengths"), "no size")
    assert texts == []
    assert_openai_lost(error, "RemoteProtocolError")


def test_the_type_of_a_stream_is_not_looked_at(scene):
    heads = scene("38-heads")
    for until_end in (openai_until, gemini_until):
        for prompt in ("json type", "no type", "capitals"):
            assert until_end(heads, prompt) == (["Never", " mind"], None)


def test_a_status_counts_more_than_the_answer(scene):
    heads = scene("38-heads")
    with pytest.raises(openai.InternalServerError) as raised:
        heads.ask_openai("status")
    assert raised.value.response.reason_phrase == "Oops"
    with pytest.raises(errors.ServerError):
        heads.ask_gemini("status")


def test_what_is_not_http_is_no_answer(scene):
    _, error = openai_until(scene("38-heads"), "old")
    assert isinstance(error.__cause__, openai_http.RemoteProtocolError)


def test_a_connection_that_was_closed_when_idle_is_not_used_again(scene):
    client = scene("39-idle-connections").openai().chat.completions
    for _ in range(2):
        assert said(client.create(model="gpt-4o", messages=[user("idle")])) == "Come back soon."
        time.sleep(0.5)


@pytest.mark.parametrize("max_retries", [0, 1])
def test_a_connection_that_is_reset_when_used_again_costs_an_attempt(scene, max_retries):
    client = scene("39-idle-connections").openai(max_retries=max_retries).chat.completions
    assert said(client.create(model="gpt-4o", messages=[user("again")])) == "Welcome."
    if max_retries == 0:
        with pytest.raises(openai.APIConnectionError):
            client.create(model="gpt-4o", messages=[user("again")])
    else:
        assert said(client.create(model="gpt-4o", messages=[user("again")])) == "Welcome."


def test_a_big_upload_is_refused_before_it_has_come(scene):
    early, much = scene("40-early"), "much " * 250_000
    with pytest.raises(openai.APIStatusError) as raised:
        early.ask_openai(much)
    assert raised.value.status_code == 413
    with pytest.raises(errors.ClientError, match="413 INVALID_ARGUMENT"):
        early.ask_gemini(much)
    assert said(early.ask_openai("little")) == "That is not too much."


def test_an_upload_that_meets_a_close_may_still_read_why(scene):
    # This HTTP library reads the answer although it cannot send on.
    with pytest.raises(openai.APIStatusError) as raised:
        scene("40-early").ask_openai("much " * 500_000)
    assert raised.value.status_code == 413


def test_a_key_is_refused_by_the_head_alone(scene):
    with pytest.raises(openai.AuthenticationError):
        scene("40-early").ask_openai(api_key="sk-expired")


def test_connections_fail_until_the_server_is_open(scene):
    # Connections are counted by the server: nobody else may ask it.
    opening = scene("41-connections")
    causes = []
    for _ in range(3):
        with pytest.raises(openai.APIConnectionError) as raised:
            opening.ask_openai()
        causes.append(type(raised.value.__cause__))
    # How the client learns of an early end depends on what it was doing: writing its head or
    # its body, or reading. A reset met while it writes leaves a plain end for the reading.
    broken = ("ReadError", "WriteError", "ConnectError", "RemoteProtocolError")
    assert set(causes) <= {getattr(openai_http, name) for name in broken}
    begun = time.monotonic()
    assert said(opening.ask_openai()) == "Now we are open."
    assert time.monotonic() - begun >= 0.3 - 0.005


@pytest.mark.parametrize(
    ("prompt", "texts", "openai_error", "gemini_error"),
    [
        ("comments", ["One", " two"], None, errors.UnknownApiResponseError),
        ("blocks", ["One", " two"], ValueError, errors.UnknownApiResponseError),
        ("lines", ["One", " two"], None, errors.UnknownApiResponseError),
        ("pretty", ["One", " two"], None, None),
        ("members", ["One", " two"], None, None),
        ("twice", ["One", "One", " two"], None, None),
        ("unended", ["One", " two"], None, None),
    ],
)
def test_odd_events_are_borne_by_some(scene, prompt, texts, openai_error, gemini_error):
    odd = scene("42-odd-events")
    for until_end, expected in ((openai_until, openai_error), (gemini_until, gemini_error)):
        got, error = until_end(odd, prompt)
        if expected is None:
            assert (got, error) == (texts, None)
        else:
            assert isinstance(error, expected)


@pytest.mark.parametrize("prompt", ["half", "bytes"])
def test_a_malformed_event_is_noticed(scene, prompt):
    malformed = scene("43-malformed-events")
    texts, error = openai_until(malformed, prompt)
    assert texts == ["One"] and isinstance(error, ValueError)
    texts, error = gemini_until(malformed, prompt)
    assert texts == ["One"] and isinstance(error, errors.UnknownApiResponseError)


def test_python_takes_a_number_that_json_has_not(scene):
    assert openai_until(scene("43-malformed-events"), "number") == (["One", " two"], None)


def test_an_error_in_mid_stream_is_raised(scene):
    malformed = scene("43-malformed-events")
    texts, error = openai_until(malformed, "error")
    assert texts == ["One"] and "overloaded" in str(error)
    texts, error = gemini_until(malformed, "error")
    assert (texts, error.code, error.status) == (["One"], 503, "UNAVAILABLE")


def test_nobody_misses_an_end(scene):
    assert openai_until(scene("43-malformed-events"), "endless") == (["One", " two"], None)


@pytest.mark.parametrize(
    ("fault", "openai_error", "cause"),
    [
        # Behind the head, before it, and behind it again.
        ("reset", None, "ReadError"),
        ("hang up", openai.APIConnectionError, "RemoteProtocolError"),
        ("stall", None, "ReadTimeout"),
        ("slow", None, None),
        ("gzip", None, None),
    ],
)
def test_a_header_lays_trouble_on_the_wire(scene, fault, openai_error, cause):
    hello, headers = scene("44-wire-on-demand", "01-hello"), {"x-wire": fault}
    milliseconds = int(SOON * 1000) if fault == "stall" else None
    seconds = SOON if fault == "stall" else openai.NOT_GIVEN
    texts, error = openai_until(hello, "Hello", default_headers=headers, timeout=seconds)
    assert texts == ([] if cause else ["Hello!"])
    if openai_error:
        assert chain(error)[:2] == [openai_error, getattr(openai_http, cause)]
    elif cause:
        assert_openai_lost(error, cause)
    else:
        assert error is None
    texts, error = gemini_until(hello, "Hello", headers=headers, timeout=milliseconds)
    assert texts == ([] if cause else ["Hello!"])
    if cause:
        assert_gemini_lost(error, cause)
    else:
        assert error is None


def test_trouble_on_the_first_attempt_alone(scene):
    hello = scene("44-wire-on-demand", "01-hello")
    once = {"x-wire": "once"}
    assert said(hello.ask_openai(default_headers=once, max_retries=1)) == "Hello!"
    assert said(hello.ask_openai()) == "Hello!"
