"""What stands in the headers of OpenAI's answers."""

import re

import openai
import pytest

from sdk import GPT, completed, hello, opened, settled, user

REQUEST_ID = re.compile(r"req_[0-9a-f]{32}")


async def raw(client, **options):
    return await settled(client.chat.completions.with_raw_response.create(**hello(**options)))


async def test_an_answer_has_a_request_id(openai_client):
    completion = await completed(openai_client)
    assert REQUEST_ID.fullmatch(completion._request_id)


async def test_a_stream_has_a_request_id(openai_client):
    stream = await completed(openai_client, stream=True)
    assert REQUEST_ID.fullmatch(stream.response.headers["x-request-id"])
    await settled(stream.close())


async def test_each_answer_has_a_request_id_of_its_own(openai_client):
    ids = {(await raw(openai_client)).request_id for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("is_stream", [False, True])
async def test_rate_limits_are_told(openai_client, is_stream):
    headers = (await raw(openai_client, stream=is_stream)).headers
    assert headers["x-ratelimit-limit-requests"] == "10000"
    assert headers["x-ratelimit-limit-tokens"] == "2000000"
    assert headers["x-ratelimit-remaining-requests"] == "9999"
    assert headers["x-ratelimit-remaining-tokens"] == "1999999"
    assert headers["x-ratelimit-reset-requests"] == "6ms"
    assert headers["x-ratelimit-reset-tokens"] == "0s"


async def test_a_longer_prompt_leaves_fewer_tokens(openai_client):
    options = {"model": GPT, "messages": [user("word " * 999 + "word")]}
    answer = await settled(openai_client.chat.completions.with_raw_response.create(**options))
    assert answer.headers["x-ratelimit-remaining-tokens"] == "1999000"
    assert answer.headers["x-ratelimit-reset-tokens"] == "30ms"


async def test_the_service_says_who_and_how_long(openai_client):
    headers = (await raw(openai_client)).headers
    assert headers["openai-version"] == "2020-10-01"
    assert re.fullmatch(r"org-[0-9a-z]+", headers["openai-organization"])
    assert re.fullmatch(r"proj_[0-9A-Za-z]{24}", headers["openai-project"])
    assert int(headers["openai-processing-ms"]) > 0
    assert headers["server"] == "cloudflare"


async def test_the_type_of_the_content_is_told(openai_client):
    assert (await raw(openai_client)).headers["content-type"] == "application/json"
    streamed = (await raw(openai_client, stream=True)).headers
    assert streamed["content-type"] == "text/event-stream; charset=utf-8"
    assert "content-length" not in streamed


async def test_an_answer_is_two_blanks_deep_and_ends_its_line(openai_client):
    text = (await raw(openai_client)).text
    assert text.startswith('{\n  "id": "chatcmpl-')
    assert text.endswith("\n}\n")


async def test_a_stream_is_lines_of_compact_json_up_to_done(openai_client):
    create = openai_client.chat.completions.with_streaming_response.create
    async with opened(create(**hello(stream=True))) as answer:
        body = (await settled(answer.read())).decode()
    *events, done, end = body.split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    assert len(events) == 5
    assert all(re.fullmatch(r'data: \{"id":"[^\n]*\}', event) for event in events)


async def test_an_answer_tells_that_it_was_built_in(openai_client):
    assert (await raw(openai_client)).headers["x-mynah-answer"] == "built-in"
    assert (await raw(openai_client, stream=True)).headers["x-mynah-answer"] == "built-in"
    with pytest.raises(openai.BadRequestError) as raised:
        await raw(openai_client, n=0)
    assert raised.value.response.headers["x-mynah-answer"] == "refusal"


async def test_marks_can_be_left_off(openai_at, serve):
    headers = (await raw(openai_at(serve("--no-marks").url))).headers
    assert not any(name.startswith("x-mynah") for name in headers)
