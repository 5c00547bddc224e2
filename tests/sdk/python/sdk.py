"""Both SDKs in each of their ways, so that one test serves all of them."""

import contextlib
import inspect
import json

import openai
from google import genai
from google.genai import types

from generation import google_http

# aiohttp reads HTTP by a parser of its own, so it is a way apart.
WAYS = ["sync", "async", "aiohttp"]

GPT = "gpt-4o"
GEMINI = "gemini-2.5-flash"

# What a server that checks keys accepts.
KEY = "sk-right-0123456789abcdef"


def user(content):
    return {"role": "user", "content": content}


def hello(**options):
    """The arguments of a chat completion whose answer is `You said: Hello`."""
    return {"model": GPT, "messages": [user("Hello")], **options}


class LastingTransport(google_http.AsyncHTTPTransport):
    """One that only its owner closes: Google's oldest SDK does it with the first of two clients."""

    async def aclose(self):
        pass

    async def end(self):
        await super().aclose()


def openai_client(way, url, **options):
    options = {"api_key": "any", "max_retries": 0, "base_url": f"{url}/v1", **options}
    if way == "sync":
        return openai.OpenAI(**options)
    if way == "aiohttp":
        options["http_client"] = openai.DefaultAioHttpClient()
    return openai.AsyncOpenAI(**options)


def google_client(way, url, api_key="any", **http_options):
    """The client whose `models` and `chats` are meant, and all that is to be closed."""
    http_options = {"base_url": url, **http_options}
    closing = []
    if way == "async":
        # Without a transport of its own it would use aiohttp where that is installed.
        transport = LastingTransport()
        http_options["async_client_args"] = {"transport": transport}
        closing.append(transport.end)
    client = genai.Client(api_key=api_key, http_options=types.HttpOptions(**http_options))
    return (client if way == "sync" else client.aio), [client.close, client.aio.aclose, *closing]


def headers_of(response):
    """The headers behind a response of Google's SDK; aiohttp spells their names in its own way."""
    return {name.lower(): value for name, value in response.sdk_http_response.headers.items()}


def told(error):
    """Google's error object, which the SDK's exception has in its details."""
    if "error" in error.details:
        inner = error.details["error"]
        assert (error.status, error.message) == (inner["status"], inner["message"])
    else:
        # Google calls the refusal of a stream an event stream, and behind aiohttp the SDK reads as JSON
        # only what is called so: the text is the message.
        inner = json.loads(error.message)["error"]
    assert error.code == inner["code"]
    return inner


async def settled(result):
    """What a call gives, be it awaited or not."""
    return await result if inspect.isawaitable(result) else result


async def each(stream):
    """The items of a stream, be it asynchronous or not."""
    if hasattr(stream, "__aiter__"):
        async for item in stream:
            yield item
    else:
        for item in stream:
            yield item


async def collected(stream):
    return [item async for item in each(await settled(stream))]


@contextlib.asynccontextmanager
async def opened(manager):
    if hasattr(manager, "__aenter__"):
        async with manager as inside:
            yield inside
    else:
        with manager as inside:
            yield inside


async def completed(client, **options):
    """A chat completion; without options it says `You said: Hello`."""
    return await settled(client.chat.completions.create(**hello(**options)))


async def chunked(client, **options):
    """The chunks of a streamed chat completion."""
    return await collected(client.chat.completions.create(**hello(stream=True, **options)))


async def generated(client, contents="Hello", model=GEMINI, **config):
    """What Gemini generates; without settings it says `You said: Hello`."""
    return await settled(client.models.generate_content(model=model, contents=contents, config=config))


async def streamed(client, contents="Hello", model=GEMINI, **config):
    """The chunks that Gemini streams."""
    stream = client.models.generate_content_stream(model=model, contents=contents, config=config)
    return await collected(stream)
