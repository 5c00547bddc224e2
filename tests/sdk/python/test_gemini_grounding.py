"""What Google's own tools find for the built-in answer."""

import pytest
from google.genai import types

from sdk import generated, streamed

SEARCH = [{"google_search": {}}]


async def last(client, is_stream, contents, **config):
    """The response that has all, or the last of a stream, and all of the text."""
    if not is_stream:
        response = await generated(client, contents, **config)
        return response, response.text
    chunks = await streamed(client, contents, **config)
    return chunks[-1], "".join(chunk.text or "" for chunk in chunks)


@pytest.mark.parametrize("is_stream", [False, True])
async def test_segments_are_found_by_their_bytes(google_client, is_stream):
    response, text = await last(google_client, is_stream, "Grüezi! Wo ist Zürich?", tools=SEARCH)
    grounding = response.candidates[0].grounding_metadata
    assert grounding.web_search_queries == ["Grüezi! Wo ist Zürich?"]
    assert "Wo ist Zürich?</a>" in grounding.search_entry_point.rendered_content
    first, second = [support.segment for support in grounding.grounding_supports]
    assert (first.start_index, first.text) == (None, "You said: Grüezi!")
    for segment in (first, second):
        assert text.encode()[segment.start_index or 0 : segment.end_index].decode() == segment.text
    for support in grounding.grounding_supports:
        [index] = support.grounding_chunk_indices
        assert grounding.grounding_chunks[index].web.uri.startswith("https://")


@pytest.mark.parametrize("is_stream", [False, True])
async def test_pages_are_read(google_client, is_stream):
    prompt = "Compare https://a.example/x and https://b.example/."
    response, _ = await last(google_client, is_stream, prompt, tools=[{"url_context": {}}])
    pages = response.candidates[0].url_context_metadata.url_metadata
    assert [page.retrieved_url for page in pages] == ["https://a.example/x", "https://b.example/"]
    success = types.UrlRetrievalStatus.URL_RETRIEVAL_STATUS_SUCCESS
    assert {page.url_retrieval_status for page in pages} == {success}


async def test_a_program_is_run_in_front_of_the_text(google_client):
    response = await generated(google_client, tools=[{"code_execution": {}}])
    assert response.executable_code == "print(6 * 7)\n"
    assert response.code_execution_result == "42\n"
    code, result, text = response.candidates[0].content.parts
    assert code.executable_code.language == types.Language.PYTHON
    assert result.code_execution_result.outcome == types.Outcome.OUTCOME_OK
    assert text.text == "You said: Hello"


async def test_a_program_can_be_sent_back(google_client):
    response = await generated(google_client, tools=[{"code_execution": {}}])
    contents = [types.UserContent("Hello"), response.candidates[0].content, types.UserContent("Go on")]
    assert (await generated(google_client, contents)).text == "You said: Go on"


async def test_what_the_tools_put_into_the_prompt_is_counted_apart(google_client):
    tools = [*SEARCH, {"code_execution": {}}]
    usage = (await generated(google_client, tools=tools)).usage_metadata
    assert usage.tool_use_prompt_token_count > 0
    assert usage.tool_use_prompt_tokens_details[0].token_count == usage.tool_use_prompt_token_count
    parts = (usage.prompt_token_count, usage.candidates_token_count, usage.tool_use_prompt_token_count)
    assert usage.total_token_count == sum(parts)


async def test_without_tools_nothing_is_found(google_client):
    candidate = (await generated(google_client, "See https://a.example/")).candidates[0]
    assert (candidate.grounding_metadata, candidate.url_context_metadata) == (None, None)
