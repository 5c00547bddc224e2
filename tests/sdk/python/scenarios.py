"""The scenarios that are shipped, each served by a server of its own."""

import anthropic
import openai
from google import genai
from google.genai import types

from sdk import GEMINI, GPT, user
from servers import REPOSITORY

FOLDER = REPOSITORY / "scenarios"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


class Scene:
    """A session at a server of some scenarios, with the SDKs' synchronous clients."""

    def __init__(self, url, closing):
        self.url = url
        self.closing = closing

    def openai(self, **options):
        options = {"api_key": "any", "max_retries": 0, **options}
        client = openai.OpenAI(base_url=f"{self.url}/v1", **options)
        self.closing.callback(client.close)
        return client

    def gemini(self, api_key="any", **http_options):
        options = types.HttpOptions(base_url=self.url, **http_options)
        client = genai.Client(api_key=api_key, http_options=options)
        self.closing.callback(client.close)
        return client

    def anthropic(self, **options):
        options = {"api_key": "any", "max_retries": 0, **options}
        client = anthropic.Anthropic(base_url=self.url, **options)
        self.closing.callback(client.close)
        return client

    def ask_openai(self, prompt="Hello", **options):
        """What OpenAI's model says to a prompt, or to whole messages."""
        messages = [user(prompt)] if isinstance(prompt, str) else prompt
        client = self.openai(**client_options(options))
        return client.chat.completions.create(**{"model": GPT, "messages": messages, **options})

    def stream_openai(self, prompt="Hello", **options):
        return list(self.ask_openai(prompt, stream=True, **options))

    def ask_gemini(self, prompt="Hello", model=GEMINI, key="any", headers=None, retry=None, **config):
        """What Gemini says to a prompt, or to whole contents."""
        client = self.gemini(key, headers=headers, retry_options=retry)
        return client.models.generate_content(model=model, contents=prompt, config=config)

    def stream_gemini(self, prompt="Hello", model=GEMINI, headers=None, **config):
        client = self.gemini(headers=headers)
        return list(client.models.generate_content_stream(model=model, contents=prompt, config=config))


def client_options(options):
    """Takes those that the client has, not the request, out of the options."""
    names = ("api_key", "max_retries", "default_headers", "timeout")
    return {name: options.pop(name) for name in names if name in options}


def said(completion):
    return completion.choices[0].message.content


def pieces(chunks):
    """The texts of a stream's chunks, of either SDK."""
    if chunks and hasattr(chunks[0], "candidates"):
        return [chunk.text for chunk in chunks if chunk.text]
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    return [delta.content for delta in deltas if delta.content]
