"""What the pages of gateways show works as it is written, but for the host.

Without the scenario the answers are Google's and OpenAI's, and lack what only the gateways
send, which is listed here; with it, they are all that the pages tell of.
"""

import contextlib
import io

import pytest

import curl
import vendors
from sdk import KEY

RATINGS = "$.candidates[0].safetyRatings"

# Each request, the page's answer, and in what the built-in answer differs from it.
CALLS = [
    ("tikhub/generate.sh", "tikhub/generate.json", [RATINGS]),
    ("tokencode/generate.sh", "tokencode/generate.json", []),
    ("tokencode/openai-models.sh", "tokencode/openai-models.json", []),
    ("tokencode/chat.sh", "tokencode/chat.json", []),
    ("tokenoff/generate.sh", "tokenoff/generate.json", ["$.usageMetadata.thoughtsTokenCount"]),
    (
        "tokensmart/generate.sh",
        "tokensmart/generate.json",
        ["$.candidates[0].avgLogprobs", "$.usageMetadata.thoughtsTokenCount"],
    ),
]
STREAMS = [
    (
        "tokenoff/stream.sh",
        "tokenoff/stream.sse",
        [f"[{at}].usageMetadata.thoughtsTokenCount" for at in (0, -1)],
    ),
    ("tokensmart/stream.sh", "tokensmart/stream.sse", []),
]
# Requests whose answers the pages do not show; of the image models' and the thinking one they
# show no more than the settings.
OTHERS = {
    "tikhub/image.sh": lambda answer: answer["candidates"][0]["content"]["parts"][1]["inlineData"][
        "mimeType"
    ],
    "tokencode/models.sh": lambda answer: answer["models"][0]["name"].startswith("models/gemini-"),
    "tokencode/embeddings.sh": lambda answer: len(answer["data"][0]["embedding"]) == 1536,
    "tokensmart/image.sh": lambda answer: text(answer) == "You said: What is in this image? [image/jpeg]",
    "tokensmart/thinking.sh": lambda answer: answer["usageMetadata"]["thoughtsTokenCount"] <= 1024,
}


@pytest.fixture(scope="module")
def gateways(serve):
    scenario = vendors.REPOSITORY / "scenarios" / "46-gateways.yaml"
    return serve(str(scenario), "--unmatched", "built-in")


def text(answer):
    return answer["candidates"][0]["content"]["parts"][0]["text"]


def ran(name, server, folder=None):
    return curl.run(vendors.example(name, server.url), folder)


def payload(answer):
    assert (answer.status, answer.type.split(";")[0]) == (200, "application/json"), answer.text
    return vendors.json.loads(answer.text)


@pytest.mark.parametrize(("call", "answer", "lacking"), CALLS, ids=[call for call, *_ in CALLS])
def test_an_answer_has_all_that_its_page_shows(server, gateways, call, answer, lacking):
    expected = vendors.documented(answer)
    assert vendors.differences(expected, payload(ran(call, server))) == lacking
    assert vendors.differences(expected, payload(ran(call, gateways))) == []


@pytest.mark.parametrize(("call", "answer", "lacking"), STREAMS, ids=[call for call, *_ in STREAMS])
def test_a_stream_has_all_that_its_page_shows(server, gateways, call, answer, lacking):
    expected = vendors.documented(answer)
    plain = ran(call, server)
    if "alt=sse" in vendors.example(call):
        given = vendors.events(plain.text)
    else:
        # Google's own answer to it.
        given = payload(plain)
    assert vendors.stream_differences(expected, given) == lacking
    dressed = ran(call, gateways)
    assert (dressed.status, dressed.type) == (200, "text/event-stream")
    assert vendors.stream_differences(expected, vendors.events(dressed.text)) == []


def test_a_chat_is_streamed_as_its_page_shows(server):
    # The page shows the events of its chat's request, with `"stream": true`.
    streaming = vendors.example("tokencode/chat.sh", server.url).replace(
        '"max_tokens"', '"stream": true, "max_tokens"'
    )
    *given, done = vendors.events(curl.run(streaming).text)
    *expected, end = vendors.documented("tokencode/chat.sse")
    assert done == end == "[DONE]"
    told = [chunk for chunk in given if chunk["choices"][0]["delta"].get("content")]
    assert vendors.stream_differences(expected, told) == []


