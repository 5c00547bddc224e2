"""What Google's SDK does about trouble meets what is expected of it, and nothing else does."""

import pytest

from judging import RAISES, Act, Stage, Wrong, played

# Without these it tries once.
QUICKLY = {"initial_delay": 0.1, "jitter": 0.01}
RETRIES = {"retry_options": QUICKLY}
TWICE = {"retry_options": {**QUICKLY, "attempts": 2}}

# aiohttp's time is for all of a call, which is not tried again; what was reset is, in its own way.
HTTPX = ("sync", "async")

RETRIED = (408, 429, 500, 502, 503, 504)
NOT_RETRIED = (400, 401, 402, 403, 404, 409, 501, 529)

GROWING = "{backoff: {base: 100ms, factor: 2, jitter: 0%..}}"


def again(hint=""):
    return f"[{{error: {{status: 429{hint}}}}}, {{text: hello}}]"


ACTS = {
    "hello": Act(
        "{text: hello}",
        "{requests: 1, calls: 1, attempts: 1, connections: 1, concurrent: 1, left: never, same: body}",
    ),
    **{
        f"status {status}": Act("{error: %s}" % status, "{requests: 1, attempts: 1}", outcome=RAISES)
        for status in sorted((*RETRIED, *NOT_RETRIED))
    },
    "flaky": Act(
        "[{error: 429, times: 4}, {text: hello}]",
        "{requests: 5, calls: 1, attempts: 5, gaps: [0.1s.., 0.2s.., 0.4s.., 0.8s..], connections: 1,"
        " concurrent: 1, left: never, same: [body, key, user-agent],"
        " sent: {header: {x-goog-api-client: {contains: google-genai-sdk}}}}",
        options=RETRIES,
    ),
    **{
        f"status {status} where it tries again": Act(
            "[{error: %s, times: 4}, {text: hello}]" % status,
            "{requests: 5, calls: 1, attempts: 5, gaps: %s, same: [body, key]}" % GROWING,
            options=RETRIES,
        )
        for status in RETRIED
    },
    **{
        f"status {status} where it would try again": Act(
            "{error: %s}" % status, "{requests: 1, attempts: 1}", options=RETRIES, outcome=RAISES
        )
        for status in NOT_RETRIED
    },
    "five times": Act("{error: 503}", "{requests: 5, attempts: 5}", options=RETRIES, outcome=RAISES),
    "twice": Act("{error: 503}", "{requests: 2, attempts: 2}", options=TWICE, outcome=RAISES),
    "at its own pace": Act(again(), "{attempts: 2, gaps: 1s..}", options={"retry_options": {"attempts": 2}}),
    "a hint in the body": Act(
        again(", retry_after: {info: 30s}"), "{attempts: 2, retry_after: ignored}", options=TWICE
    ),
    "a hint in a header": Act(
        again(", retry_after: {seconds: 30s}"), "{attempts: 2, retry_after: ignored}", options=TWICE
    ),
    "a hint as a date": Act(
        again(", retry_after: {date: 30s}"), "{attempts: 2, retry_after: ignored}", options=TWICE
    ),
    "slow to begin": Act(
        "{text: hello, pace: {head: 60s}}",
        "{requests: 2, attempts: 2, left: 0.5s.., gaps: 0.5s..}",
        options={"timeout": 1000, "retry_options": {"attempts": 2}},
        ways=HTTPX,
        outcome=RAISES,
    ),
    "slow to begin, for aiohttp": Act(
        "{text: hello, pace: {head: 60s}}",
        "{requests: 1, attempts: 1, left: ..30s}",
        options={"timeout": 1000, **TWICE},
        ways=("aiohttp",),
        outcome=RAISES,
    ),
    "cut before it began": Act(
        "{text: hello, wire: {end: {before: head, how: reset}}}",
        "{requests: 1, attempts: 1}",
        options=RETRIES,
        ways=HTTPX,
        outcome=RAISES,
    ),
    "stream": Act(
        "{text: [One, two, three], pace: {every: 20ms}}",
        "{requests: 1, attempts: 1, connections: 1, left: never}",
        do="stream",
        outcome="Onetwothree",
    ),
    "stream refused": Act(
        "[{error: 429, times: 4}, {text: hello}]",
        "{requests: 5, attempts: 5, gaps: %s, left: never}" % GROWING,
        do="stream",
        options=RETRIES,
    ),
    **{
        f"stream that ends by {how}": Act(
            f"{{text: [One, two], wire: {{end: {{after: text.1, how: {how}}}}}}}",
            "{requests: 1, attempts: 1, left: never}",
            do="stream",
            options=RETRIES,
            outcome=RAISES,
        )
        for how in ("reset", "close")
    },
    "stream that stalls": Act(
        "{text: [One, two], wire: {end: {after: text.1, hold: forever}}}",
        "{requests: 1, attempts: 1, left: ..30s}",
        do="stream",
        options={"timeout": 1000, **RETRIES},
        outcome=RAISES,
    ),
    "stream that is left": Act(
        "{text: [One, two], wire: {end: {after: text.1, hold: forever}}}",
        "{requests: 1, attempts: 1, left: ..5s}",
        do="leave",
        outcome="One",
    ),
    "crowd": Act(
        "{text: hello, pace: {head: 2s}}",
        "{requests: 3, calls: 3, attempts: 1, concurrent: 3, connections: 3, left: never}",
        times=3,
    ),
    "crowd that is one call": Act(
        "{text: hello}", "{group: stub, requests: 2, calls: 1, attempts: 2, same: [body, key]}", times=2
    ),
}

