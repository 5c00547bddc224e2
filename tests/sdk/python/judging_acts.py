"""What the SDKs of OpenAI and of Anthropic do alike, as both are made by the same generator."""

from judging import RAISES, Act, Wrong

OBEYS = "{attempts: 2, gaps: %s, retry_after: obeyed, same: [body, key], left: never}"


def hinted(hint, gaps):
    """An act of coming back as it was asked to.

    It is asked to wait until the others have done most of what they do, as a client that has much to
    do comes back late.
    """
    return Act(f"[{{error: {{status: 429, retry_after: {hint}}}}}, {{text: hello}}]", OBEYS % gaps)


def refused_once(status, headers):
    return f"{{error: {status}, wire: {{head: {{headers: {headers}}}}}}}"


TRY_AGAIN, DO_NOT_TRY_AGAIN = ('{x-should-retry: "%s"}' % said for said in ("true", "false"))

THRICE = "[{error: %s, times: 2}, {text: hello}]"

STAINLESS = {
    "hello": Act(
        "{text: hello}",
        "{requests: 1, calls: 1, attempts: 1, connections: 1, concurrent: 1, left: never, same: body}",
    ),
    "flaky": Act(
        THRICE % 429,
        "{requests: 3, calls: 1, attempts: 3, gaps: [0.375s.., 0.75s..], same: [body, key, user-agent],"
        " connections: 1, concurrent: 1, left: never,"
        " sent: {header: {x-stainless-retry-count: {range: 0..2}}}}",
    ),
    "backing off": Act(
        "[{error: 503, times: 3}, {text: hello}]",
        "{attempts: 4, gaps: {backoff: {base: 500ms, factor: 2, cap: 8s, jitter: -25%..400%}}}",
        options={"max_retries": 3},
    ),
    **{
        f"status {status}": Act("{error: %s}" % status, "{requests: 1, attempts: 1}", outcome=RAISES)
        for status in (400, 401, 402, 403, 404, 422)
    },
    **{
        f"status {status}": Act(THRICE % status, "{requests: 3, attempts: 3, gaps: [0.375s.., 0.75s..]}")
        for status in (408, 409, 500, 501, 503, 529)
    },
    "a hint in milliseconds": hinted("{ms: 6s}", "6s.."),
    "a hint in seconds": hinted("{seconds: 8s}", "8s.."),
    # A date has no fractions of seconds.
    "a hint as a date": hinted("{date: 8s}", "7s.."),
    # It is passed over.
    "a hint of nothing": Act(
        "[{error: {status: 429, retry_after: {seconds: 0s}}}, {text: hello}]", "{attempts: 2, gaps: 0.375s..}"
    ),
    "two hints": Act(
        f"[{refused_once(429, '{retry-after-ms: 6000, retry-after: 30}')}, {{text: hello}}]",
        OBEYS % "6s..25s",
    ),
    "asked to try again": Act(
        f"[{refused_once(400, TRY_AGAIN)}, {{text: hello}}]", "{requests: 2, attempts: 2}"
    ),
    "asked not to try again": Act(
        refused_once(429, DO_NOT_TRY_AGAIN), "{requests: 1, attempts: 1}", outcome=RAISES
    ),
    "cut before it began": Act(
        "{text: hello, wire: {end: {before: head, how: reset}}}", "{requests: 3, attempts: 3}", outcome=RAISES
    ),
    "slow to begin": Act(
        "{text: hello, pace: {head: 60s}}",
        "{requests: 2, attempts: 2, left: 0.5s.., gaps: 0.2s..}",
        options={"timeout": 1, "max_retries": 1},
        outcome=RAISES,
    ),
    "stream": Act(
        "{text: [One, two, three], pace: {every: 20ms}}",
        "{requests: 1, attempts: 1, connections: 1, left: never}",
        do="stream",
        outcome="Onetwothree",
    ),
    "stream refused": Act(
        THRICE % 429, "{requests: 3, attempts: 3, gaps: [0.375s.., 0.75s..], left: never}", do="stream"
    ),
    **{
        f"stream that ends by {how}": Act(
            f"{{text: [One, two], wire: {{end: {{after: text.1, how: {how}}}}}}}",
            "{requests: 1, attempts: 1, left: never}",
            do="stream",
            outcome=RAISES,
        )
        for how in ("reset", "close")
    },
    "stream that stalls": Act(
        "{text: [One, two], wire: {end: {after: text.1, hold: forever}}}",
        "{requests: 1, attempts: 1, left: 0.5s..}",
        do="stream",
        options={"timeout": 1},
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
    "crowd that comes back": Act(THRICE % 429, "{requests: 6, calls: 2, attempts: 3}", times=2),
    "crowd that is one call": Act(
        "{text: hello}", "{group: stub, requests: 2, calls: 1, attempts: 2, same: [body, key]}", times=2
    ),
}

STAINLESS_WRONG = {
    "too many requests": Wrong("flaky", "requests", "5", "5 requests", "3 requests"),
    "too many calls": Wrong("flaky", "calls", "2", "2 calls", "1 call"),
    "too many attempts": Wrong(
        "flaky",
        "attempts",
        "5",
        "5 attempts of each call",
        "the call was tried 3 times",
    ),
    "too long gaps": Wrong(
        "flaky",
        "gaps",
        "3s..",
        "gaps of 3.000 s or more (give or take 0.010 s)",
        r"gap 1 of call \d+ was \d\.\d{3} s, where 3\.000 s or more was expected",
    ),
    "too long a backoff": Wrong(
        "backing off",
        "gaps",
        "{backoff: {base: 20s, cap: 60s}}",
        "gaps of 20.000 s, then 40.000 s, then 60.000 s, and so on (give or take 0.010 s)",
        r"gap 1 of call \d+ was \d\.\d{3} s, where 20\.000 s was expected",
    ),
    "a gap from the beginning": Wrong(
        "slow to begin",
        "gaps",
        "30s..",
        "gaps of 30.000 s or more (give or take 0.010 s)",
        r"gap 1 of call \d+ was \d\.\d{3} s, where 30\.000 s or more was expected",
    ),
    "a hint that is ignored": Wrong(
        "a hint in seconds",
        "retry_after",
        "ignored",
        "not to wait as it was asked to",
        r"it waited \d\.\d{3} s after `retry-after: 8`, as asked",
    ),
    "the same count": Wrong(
        "flaky",
        "same",
        "[body, x-stainless-retry-count]",
        "the same body, x-stainless-retry-count in all attempts of a call",
        r"`x-stainless-retry-count` of request \d+ is not that of request \d+",
    ),
    "staying": Wrong(
        "stream that is left",
        "left",
        "never",
        "to stay to the end of the answer",
        r"request \d+ was left [\d.]+ u?s after the last byte, with \d+ bytes sent",
    ),
    "leaving soon": Wrong(
        "slow to begin",
        "left",
        "..0.2s",
        "to leave 0.000 s to 0.200 s after the last byte (give or take 0.010 s)",
        r"request \d+ was left \d\.\d{3} s after the last byte",
    ),
    "more connections": Wrong("flaky", "connections", "2", "2 connections", "1 connection"),
    "one at a time": Wrong("crowd", "concurrent", "1", "1 request open at once", "3 at once"),
    "a later count": Wrong(
        "flaky",
        "sent",
        "{header: {x-stainless-retry-count: {range: 5..}}}",
        "every request to be as `sent` says",
        r'3 of 3 were not; of request \d+: header x-stainless-retry-count is "0", where a number in 5\.\.'
        " was expected",
    ),
}
