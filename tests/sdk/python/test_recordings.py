"""What is recorded of the SDKs' calls gives them the same again, without any upstream."""

import asyncio
import contextlib
import gc
import socket
import time

import anthropic
import openai
import pytest
from google.genai import errors

import tools
from calls import CALLS
from claude import answered, texts
from recordings import Studio, asked, asked_for_stream, code_of, ended, tries, until_end
from scenarios import said
from sdk import GEMINI, KEY, chunked, collected, completed, each, hello, settled, user

PROVIDERS = ["openai", "google", "anthropic"]


@pytest.fixture
def studio(tmp_path, openai_at, google_at, anthropic_at):
    makers = {"openai": openai_at, "google": google_at, "anthropic": anthropic_at}
    with contextlib.ExitStack() as closing:
        yield Studio(tmp_path, makers, closing)


@pytest.fixture
def left_behind():
    """Google's SDK leaves connections of aiohttp's open when a stream is lost: they go with the test."""
    yield
    gc.collect()


LEAVES = pytest.mark.filterwarnings("ignore:Unclosed:ResourceWarning")


@pytest.mark.parametrize("encoding", ["identity", "pass"])
async def test_all_sorts_of_calls_get_the_same_again(studio, encoding):
    async def all_of_them(at):
        return {name: await call(at) for name, call in CALLS.items()}

    answers = await studio.twice(all_of_them, "--encoding", encoding)
    assert all(answers.values())
    assert studio.count() >= len(CALLS)


async def test_a_tool_loop_is_gone_through_again(studio):
    weather = [{"type": "function", "function": {"name": "get_weather", "parameters": tools.WEATHER}}]

    async def loop(at):
        prompt = [user("How is the weather?")]
        calling = await completed(at.openai(), messages=prompt, tools=weather)
        message = calling.choices[0].message
        result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}
        prompt += [message.model_dump(exclude_none=True), result]
        return calling, await completed(at.openai(), messages=prompt, tools=weather)

    _, answer = await studio.twice(loop)
    assert (said(answer), studio.count()) == ("It is sunny in Zürich.", 2)


async def test_claude_goes_through_a_tool_loop_again(studio):
    weather = [{"name": "get_weather", "input_schema": tools.WEATHER}]

    async def loop(at):
        calling = await answered(at.anthropic(), "How is the weather?", tools=weather)
        [call] = calling.content
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
        told = [user("How is the weather?"), {"role": "assistant", "content": [call]}, user([result])]
        return calling, await answered(at.anthropic(), messages=told, tools=weather)

    _, answer = await studio.twice(loop)
    assert (texts(answer), studio.count()) == (["It is sunny in Zürich."], 2)


async def test_gemini_s_chat_calls_its_functions_again(studio):
    def get_weather(city: str) -> str:
        """Tells the weather."""
        return f"sunny in {city}"

    async def talk(at):
        chat = at.google().chats.create(model=GEMINI, config={"tools": [get_weather]})
        answer = await settled(chat.send_message("How is the weather?"))
        last = await collected(chat.send_message_stream("Thanks"))
        return answer, last, chat.get_history()

    answer, _, _ = await studio.twice(talk)
    assert (answer.text, studio.count()) == ("It is sunny in Zürich.", 3)


async def together(way, calls):
    """All answers at once, in the order of what they say."""
    if way == "sync":
        answers = await asyncio.gather(*(asyncio.to_thread(asyncio.run, call) for call in calls))
    else:
        answers = await asyncio.gather(*calls)
    return sorted(answers, key=said)


async def test_calls_that_are_the_same_get_each_its_own_answer(studio, way):
    def parallel(at):
        client = at.openai()
        return together(way, [completed(client, messages=[user("Count")]) for _ in range(4)])

    assert [said(answer) for answer in await studio.twice(parallel)] == ["Four", "One", "Three", "Two"]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_calls_that_follow_each_other_get_their_answers_in_order(studio, provider):
    async def row(at):
        return [await asked(at, provider, "Count") for _ in range(3)]

    await studio.twice(row)
    assert studio.count() == 3


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_call_is_tried_again_until_it_is_answered(studio, provider):
    await studio.twice(lambda at: asked(at, provider, "Wait", **tries(provider, 3)))
    assert studio.count() == 3
    # And once more from its start.
    await studio.replay(lambda at: asked(at, provider, "Wait", **tries(provider, 3)))


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_too_few_tries_end_with_the_same_error(studio, provider):
    error = await studio.twice(lambda at: ended(lambda: asked(at, provider, "Wait", **tries(provider, 2))))
    assert code_of(error) == 429
    assert studio.count() == 2


