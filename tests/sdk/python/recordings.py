"""Does something through a recording proxy, and again from what was recorded."""

import contextlib
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from google.genai import errors, types
from pydantic import BaseModel

from claude import answered, greeting
from sdk import GEMINI, KEY, completed, each, generated, hello, settled, user
from servers import Server

# What the upstream says.
SCENARIO = """
scenario: 1
stubs:
  - {when: {prompt: reset}, then: {text: [One, " two", x], wire: {end: {after: text.2, how: reset}}}}
  - {when: {prompt: close}, then: {text: [One, " two", x], wire: {end: {after: text.2, how: close}}}}
  - when: {prompt: half}
    then: {text: [One, " two"], wire: {edit: {insert: {after: text.1, reply: {error: 503}}}}}
  - {when: {prompt: slow}, then: {text: [One, " two", " three"], pace: {every: 100ms}}}
  - {when: {prompt: packed}, then: {text: [One, " zwölf 🦜", " three"], wire: {encode: gzip}}}
  - when: {prompt: Wait}
    per: call
    then:
      - {error: {status: 429, retry_after: {ms: 10ms}}, times: 2}
      - {text: Thank you for waiting.}
  - {when: {prompt: Count}, per: session, then: [{text: One}, {text: Two}, {text: Three}, {text: Four}]}
  - when: {prompt: {contains: weather}, tools: get_weather, turn: 1}
    then: {parts: {call: {name: get_weather, args: {city: Zürich}}}}
  - {when: {tool_result: {get_weather: {contains: sunny}}}, then: {text: It is sunny in Zürich.}}
  - {when: {prompt: error 400}, then: {error: {status: 400, message: Nobody understands.}}}
  - {when: {prompt: error 401}, then: {error: 401}}
  - {when: {prompt: error 404}, then: {error: 404}}
  - {when: {prompt: error 429}, then: {error: {status: 429, retry_after: 10s}}}
  - {when: {prompt: error 500}, then: {error: 500}}
  - {when: {prompt: Who am I?}, then: {error: {status: 401, message: "Incorrect API key provided: KEY."}}}
  - {when: {operation: [embed, images]}, then: {from: built_in}}
  - {then: {from: built_in}}
""".replace("KEY", KEY)


@dataclass
class Clients:
    """What makes the SDKs' clients for a server; the keywords are their options."""

    url: str
    makers: dict[str, Callable]

    def openai(self, **options):
        return self.makers["openai"](self.url, **{"api_key": KEY, **options})

    def google(self, **options):
        return self.makers["google"](self.url, **{"api_key": KEY, **options})

    def anthropic(self, **options):
        return self.makers["anthropic"](self.url, **{"api_key": KEY, **options})

    def of(self, session):
        """Those whose requests are a session's."""
        return Clients(f"{self.url}/s/{session}", self.makers)


class Studio:
    """Where recordings are made and played."""

    def __init__(self, folder: Path, makers, closing: contextlib.ExitStack):
        self.folder = folder
        self.cassettes = folder / "cassettes"
        self.makers = makers
        self.closing = closing
        self.numbers = itertools.count()

    def start(self, command, *flags):
        folder = self.folder / f"server-{next(self.numbers)}"
        folder.mkdir()
        server = Server([str(flag) for flag in flags], folder, command)
        self.closing.callback(server.stop)
        return server

    async def record(self, act, *flags):
        """What comes of doing something through the proxy, which then has ended, as has the upstream."""
        scenario = self.folder / "scenario.yaml"
        scenario.write_text(SCENARIO, encoding="utf-8")
        upstream = self.start("serve", scenario)
        addresses = {"openai": f"{upstream.url}/v1", "gemini": upstream.url, "anthropic": upstream.url}
        upstreams = [flag for name, url in addresses.items() for flag in ("--upstream", f"{name}={url}")]
        proxy = self.start("record", *upstreams, "--cassettes", self.cassettes, *flags)
        result = await act(Clients(proxy.url, self.makers))
        proxy.end()
        upstream.stop()
        assert KEY not in self.written()
        return result

    async def replay(self, act, *flags):
        """What comes of doing something with the recordings alone."""
        player = self.start("serve", "--cassettes", self.cassettes, *(flags or ("--speed", "instant")))
        return await act(Clients(player.url, self.makers))

    async def twice(self, act, *flags):
        """What comes of doing something, recorded and replayed alike."""
        recorded = await self.record(act, *flags)
        replayed = await self.replay(act)
        assert seen(replayed) == seen(recorded)
        return replayed

    def written(self):
        """All that stands in the cassettes."""
        files = sorted(path for path in self.cassettes.rglob("*") if path.is_file())
        return "\n".join(f"{path.name}\n{path.read_text(encoding='utf-8')}" for path in files)

    def count(self):
        """How many interactions were recorded."""
        return len(re.findall(r"^cassette: 1$", self.written(), re.MULTILINE))


def seen(value):
    """All that tests can see of results and exceptions, to be compared."""
    if isinstance(value, BaseModel):
        return type(value), value.model_dump(warnings=False), getattr(value, "_request_id", None)
    if isinstance(value, BaseException):
        return [raised(error) for error in chain(value)]
    if isinstance(value, dict):
        return {name: seen(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [seen(item) for item in value]
    return value


def raised(error):
    names = ("status_code", "code", "status", "message", "body", "details", "request_id")
    told = [getattr(error, name, None) for name in names]
    # Google's SDK has responses of several libraries here.
    response = getattr(error, "response", None) if hasattr(error, "body") else None
    return type(error), str(error), told, response and sorted(response.headers.multi_items())


def chain(error):
    """An exception and its causes."""
    while error is not None:
        yield error
        error = error.__cause__


async def ended(call):
    """What a call gives, or what it raises."""
    try:
        return await settled(call())
    except Exception as error:
        return error


async def until_end(stream):
    """The items of a stream, and behind them what it ends with if it is not well."""
    got = []
    try:
        async for item in each(await settled(stream())):
            got.append(item)
    except Exception as error:
        got.append(error)
    return got


def asked(at, provider, prompt, **options):
    """An answer to a prompt; the options are a client's."""
    client = getattr(at, provider)(**options)
    if provider == "google":
        return generated(client, prompt)
    return completed(client, messages=[user(prompt)]) if provider == "openai" else answered(client, prompt)


def asked_for_stream(at, provider, prompt):
    client = getattr(at, provider)()
    if provider == "google":
        return client.models.generate_content_stream(model=GEMINI, contents=prompt)
    if provider == "openai":
        return client.chat.completions.create(**hello(messages=[user(prompt)], stream=True))
    return client.messages.create(**greeting(prompt, stream=True))


def tries(provider, count):
    """The options of a client that tries so often."""
    if provider == "google":
        quickly = types.HttpRetryOptions(attempts=count, initial_delay=0.01, max_delay=0.02, jitter=0.01)
        return {"retry_options": quickly}
    return {"max_retries": count - 1}


def code_of(error):
    return error.code if isinstance(error, errors.APIError) else error.status_code