@pytest.mark.parametrize("call", OTHERS)
def test_a_request_without_an_answer_on_its_page_is_answered(server, gateways, call, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    for standing_in in (server, gateways):
        assert OTHERS[call](payload(ran(call, standing_in, tmp_path)))


def test_every_request_is_run():
    files = {str(file.relative_to(vendors.FOLDER)) for file in vendors.FOLDER.glob("*/*.sh")}
    run = {call for call, *_ in CALLS + STREAMS} | set(OTHERS)
    assert files == run | {"tokencode/stream.sh"}


def test_a_stream_without_an_answer_on_its_page_is_streamed(server):
    answer = ran("tokencode/stream.sh", server)
    assert (answer.status, answer.type) == (200, "text/event-stream")
    assert "".join(map(text, vendors.events(answer.text))) == "You said: Explain quantum computing"


@pytest.mark.parametrize(
    ("call", "status", "answer"),
    [
        ("tokencode/generate.sh", 400, "tokencode/error.json"),
        ("tokencode/chat.sh", 401, "tokencode/openai-error.json"),
    ],
)
def test_a_wrong_key_is_refused_as_its_page_shows(locked_server, call, status, answer):
    refused = ran(call, locked_server)
    expected, given = vendors.documented(answer), vendors.json.loads(refused.text)
    assert (refused.status, vendors.differences(expected, given)) == (status, [])
    for constant in ("code", "status", "type"):
        assert given["error"].get(constant) == expected["error"].get(constant)


# Where the pages say that a key may stand.
GENERATE = "tokensmart/generate.sh", '-H "Authorization: Bearer pk_live_xxxxxxxxxxxxxxxx"'
CHAT = "tokencode/chat.sh", '-H "Authorization: Bearer sk-your-api-key"'


@pytest.mark.parametrize(
    ("call", "place"),
    [
        (GENERATE, '-H "Authorization: Bearer {}"'),
        (GENERATE, '-H "x-api-key: {}"'),
        (GENERATE, '-H "x-goog-api-key: {}"'),
        (GENERATE, "?key={}"),
        (CHAT, '-H "Authorization: Bearer {}"'),
        (CHAT, '-H "x-api-key: {}"'),
    ],
)
def test_a_key_is_read_wherever_a_page_puts_it(locked_server, call, place):
    name, written = call
    for key, status in ((KEY, 200), ("wrong", 4)):
        command = vendors.example(name, locked_server.url)
        if place.startswith("?"):
            command = command.replace(written, "").replace(
                ":generateContent", f":generateContent{place.format(key)}"
            )
        else:
            command = command.replace(written, place.format(key))
        answer = curl.run(command)
        assert str(answer.status).startswith(str(status)), answer.text


def test_an_unknown_model_is_refused_as_its_page_shows(serve):
    known = serve(str(vendors.REPOSITORY / "scenarios" / "24-models.yaml"))
    refused = ran("tokensmart/generate.sh", known)
    expected, given = vendors.documented("tokensmart/error.json"), vendors.json.loads(refused.text)
    assert (refused.status, vendors.differences(expected, given)) == (404, [])
    assert given["error"]["code"] == 404


def executed(name, url):
    """What an example for Python prints, and the names that it leaves."""
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(vendors.example(name, url), name, "exec"), names)
    names["client"].close()
    return printed.getvalue(), names


@pytest.mark.parametrize(
    ("name", "said"),
    [("tokenoff/generate.py", "You said: Hello\n"), ("tokensmart/generate.py", "You said: Hi\n")],
)
def test_an_example_for_google_s_sdk_prints_the_answer(server, gateways, name, said):
    for standing_in in (server, gateways):
        assert executed(name, standing_in.url)[0] == said


def test_an_example_for_google_s_sdk_prints_the_chunks(server, gateways):
    printed, _ = executed("tokenoff/stream.py", server.url)
    assert printed.count("sdk_http_response=") == printed.count("candidates=[Candidate(") == 3
    printed, _ = executed("tokenoff/stream.py", gateways.url)
    assert printed.count("thoughts_token_count=412") == 3
    assert printed.count("finish_reason=<FinishReason.STOP: 'STOP'>") == 1


def test_an_example_for_openai_s_sdk_asks_models_of_all_vendors(server):
    _, names = executed("tokencode/openai.py", server.url)
    assert names["response"].model == "gemini-2.5-pro"
    assert names["response"].choices[0].message.content == "You said: Hello"


def test_a_gateway_s_own_words_reach_the_sdk(scene):
    dressed = scene("46-gateways")
    [candidate] = dressed.ask_gemini(key="pk_live_1").candidates
    assert candidate.avg_logprobs == -1.23
    assert dressed.ask_gemini(key="your_api_key").usage_metadata.thoughts_token_count == 331
    [candidate] = dressed.ask_gemini(key="<api-key>").candidates
    assert [rating.probability.value for rating in candidate.safety_ratings] == ["NEGLIGIBLE"] * 4
