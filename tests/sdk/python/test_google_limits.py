"""Where Gemini's answer ends, and what it costs."""

import pytest
from google.genai import types

from sdk import GEMINI, generated, settled


async def test_an_answer_ends_in_front_of_the_first_stop_sequence(google_client):
    response = await generated(google_client, "one two three", stop_sequences=["three", " two"])
    assert response.text == "You said: one"
    assert response.candidates[0].finish_reason == types.FinishReason.STOP


async def test_an_answer_that_stops_at_once_has_no_parts(google_client):
    response = await generated(google_client, "Hello", stop_sequences=["You"])
    assert response.candidates[0].content.role == "model"
    assert response.candidates[0].content.parts is None
    assert response.usage_metadata.candidates_token_count is None


@pytest.mark.parametrize(
    ("limit", "text", "finish"),
    [
        (1, "You", "MAX_TOKENS"),
        (3, "You said: wonde", "MAX_TOKENS"),
        (4, "You said: wonderful", "STOP"),
        (9, "You said: wonderful", "STOP"),
    ],
)
async def test_a_token_limit_cuts_the_answer(google_client, limit, text, finish):
    response = await generated(google_client, "wonderful", max_output_tokens=limit)
    assert response.text == text
    assert response.candidates[0].finish_reason == finish
    assert response.usage_metadata.candidates_token_count == min(limit, 4)


async def test_a_limit_counts_for_each_candidate(google_client):
    response = await generated(google_client, "Hello", max_output_tokens=3, candidate_count=2)
    finishes = [
        (candidate.content.parts[0].text, candidate.finish_reason) for candidate in response.candidates
    ]
    assert finishes == [("You said: Hello", "STOP"), ("You said: Hello", "MAX_TOKENS")]


@pytest.mark.parametrize(
    ("text", "prompt", "candidates"),
    [
        ("Hello", 1, 3),
        ("Hello wonderful world", 4, 6),
        ("sixsix", 1, 4),
        ("two\nlines", 2, 4),
        ("ünïcödë😀", 2, 4),
    ],
)
async def test_tokens_are_words_cut_into_pieces_of_six(google_client, text, prompt, candidates):
    usage = (await generated(google_client, text)).usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count) == (prompt, candidates)
    assert usage.total_token_count == prompt + candidates
    assert [(detail.modality, detail.token_count) for detail in usage.prompt_tokens_details] == [
        ("TEXT", prompt)
    ]


async def test_all_candidates_are_counted(google_client):
    usage = (await generated(google_client, "Hello", candidate_count=2)).usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count) == (1, 3 + 4)


async def test_the_whole_conversation_is_counted(google_client):
    contents = [
        types.UserContent("one two"),
        types.ModelContent("three"),
        types.UserContent(["four", "five six"]),
    ]
    usage = (await generated(google_client, contents, system_instruction="seven")).usage_metadata
    assert usage.prompt_token_count == 7


CONTENTS = [
    "Hello wonderful world",
    ["one", types.Part.from_bytes(data=b"x", mime_type="image/png"), "two"],
    [types.UserContent("Hello"), types.ModelContent("You said: Hello"), types.UserContent("Bye")],
    [types.Part.from_uri(file_uri="https://example.com/files/a", mime_type="application/pdf")],
]


@pytest.mark.parametrize("contents", CONTENTS)
async def test_a_count_is_what_generating_would_use(google_client, contents):
    counted = await settled(google_client.models.count_tokens(model=GEMINI, contents=contents))
    used = (await generated(google_client, contents)).usage_metadata
    assert counted.total_tokens == used.prompt_token_count


async def test_counts_are_exact(google_client):
    counted = await settled(google_client.models.count_tokens(model=GEMINI, contents=CONTENTS[1]))
    assert counted.total_tokens == 1 + 258 + 1
    assert counted.cached_content_token_count is None
    counted = await settled(google_client.models.count_tokens(model=GEMINI, contents=CONTENTS[2]))
    assert counted.total_tokens == 1 + 3 + 1
