"""A client that is judged: `judging_client.py SDK` makes the calls told on its input, all at once.

It finds its server as any program does, by what the SDK reads from the environment, and names its
session in a header. It prints the calls again, with what came of each.
"""

import asyncio
import contextlib
import functools
import importlib
import inspect
import json
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor


class Made:
    """What the SDKs of OpenAI and of Anthropic have in common."""

    def client(self, call, options):
        options = {"default_headers": headers(call), **options}
        if call["way"] == "sync":
            return self.classes[0](**options)
        if call["way"] == "aiohttp":
            options["http_client"] = self.sdk.DefaultAioHttpClient()
        return self.classes[1](**options)

    def stream(self, client, prompt):
        return self.ask(client, prompt, stream=True)


class OpenAI(Made):
    def __init__(self):
        self.sdk = importlib.import_module("openai")
        self.classes = self.sdk.OpenAI, self.sdk.AsyncOpenAI

    def ask(self, client, prompt, **options):
        return client.chat.completions.create(model="gpt-4o", messages=[user(prompt)], **options)

    def text(self, answer):
        return answer.choices[0].message.content

    def piece(self, event):
        return (event.choices[0].delta.content or "") if event.choices else ""


class Anthropic(Made):
    def __init__(self):
        self.sdk = importlib.import_module("anthropic")
        self.classes = self.sdk.Anthropic, self.sdk.AsyncAnthropic

    def ask(self, client, prompt, **options):
        options = {"model": "claude-sonnet-4-6", "max_tokens": 100, **options}
        return client.messages.create(messages=[user(prompt)], **options)

    def text(self, answer):
        return answer.content[0].text

    def piece(self, event):
        return event.delta.text if event.type == "content_block_delta" else ""


class Google:
    def __init__(self):
        self.genai = importlib.import_module("google.genai")
        self.types = importlib.import_module("google.genai.types")

    @contextlib.contextmanager
    def client(self, call, options):
        options = {"headers": headers(call), **options}
        if call["way"] == "async":
            # Without a transport of its own it would use aiohttp where that is installed.
            options["async_client_args"] = {"transport": lasting(importlib.import_module(call["http"]))}
        client = self.genai.Client(http_options=self.types.HttpOptions(**options))
        yield client if call["way"] == "sync" else client.aio

    def ask(self, client, prompt):
        return client.models.generate_content(model="gemini-2.5-flash", contents=prompt)

    def stream(self, client, prompt):
        return client.models.generate_content_stream(model="gemini-2.5-flash", contents=prompt)

    def text(self, answer):
        return answer.text

    def piece(self, event):
        return event.text or ""


SECONDS_APART = 0.015

SDKS = {"openai": OpenAI, "anthropic": Anthropic, "google": Google}


def lasting(http):
    """A transport that is never closed: Google's oldest SDK does it with the first of two clients."""

    class Lasting(http.AsyncHTTPTransport):
        async def aclose(self):
            pass

    return Lasting()


def user(content):
    return {"role": "user", "content": content}


def headers(call):
    return {"x-mynah-session": call["session"]} if call["session"] else {}


async def settled(result):
    return await result if inspect.isawaitable(result) else result


@contextlib.asynccontextmanager
async def opened(manager):
    if hasattr(manager, "__aenter__"):
        async with manager as inside:
            yield inside
    else:
        with manager as inside:
            yield inside


async def each(stream):
    if hasattr(stream, "__aiter__"):
        async for item in stream:
            yield item
    else:
        for item in stream:
            yield item


async def leave(stream):
    close = getattr(stream, "close", None) or stream.aclose
    await settled(close())


async def answered(sdk, call):
    """The text of an answer, or as much of it as is to be read."""
    async with opened(sdk.client(call, call["options"])) as client:
        if call["do"] == "ask":
            return sdk.text(await settled(sdk.ask(client, call["prompt"])))
        stream = await settled(sdk.stream(client, call["prompt"]))
        text = ""
        async for event in each(stream):
            text += sdk.piece(event)
            if text and call["do"] == "leave":
                await leave(stream)
                break
        return text


async def outcome(sdk, call, wait):
    """That, or the name of what is raised."""
    await asyncio.sleep(wait)
    try:
        return await answered(sdk, call)
    except Exception as error:
        return type(error).__name__


async def all_of(sdk, calls):
    # One a little behind the other: what takes so long to begin is not the SDK's way to wait.
    made = [outcome(sdk, call, number * SECONDS_APART) for number, call in enumerate(calls)]
    pairs = zip(calls, made, strict=True)
    made = [asyncio.to_thread(asyncio.run, one) if call["way"] == "sync" else one for call, one in pairs]
    return await asyncio.gather(*made)


def main(name):
    # No call speaks TLS, and every client would read all of the machine's certificates anew.
    ssl.create_default_context = functools.cache(ssl.create_default_context)
    calls = json.load(sys.stdin)
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(len(calls)))
    outcomes = loop.run_until_complete(all_of(SDKS[name](), calls))
    print(json.dumps([{**call, "outcome": came} for call, came in zip(calls, outcomes, strict=True)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
