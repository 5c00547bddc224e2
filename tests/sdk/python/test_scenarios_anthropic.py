"""What the shipped scenarios say to Anthropic's SDK."""

import anthropic
import pytest

import tools
from claude import CLAUDE, texts
from generation import anthropic_class, anthropic_http
from sdk import user

SOON = 0.4
WEATHER = {"name": "get_weather", "input_schema": tools.WEATHER}
CLOCK = {"name": "get_time", "input_schema": {"type": "object"}}


class Talk:
    """Anthropic's client at a session of some scenarios."""

    def __init__(self, scene, **options):
        self.client = scene.anthropic(**options)

    def ask(self, prompt="Hello", **options):
        messages = [user(prompt)] if isinstance(prompt, str) else prompt
        asked = {"model": CLAUDE, "max_tokens": 1000, "messages": messages, **options}
        return self.client.messages.create(**asked)

    def stream(self, prompt="Hello", **options):
        """The pieces of text, and what the stream ends with, if it is not well."""
        got = []
        try:
            for event in self.ask(prompt, stream=True, **options):
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    got.append(event.delta.text)
        except Exception as error:
            return got, error
        return got, None


@pytest.fixture
def talk(scene):
    return lambda *names, **options: Talk(scene(*names), **options)


def test_one_answer_serves_anthropic_too(talk):
    hello = talk("01-hello")
    assert texts(hello.ask()) == ["Hello!"]
    assert hello.stream() == (["Hello!"], None)


def test_a_status_is_said_in_anthropic_s_words(talk):
    errors = talk("04-errors")
    for status, name in (
        (400, "BadRequestError"),
        (413, "ContentTooLargeError"),
        (503, "ServiceUnavailableError"),
    ):
        with pytest.raises(anthropic.APIStatusError) as raised:
            errors.ask(f"error {status}")
        assert type(raised.value) is anthropic_class(name)
        assert raised.value.body["type"] == "error"


def test_a_call_is_tried_again_until_it_is_answered(talk):
    client = talk("06-retry", max_retries=2).client.messages.with_raw_response
    answer = client.create(model=CLAUDE, max_tokens=9, messages=[user("Hello")])
    assert (texts(answer.parse()), answer.retries_taken) == (["Thank you for waiting."], 2)


def test_a_tool_loop_ends_with_an_answer(talk):
    loop = talk("08-tool-loop")
    prompt = [user("How is the weather?")]
    [call] = loop.ask(prompt, tools=[WEATHER]).content
    assert (call.name, call.input) == ("get_weather", {"city": "Zürich"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    prompt += [{"role": "assistant", "content": [call]}, user([result])]
    assert texts(loop.ask(prompt, tools=[WEATHER])) == ["It is sunny in Zürich."]


def test_calls_stand_behind_the_text(talk):
    message = talk("09-more-calls").ask(tools=[WEATHER, CLOCK])
    said = [getattr(block, "text", None) or (block.name, block.input) for block in message.content]
    assert said == [
        "Let me see.",
        ("get_weather", {"city": "Zürich"}),
        ("get_weather", {"city": "Oslo"}),
        ("get_time", {"zone": "UTC"}),
    ]


def test_a_thought_is_shown_and_counted_with_the_output(talk):
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}
    message = talk("11-thinking").ask(**thinking)
    thought, text = message.content
    assert thought.thinking == "The user wants a number. Seven is a number."
    assert (text.text, message.usage.input_tokens, message.usage.output_tokens) == ("Seven.", 12, 2 + 40)


def test_a_refusal_is_a_reason_to_stop(talk):
    safety = talk("12-safety")
    for prompt in ("bomb", "favour"):
        assert safety.ask(prompt).stop_reason == "refusal"
    assert texts(safety.ask("favour")) == ["I would rather not."]


def test_what_was_cached_is_counted_apart(talk):
    message = talk("13-finish").ask("essay")
    assert message.stop_reason == "max_tokens"
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (200, 800, 4)


def test_an_order_goes_step_by_step(talk):
    shop = talk("18-states")
    said = [texts(shop.ask(prompt)) for prompt in ("pay", "buy", "pay", "buy")]
    assert said == [["There is nothing to pay."], ["Added."], ["Paid."], ["This order is closed."]]


@pytest.mark.parametrize(
    ("prompt", "pieces", "cause"),
    [("reset", ["One", " two"], "ReadError"), ("close", ["One", " two"], "RemoteProtocolError")],
)
def test_a_stream_that_is_cut_raises_behind_what_came(talk, prompt, pieces, cause):
    got, error = talk("32-cut-streams").stream(prompt)
    assert (got, type(error)) == (pieces, getattr(anthropic_http, cause))


def test_nobody_notices_a_stream_that_ends_without_a_reason(talk):
    assert talk("32-cut-streams").stream("complete") == (["One", " two"], None)


def test_a_stall_ends_with_the_client_s_timeout(talk):
    got, error = talk("34-stalls", timeout=SOON).stream("silence")
    assert got == ["One"]
    assert isinstance(error, anthropic.APITimeoutError | anthropic_http.ReadTimeout)


def test_what_is_compressed_is_read(talk):
    got, error = talk("36-compression").stream("gzip")
    assert ("".join(got), error) == ("Small and smaller", None)


def test_a_malformed_event_is_noticed(talk):
    got, error = talk("43-malformed-events").stream("bytes")
    assert got == ["One"] and isinstance(error, ValueError)


def test_an_error_in_mid_stream_is_raised(talk):
    got, error = talk("43-malformed-events").stream("error")
    assert got == ["One"] and isinstance(error, anthropic.APIStatusError)
    assert error.body["type"] == "error"


def test_a_miss_is_explained_in_anthropic_s_words(talk):
    with pytest.raises(anthropic.NotFoundError) as raised:
        talk("02-prompts").ask("pong")
    assert raised.value.body["error"]["type"] == "not_found_error"
    assert "no stub matches POST /v1/messages" in raised.value.body["error"]["message"]
