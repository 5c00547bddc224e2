"""Calls of all sorts, each of which gets an answer that is not empty."""

from pydantic import BaseModel

from claude import CLAUDE, answered, events
from sdk import GEMINI, GPT, chunked, collected, completed, generated, settled, streamed, user


class City(BaseModel):
    name: str
    size: int


def embedded(at):
    return settled(at.openai().embeddings.create(model="text-embedding-3-small", input=["one", "two"]))


def embedded_by_google(at):
    return settled(at.google().models.embed_content(model="gemini-embedding-001", contents=["one", "two"]))


def drawn(at):
    images = at.openai().images
    return settled(images.generate(prompt="A parrot", size="64x64", response_format="b64_json"))


def counted(at):
    return settled(at.google().models.count_tokens(model=GEMINI, contents="Hello wonderful world"))


def counted_by_anthropic(at):
    messages = [user("Hello wonderful world")]
    return settled(at.anthropic().messages.count_tokens(model=CLAUDE, messages=messages))


def structured(at):
    return generated(at.google(), response_mime_type="application/json", response_schema=City)


def parsed(at):
    parse = at.openai().chat.completions.parse
    return settled(parse(model=GPT, messages=[user("Hello")], response_format=City))


CALLS = {
    "a chat": lambda at: completed(at.openai(), n=2, logprobs=True),
    "a stream": lambda at: chunked(at.openai(), stream_options={"include_usage": True}),
    "a response": lambda at: settled(at.openai().responses.create(model=GPT, input="Hello")),
    "a streamed response": lambda at: collected(
        at.openai().responses.create(model=GPT, input="Hello", stream=True)
    ),
    "vectors": embedded,
    "a picture": drawn,
    "a parsed answer": parsed,
    "the list of models": lambda at: collected(at.openai().models.list()),
    "Gemini's answer": lambda at: generated(at.google(), candidate_count=2),
    "Gemini's stream": lambda at: streamed(at.google()),
    "Gemini's count": counted,
    "Gemini's vectors": embedded_by_google,
    "Gemini's structure": structured,
    "Gemini's list of models": lambda at: collected(at.google().models.list(config={"page_size": 2})),
    "Claude's message": lambda at: answered(at.anthropic()),
    "Claude's stream": lambda at: events(at.anthropic()),
    "Claude's count": counted_by_anthropic,
    "compressed chunks": lambda at: chunked(at.openai(), messages=[user("packed")]),
    "Gemini's compressed chunks": lambda at: streamed(at.google(), "packed"),
}
