"""Shipped scenarios of what only Gemini does, as google-genai sees it."""

import pytest
from google.genai import types

from generation import GOOGLE_CONTINUES
from scenarios import pieces


def assert_left_as_it_is(response):
    """That the SDK takes an answer that is not over for all there is, with a reason unknown to it."""
    assert response.candidates[0].finish_reason == "CONTINUATION"


@pytest.mark.filterwarnings("ignore:CONTINUATION is not a valid FinishReason:UserWarning")
def test_google_s_sdk_asks_for_the_rest_by_itself(scene):
    response = scene("45-gemini").ask_gemini("Tell me a story.")
    if not GOOGLE_CONTINUES:
        assert_left_as_it_is(response)
        return
    assert response.text == "Once upon a time there was a mynah."
    assert response.candidates[0].finish_reason == types.FinishReason.STOP
    assert response.candidates[0].continuation_token is None
    # Two requests were paid for.
    assert response.usage_metadata.candidates_token_count == 4 + 5


@pytest.mark.filterwarnings("ignore:CONTINUATION is not a valid FinishReason:UserWarning")
def test_google_s_sdk_goes_on_with_a_stream_by_itself(scene):
    chunks = scene("45-gemini").stream_gemini("Tell me a story.")
    if not GOOGLE_CONTINUES:
        assert_left_as_it_is(chunks[-1])
        return
    assert "".join(pieces(chunks)) == "Once upon a time there was a mynah."
    reasons = [chunk.candidates[0].finish_reason for chunk in chunks]
    assert reasons == [None] * (len(chunks) - 1) + [types.FinishReason.STOP]


def test_what_is_not_over_is_told_where_the_sdk_is_not_to_go_on(scene):
    story = scene("45-gemini")
    if not GOOGLE_CONTINUES:
        # There is nothing to tell it by.
        with pytest.raises(ValueError, match="automatic_continuation"):
            story.ask_gemini("Tell me a story.", automatic_continuation=False)
        return
    first = story.ask_gemini("Tell me a story.", automatic_continuation=False)
    candidate = first.candidates[0]
    assert (first.text, candidate.finish_reason) == ("Once upon a time", types.FinishReason.CONTINUATION)
    rest = story.ask_gemini("Tell me a story.", continuation_token=candidate.continuation_token)
    assert rest.text == " there was a mynah."


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_picture_that_is_withheld_leaves_no_content(scene, is_stream):
    session = scene("45-gemini")
    ask = session.stream_gemini if is_stream else session.ask_gemini
    response = ask("Draw a picture.")
    [response] = response if is_stream else [response]
    candidate = response.candidates[0]
    assert candidate.finish_reason == types.FinishReason.IMAGE_SAFETY
    assert (candidate.content, response.text) == (None, None)


def test_quotes_are_told(scene):
    session = scene("45-gemini")
    for response in (session.ask_gemini("A quote!"), session.stream_gemini("A quote!")[-1]):
        [citation] = response.candidates[0].citation_metadata.citations
        assert (citation.uri, citation.end_index) == ("https://example.test/hamlet", 20)
        assert citation.license == "mit"