async def test_as_many_tries_are_made_as_were(studio):
    async def retries(at):
        create = at.openai(max_retries=2).chat.completions.with_raw_response.create
        answer = await settled(create(**hello(messages=[user("Wait")])))
        return answer.retries_taken, sorted(answer.headers.multi_items()), answer.parse()

    assert (await studio.twice(retries))[0] == 2


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_error_is_the_same_again(studio, provider):
    async def fail(at):
        errors = []
        for code in (400, 401, 404, 429, 500):
            errors.append(await ended(lambda: asked(at, provider, f"error {code}")))
            errors += await until_end(lambda: asked_for_stream(at, provider, f"error {code}"))
        return errors

    codes = [code_of(error) for error in await studio.twice(fail)]
    assert codes == [400, 400, 401, 401, 404, 404, 429, 429, 500, 500]


@LEAVES
@pytest.mark.usefixtures("left_behind")
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_stream_that_broke_off_does_so_again(studio, provider):
    async def lose(at):
        ways = ("reset", "close", "half")
        return {how: await until_end(lambda: asked_for_stream(at, provider, how)) for how in ways}

    for *came, error in (await studio.twice(lose)).values():
        assert isinstance(error, Exception)
        assert came and not any(isinstance(item, Exception) for item in came)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_key_in_an_answer_is_not_written_down(studio, provider):
    def fail(at):
        return ended(lambda: asked(at, provider, "Who am I?"))

    recorded, replayed = await studio.record(fail), await studio.replay(fail)
    assert KEY in str(recorded) and KEY not in str(replayed)
    assert type(replayed) is type(recorded)


async def test_another_key_gets_what_was_recorded(studio):
    recorded = await studio.record(lambda at: completed(at.openai()))
    replayed = await studio.replay(lambda at: completed(at.openai(api_key="sk-another-key")))
    assert replayed == recorded


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_was_not_recorded_is_not_found(studio, provider):
    async def miss(at):
        stream = await until_end(lambda: asked_for_stream(at, provider, "Something else"))
        return [await ended(lambda: asked(at, provider, "Something else")), *stream]

    await studio.record(lambda at: asked(at, provider, "Hello"))
    kinds = {
        "openai": openai.NotFoundError,
        "google": errors.ClientError,
        "anthropic": anthropic.NotFoundError,
    }
    for error in await studio.replay(miss):
        assert (type(error), code_of(error)) == (kinds[provider], 404)
        assert "not recorded" in str(error)


async def test_what_was_not_recorded_does_not_touch_the_network(studio):
    await studio.record(lambda at: completed(at.openai()))
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        upstream.setblocking(False)
        flags = ["--upstream", f"openai=http://127.0.0.1:{upstream.getsockname()[1]}/v1", "--mode", "none"]
        error = await studio.replay(lambda at: ended(lambda: completed(at.openai(), seed=1)), *flags)
        assert isinstance(error, openai.NotFoundError)
        with pytest.raises(BlockingIOError):
            upstream.accept()


async def test_an_empty_folder_takes_recordings(studio):
    studio.cassettes.mkdir()
    await studio.twice(lambda at: completed(at.openai()))


async def test_each_session_has_its_own_answers(studio):
    async def two(at, names):
        by_path = await asked(at.of(names[0]), "openai", "Count")
        by_header = await asked(at, "openai", "Count", default_headers={"x-mynah-session": names[1]})
        return {names[0]: said(by_path), names[1]: said(by_header)}

    recorded = await studio.record(lambda at: two(at, ["first", "second"]))
    assert recorded == {"first": "One", "second": "Two"}
    assert sorted(path.stem for path in studio.cassettes.iterdir()) == ["first", "second"]
    assert await studio.replay(lambda at: two(at, ["second", "first"])) == recorded


@LEAVES
@pytest.mark.usefixtures("left_behind")
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_stream_that_nobody_reads_to_its_end_is_no_trouble(studio, provider):
    async def leave(at):
        async with contextlib.aclosing(each(await settled(asked_for_stream(at, provider, "slow")))) as items:
            return await anext(items)

    await studio.twice(leave)


async def test_a_stream_takes_as_long_as_it_took(studio):
    recorded = await studio.record(lambda at: asked_and_timed(at, "slow"))
    seconds, chunks = await studio.replay(lambda at: asked_and_timed(at, "slow"), "--speed", "1")
    assert chunks == recorded[1]
    # Clocks tick, and it had begun before it was asked for.
    assert seconds >= 0.19


async def asked_and_timed(at, prompt):
    client = at.openai()
    begun = time.monotonic()
    chunks = await chunked(client, messages=[user(prompt)])
    return time.monotonic() - begun, chunks
