"""The same requests get the same answers, down to ids, headers and bytes."""

import asyncio
import re

import pytest

import tools
from sdk import completed, generated, headers_of, hello, opened, settled, streamed

CLOCK = ["--clock", "2026-01-01T00:00:00Z"]
OPENAI_REQUESTS = {
    "plain": {},
    "streamed": {"stream": True, "stream_options": {"include_usage": True}},
    "choices": {"n": 3, "stream": True},
    "logprobs": {"logprobs": True, "top_logprobs": 3},
    "calls": {"tools": tools.for_openai(), "tool_choice": "required"},
}
GOOGLE_REQUESTS = {
    "plain": {},
    "candidates": {"candidate_count": 2},
    "thoughts": {"thinking_config": {"include_thoughts": True}},
    "schema": {"response_mime_type": "application/json", "response_json_schema": tools.BOOKING},
}


async def openai_answer(client, **options):
    """Status, headers and bytes."""
    create = client.chat.completions.with_streaming_response.create
    async with opened(create(**hello(**options))) as answer:
        return answer.status_code, dict(answer.headers), await settled(answer.read())


async def google_answer(client, is_stream=False, **config):
    responses = await streamed(client, **config) if is_stream else [await generated(client, **config)]
    return [(headers_of(response), response.model_dump()) for response in responses]


@pytest.mark.parametrize("options", OPENAI_REQUESTS.values(), ids=OPENAI_REQUESTS)
async def test_openai_s_answers_are_equal_on_fresh_servers(openai_at, serve, options):
    clients = [openai_at(serve("--seed", "7", *CLOCK).url) for _ in range(2)]
    # The second time it is another answer, but again the same on both.
    first, second = [[await openai_answer(client, **options) for _ in range(2)] for client in clients]
    assert first == second
    assert first[0] != first[1]


@pytest.mark.parametrize("config", GOOGLE_REQUESTS.values(), ids=GOOGLE_REQUESTS)
@pytest.mark.parametrize("is_stream", [False, True])
async def test_google_s_answers_are_equal_on_fresh_servers(google_at, serve, config, is_stream):
    clients = [google_at(serve("--seed", "7", *CLOCK).url) for _ in range(2)]
    first, second = [
        [await google_answer(client, is_stream, **config) for _ in range(2)] for client in clients
    ]
    assert first == second
    assert first[0] != first[1]


async def test_another_seed_gives_other_ids_and_the_same_text(openai_at, serve):
    answers = [await completed(openai_at(serve("--seed", seed, *CLOCK).url)) for seed in ["1", "2"]]
    one, two = answers
    assert one.id != two.id and one._request_id != two._request_id
    assert one.system_fingerprint != two.system_fingerprint
    assert one.choices == two.choices and one.created == two.created


async def test_another_seed_gives_other_response_ids_and_the_same_text(google_at, serve):
    one, two = [await generated(google_at(serve("--seed", seed).url)) for seed in ["1", "2"]]
    assert one.response_id != two.response_id
    assert one.text == two.text


async def test_the_clock_tells_when(openai_at, google_at, serve):
    url = serve(*CLOCK).url
    completion = await settled(openai_at(url).chat.completions.with_raw_response.create(**hello()))
    assert completion.parse().created == 1_767_225_600
    assert completion.headers["date"] == "Thu, 01 Jan 2026 00:00:00 GMT"
    response = await generated(google_at(url))
    assert headers_of(response)["date"] == "Thu, 01 Jan 2026 00:00:00 GMT"


async def test_a_repeated_request_gets_ids_of_its_own(openai_client):
    completions = [await completed(openai_client, seed=9) for _ in range(3)]
    assert len({completion.id for completion in completions}) == 3
    # What belongs to the server stays.
    assert len({completion.system_fingerprint for completion in completions}) == 1


async def test_ids_by_request_are_the_same_every_time(openai_at, google_at, serve):
    url = serve("--ids", "by-request", *CLOCK).url
    answers = [await openai_answer(openai_at(url), n=2) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    responses = [await google_answer(google_at(url), is_stream=True) for _ in range(3)]
    assert responses[0] == responses[1] == responses[2]


async def test_refusals_are_repeated_too(openai_at, serve):
    client = openai_at(serve("--ids", "by-request", *CLOCK).url)
    refusals = []
    for _ in range(2):
        with pytest.raises(Exception, match=re.escape("Invalid 'n'")) as raised:
            await completed(client, n=0)
        refusals.append((raised.value.request_id, dict(raised.value.response.headers), raised.value.body))
    assert refusals[0] == refusals[1]


async def test_the_order_of_arrival_changes_nothing(way, openai_at, serve):
    users = [f"user {number % 20}" for number in range(40)]

    async def identities(client, users):
        def ask(name):
            create = client.chat.completions.create
            return (
                asyncio.to_thread(create, **hello(user=name)) if way == "sync" else create(**hello(user=name))
            )

        answers = await asyncio.gather(*map(ask, users))
        return sorted(
            (name, answer.id, answer._request_id) for name, answer in zip(users, answers, strict=True)
        )

    forwards, backwards = [await identities(openai_at(serve().url), order) for order in (users, users[::-1])]
    assert forwards == backwards
    assert len({answer_id for _, answer_id, _ in forwards}) == len(users)
