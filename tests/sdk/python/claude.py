"""Anthropic's SDK in each of its ways."""

import anthropic

from sdk import collected, settled, user

CLAUDE = "claude-sonnet-4-6"


def anthropic_client(way, url, **options):
    options = {"api_key": "any", "max_retries": 0, "base_url": url, **options}
    if way == "sync":
        return anthropic.Anthropic(**options)
    if way == "aiohttp":
        options["http_client"] = anthropic.DefaultAioHttpClient()
    return anthropic.AsyncAnthropic(**options)


def greeting(prompt="Hello", **options):
    """The arguments of a message whose answer is `You said: Hello`."""
    return {"model": CLAUDE, "max_tokens": 1000, "messages": [user(prompt)], **options}


async def answered(client, prompt="Hello", **options):
    return await settled(client.messages.create(**greeting(prompt, **options)))


async def events(client, prompt="Hello", **options):
    return await collected(client.messages.create(**greeting(prompt, stream=True, **options)))


def texts(message):
    return [block.text for block in message.content if block.type == "text"]
