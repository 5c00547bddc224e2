"""Log probabilities of Gemini's tokens."""

import pytest
from google.genai import errors

from sdk import generated, streamed

TOKENS = ["You", " said:", " Hello"]


async def test_every_token_has_its_log_probability(google_client):
    response = await generated(google_client, response_logprobs=True, logprobs=2)
    candidate = response.candidates[0]
    chosen = candidate.logprobs_result.chosen_candidates
    assert [token.token for token in chosen] == TOKENS
    mean = sum(token.log_probability for token in chosen) / len(chosen)
    assert candidate.avg_logprobs == pytest.approx(mean)
    for token, top in zip(chosen, candidate.logprobs_result.top_candidates, strict=True):
        assert top.candidates[0] == token
        assert len(top.candidates) == 2
        assert top.candidates[1].log_probability < token.log_probability


async def test_a_stream_has_them_where_the_text_is(google_client):
    chunks = await streamed(google_client, response_logprobs=True)
    candidates = [chunk.candidates[0] for chunk in chunks]
    told = [[token.token for token in one.logprobs_result.chosen_candidates] for one in candidates]
    assert told == [[token] for token in TOKENS]
    assert [one.avg_logprobs is None for one in candidates] == [True, True, False]


async def test_alternatives_are_refused_where_nothing_is_to_be_told(google_client):
    with pytest.raises(errors.ClientError) as caught:
        await generated(google_client, logprobs=2)
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
