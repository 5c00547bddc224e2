"""Content that Gemini streams."""

from google.genai import types

from sdk import GEMINI, headers_of, streamed


def texts(chunks, index=0):
    candidates = [candidate for chunk in chunks for candidate in chunk.candidates]
    return [candidate.content.parts[0].text for candidate in candidates if candidate.index == index]


async def test_a_stream_comes_back_whole(google_client):
    chunks = await streamed(google_client)
    assert [chunk.text for chunk in chunks] == ["You", " said:", " Hello"]


async def test_only_the_last_chunk_has_a_finish(google_client):
    chunks = await streamed(google_client)
    finishes = [chunk.candidates[0].finish_reason for chunk in chunks]
    assert finishes == [None, None, types.FinishReason.STOP]


async def test_every_chunk_has_the_same_response_and_model(google_client):
    chunks = await streamed(google_client)
    assert len({(chunk.response_id, chunk.model_version) for chunk in chunks}) == 1
    assert chunks[0].model_version == GEMINI and chunks[0].response_id


async def test_every_chunk_tells_the_usage_so_far(google_client):
    chunks = await streamed(google_client, "Hello wonderful")
    usage = [chunk.usage_metadata for chunk in chunks]
    assert [used.prompt_token_count for used in usage] == [3, 3, 3, 3]
    assert [used.candidates_token_count for used in usage] == [1, 2, 3, 5]
    assert [used.total_token_count for used in usage] == [4, 5, 6, 8]


async def test_each_stream_has_an_id_of_its_own(google_client):
    ids = {(await streamed(google_client))[0].response_id for _ in range(3)}
    assert len(ids) == 3


async def test_several_candidates_are_streamed_in_turns(google_client):
    chunks = await streamed(google_client, candidate_count=2)
    assert [chunk.candidates[0].index for chunk in chunks] == [0, 1, 0, 1, 0, 1, 1]
    assert texts(chunks, 0) == ["You", " said:", " Hello"]
    assert texts(chunks, 1) == ["You", " said:", " Hello", " (2)"]


async def test_each_candidate_has_one_finish(google_client):
    chunks = await streamed(google_client, candidate_count=2)
    finished = [chunk.candidates[0].index for chunk in chunks if chunk.candidates[0].finish_reason]
    assert sorted(finished) == [0, 1]


async def test_candidates_share_the_usage(google_client):
    chunks = await streamed(google_client, candidate_count=2)
    assert chunks[-1].usage_metadata.candidates_token_count == 3 + 4


async def test_a_stream_is_told_to_be_one(google_client):
    [first, *_] = await streamed(google_client)
    headers = headers_of(first)
    assert headers["content-type"] == "text/event-stream"
    assert headers["content-disposition"] == "attachment"
    assert headers["x-mynah-answer"] == "built-in"


async def test_a_stop_sequence_ends_a_stream(google_client):
    chunks = await streamed(google_client, "one two three", stop_sequences=["nothing", " three"])
    assert "".join(texts(chunks)) == "You said: one two"
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


async def test_a_token_limit_ends_a_stream(google_client):
    chunks = await streamed(google_client, "one two three", max_output_tokens=3)
    assert "".join(texts(chunks)) == "You said: one"
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.MAX_TOKENS


async def test_a_stream_of_nothing_still_finishes(google_client):
    [chunk] = await streamed(google_client, stop_sequences=["You"])
    assert chunk.candidates[0].finish_reason == types.FinishReason.STOP
    assert chunk.candidates[0].content.parts is None
    assert chunk.usage_metadata.candidates_token_count is None
    assert chunk.usage_metadata.total_token_count == 1