WRONG = {
    "more requests": Wrong("flaky", "requests", "6..", "6 requests or more", "5 requests"),
    "more calls": Wrong("flaky", "calls", "2..3", "2 to 3 calls", "1 call"),
    "another attempt": Wrong(
        "status 429",
        "attempts",
        "2",
        "2 attempts of each call",
        "the call was tried once",
    ),
    "longer gaps": Wrong(
        "flaky",
        "gaps",
        "[0.1s.., 30s..1m]",
        "gaps of 0.100 s or more, then 30.000 s to 60.000 s (give or take 0.010 s)",
        r"gap 2 of call \d+ was \d\.\d{3} s, where 30\.000 s to 60\.000 s was expected",
    ),
    "a longer backoff": Wrong(
        "five times",
        "gaps",
        "{backoff: {base: 10s, factor: 3, jitter: -50%..0%}}",
        "gaps of 5.000 s to 10.000 s, then 15.000 s to 30.000 s, then 45.000 s to 90.000 s, and so on"
        " (give or take 0.010 s)",
        r"gap 1 of call \d+ was \d\.\d{3} s, where 5\.000 s to 10\.000 s was expected",
    ),
    "a gap from the beginning": Wrong(
        "slow to begin",
        "gaps",
        "30s..",
        "gaps of 30.000 s or more (give or take 0.010 s)",
        r"gap 1 of call \d+ was \d\.\d{3} s, where 30\.000 s or more was expected",
    ),
    "obedience": Wrong(
        "a hint in the body",
        "retry_after",
        "obeyed",
        "to wait as long as it was asked to, and at most a quarter or a second longer (give or take 0.010 s)",
        r"it waited \d\.\d{3} s after `retryDelay: 30s`, where 30\.000 s to 37\.500 s was expected",
    ),
    "a count": Wrong(
        "flaky",
        "same",
        "x-stainless-retry-count",
        "the same x-stainless-retry-count in all attempts of a call",
        r"request \d+ and request \d+ have no `x-stainless-retry-count`",
    ),
    "staying": Wrong(
        "stream that is left",
        "left",
        "never",
        "to stay to the end of the answer",
        r"request \d+ was left [\d.]+ u?s after the last byte, with \d+ bytes sent",
    ),
    "leaving late": Wrong(
        "stream that stalls",
        "left",
        "30s..",
        "to leave 30.000 s or more after the last byte (give or take 0.010 s)",
        r"request \d+ was left \d\.\d{3} s after the last byte",
    ),
    "more connections": Wrong("flaky", "connections", "2..", "2 connections or more", "1 connection"),
    "two at a time": Wrong("crowd", "concurrent", "..2", "2 requests at the most open at once", "3 at once"),
    "another SDK": Wrong(
        "flaky",
        "sent",
        "{header: {x-goog-api-client: {contains: openai}}}",
        "every request to be as `sent` says",
        r"5 of 5 were not; of request \d+: .*",
    ),
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    return Stage("google", ACTS, WRONG, tmp_path_factory.mktemp)


def test_a_client_that_does_as_expected_passes(stage):
    stage.passes()


@pytest.mark.parametrize(("how", "act"), played(ACTS))
def test_the_sdk_does_as_expected(stage, how, act):
    stage.plays(how, act)


def test_a_client_that_does_not_fails(stage):
    stage.fails()


@pytest.mark.parametrize("wrong", WRONG)
def test_what_it_does_otherwise_is_told(stage, wrong):
    stage.tells(wrong)


def test_a_gap_begins_where_the_client_gave_up(stage):
    stage.times_a_gap_from_when_the_client_left("a gap from the beginning", timeout=1)
