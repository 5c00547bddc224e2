"""Shipped scenarios that teach streams: their pieces, and when these leave.

Times have lower bounds alone: a busy machine may be late, but never early.
"""

import asyncio
import time

import pytest

from scenarios import pieces, said
from sdk import GEMINI, chunked, openai_client

# Clocks tick, and a timer's end is rounded.
TICK = 0.005


def times(stream):
    """When each chunk came, in seconds since the stream was asked for, and the chunks."""
    begun = time.monotonic()
    return [(time.monotonic() - begun, chunk) for chunk in stream()]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("pieces", ["Hel", "lo, ", "you"]),
        ("whole", ["one two three"]),
        ("characters", ["n", "a", "ï", "v", "e", " ", "🦜"]),
        ("fours", ["abcd", "efgh", "ij"]),
        ("bursts", ["one", " two", " three", " four", " five", " six"]),
    ],
)
def test_a_text_comes_in_the_pieces_that_are_told(scene, prompt, expected):
    streams = scene("21-streams")
    assert pieces(streams.stream_openai(prompt)) == expected
    assert pieces(streams.stream_gemini(prompt)) == expected
    assert said(streams.ask_openai(prompt)) == "".join(expected)


def test_bursts_have_silence_between_them(scene):
    arrivals = times(lambda: scene("21-streams").ask_openai("bursts", stream=True))
    words = {chunk.choices[0].delta.content: at for at, chunk in arrivals}
    assert words[" four"] >= 0.1 - TICK


def test_a_stream_stalls_in_front_of_its_end(scene):
    *_, (end, last) = times(lambda: scene("21-streams").ask_openai("stall", stream=True))
    assert last.choices[0].finish_reason == "stop"
    assert end >= 0.3 - TICK


@pytest.mark.parametrize("is_openai", [True, False])
def test_the_first_token_is_slow(scene, is_openai):
    slow = scene("20-slow-first-token")
    client = slow.gemini().models

    def stream():
        if is_openai:
            return slow.ask_openai(stream=True)
        return client.generate_content_stream(model=GEMINI, contents="Hello")

    arrivals = times(stream)
    texts = [(at, text) for at, chunk in arrivals for text in pieces([chunk])]
    assert "".join(text for _, text in texts) == "At last I say it."
    assert texts[0][0] >= 0.5 - TICK
    # Four words behind the first.
    assert texts[-1][0] >= 0.5 + 4 * 0.02 - TICK


async def test_the_first_token_is_slow_for_many_at_once(scene):
    begun = time.monotonic()
    async with openai_client("async", scene("20-slow-first-token").url) as client:
        answers = await asyncio.gather(*(chunked(client) for _ in range(20)))
    assert time.monotonic() - begun >= 0.5 - TICK
    assert {"".join(pieces(chunks)) for chunks in answers} == {"At last I say it."}


def test_the_head_may_be_slow_too(scene):
    slow = scene("20-slow-first-token")
    begun = time.monotonic()
    assert said(slow.ask_openai("The slow head")) == "Here I am."
    assert time.monotonic() - begun >= 0.4 - TICK


def test_latencies_are_drawn_for_every_reply(scene):
    latency = scene("22-latency")
    assert said(latency.ask_openai(model="gpt-4o-mini")) == "The small model is quick."
    assert "".join(pieces(latency.stream_openai())) == "A model as any other."
    assert "".join(pieces(latency.stream_gemini())) == "A model as any other."


def test_tokens_come_at_their_rate(scene):
    latency = scene("22-latency")
    *_, (end, _) = times(lambda: latency.ask_openai("A typewriter", stream=True))
    # Three tokens behind the first, at fifty a second.
    assert end >= 3 / 50 - TICK


def test_shared_tempos_are_kept(scene):
    shared = scene("31-pieces")
    begun = time.monotonic()
    assert shared.ask_gemini().text == "I am slow."
    assert time.monotonic() - begun >= 0.2 - TICK
