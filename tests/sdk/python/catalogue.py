"""What an SDK makes of each row of the catalogue of streaming failures.

An outcome is a short text: what was said, how it ended, and what was raised. What the SDKs
did when last asked stands in `scenarios/streaming/outcomes.json`, by row and by client.
"""

import concurrent.futures
import contextlib
import dataclasses
import json
import subprocess
import threading
from importlib import metadata

import anthropic
import openai
from google import genai
from google.genai import types

from sdk import user
from servers import REPOSITORY, binary

OUTCOMES = REPOSITORY / "scenarios" / "streaming" / "outcomes.json"

# Seconds that a client waits for a piece, and that it is waited for. Who does otherwise than
# before is asked again, and waited for longer: a busy machine is not the SDK's doing.
PATIENCE = 1.5
LIMIT = 5.0
SLACK = 10
# Those that try again wait in between.
RETRY_LIMIT = 12.0
LONGEST_TEXT = 60


def rows():
    """The rows of tier 1 that can be served, as the program lists them."""
    listed = subprocess.run(
        [binary(), "scenarios", "--tier", "1", "--format", "json"], capture_output=True, check=True
    )
    return [row for row in json.loads(listed.stdout) if row["needs"] is None]


@dataclasses.dataclass
class Asked:
    """What a client is to ask, and how."""

    url: str
    model: str
    retries: int
    # Seconds that it waits for a piece.
    patience: float


class Outcome:
    """What came of a stream so far."""

    def __init__(self):
        self.text = ""
        self.calls = []
        self.ends = []
        self.odd = []

    def told(self, trouble=None):
        parts = [shown(self.text)] if self.text else []
        parts += [f"call {shown(call)}" for call in self.calls]
        parts += self.odd
        parts += self.ends
        if not self.ends and trouble is None:
            parts.append("no end, no error")
        if trouble is not None:
            parts.append(trouble)
        return ", ".join(parts)


def shown(text):
    if len(text) > LONGEST_TEXT:
        return f"{len(text)} characters"
    return json.dumps(text, ensure_ascii=not text.isprintable())


def chat_chunks(chunks, outcome):
    calls = {}
    for chunk in chunks:
        if chunk is None:
            outcome.odd.append("a chunk that is None")
            continue
        for choice in getattr(chunk, "choices", None) or []:
            delta = choice.delta
            if delta is not None:
                outcome.text += delta.content or ""
                for call in delta.tool_calls or []:
                    function = call.function
                    told = calls.setdefault(call.index, ["", ""])
                    told[0] += (function.name if function else None) or ""
                    arguments = function.arguments if function else None
                    told[1] += arguments if isinstance(arguments, str) else json.dumps(arguments or "")
                    outcome.calls = [f"{name} {arguments}" for name, arguments in calls.values()]
            if choice.finish_reason is not None:
                outcome.ends.append(f"finish {shown(choice.finish_reason)}")
                outcome.ends = list(dict.fromkeys(outcome.ends))


def openai_client(asked):
    base_url = f"{asked.url}/v1"
    return openai.OpenAI(base_url=base_url, api_key="any", timeout=asked.patience, max_retries=asked.retries)


def chat_iterator(asked, outcome):
    with openai_client(asked) as client:
        chunks = client.chat.completions.create(model=asked.model, messages=[user("Hello")], stream=True)
        chat_chunks(chunks, outcome)


def chat_helper(asked, outcome):
    client = openai_client(asked)
    with client, client.chat.completions.stream(model=asked.model, messages=[user("Hello")]) as stream:
        for event in stream:
            if event.type == "content.delta":
                outcome.text += event.delta
        choices = stream.get_final_completion().choices
    for choice in choices:
        outcome.calls = [f"{call.function.name} {call.function.arguments}" for call in choice.message.tool_calls or []]
        if choice.finish_reason is not None:
            outcome.ends.append(f"finish {shown(choice.finish_reason)}")


def response_iterator(asked, outcome):
    with openai_client(asked) as client:
        for event in client.responses.create(model=asked.model, input="Hello", stream=True):
            response_event(event, outcome)


def response_helper(asked, outcome):
    client = openai_client(asked)
    with client, client.responses.stream(model=asked.model, input="Hello") as stream:
        for event in stream:
            response_event(event, outcome)
        stream.get_final_response()


def response_event(event, outcome):
    kind = getattr(event, "type", None)
    if kind == "response.output_text.delta":
        outcome.text += event.delta
    elif kind in ("response.completed", "response.incomplete", "response.failed"):
        outcome.ends.append(kind.removeprefix("response."))
    elif kind == "error":
        outcome.odd.append("an event of type error")


def gemini(asked, outcome):
    options = types.HttpOptions(base_url=asked.url, timeout=int(asked.patience * 1000))
    with contextlib.closing(genai.Client(api_key="any", http_options=options)) as client:
        for chunk in client.models.generate_content_stream(model=asked.model, contents="Hello"):
            gemini_chunk(chunk, outcome)


def gemini_chunk(chunk, outcome):
    if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason is not None:
        outcome.ends.append(f"block {chunk.prompt_feedback.block_reason.name}")
    for candidate in chunk.candidates or []:
        for part in (candidate.content and candidate.content.parts) or []:
            outcome.text += part.text or ""
            if part.function_call is not None:
                outcome.calls.append(f"{part.function_call.name} {json.dumps(part.function_call.args)}")
        if candidate.finish_reason is not None:
            outcome.ends.append(f"finish {shown(candidate.finish_reason.name)}")


def anthropic_client(asked):
    options = {"api_key": "any", "timeout": asked.patience, "max_retries": asked.retries}
    return anthropic.Anthropic(base_url=asked.url, **options)


MESSAGE = {"max_tokens": 1024, "messages": [{"role": "user", "content": "Hello"}]}


def message_iterator(asked, outcome):
    with anthropic_client(asked) as client:
        for event in client.messages.create(model=asked.model, stream=True, **MESSAGE):
            message_event(event, outcome)


def message_helper(asked, outcome):
    client = anthropic_client(asked)
    with client, client.messages.stream(model=asked.model, **MESSAGE) as stream:
        for event in stream:
            message_event(event, outcome)
        stream.get_final_message()


def message_event(event, outcome):
    if event.type == "content_block_delta" and event.delta.type == "text_delta":
        outcome.text += event.delta.text
    elif event.type == "content_block_delta" and event.delta.type == "input_json_delta":
        outcome.calls = ["".join(outcome.calls) + event.delta.partial_json]
    elif event.type == "message_delta" and event.delta.stop_reason is not None:
        outcome.ends.append(f"stop_reason {shown(event.delta.stop_reason)}")


def version(distribution):
    return metadata.version(distribution)


# Each client, and the API that it speaks.
CLIENTS = {
    f"openai-python {version('openai')} iterator": ("openai.chat", chat_iterator),
    f"openai-python {version('openai')} stream()": ("openai.chat", chat_helper),
    f"openai-python {version('openai')} responses iterator": ("openai.responses", response_iterator),
    f"openai-python {version('openai')} responses stream()": ("openai.responses", response_helper),
    f"google-genai {version('google-genai')}": ("gemini", gemini),
    f"anthropic-python {version('anthropic')} iterator": ("anthropic", message_iterator),
    f"anthropic-python {version('anthropic')} stream()": ("anthropic", message_helper),
}


def asked_of(row):
    """The clients that a row is about; for those about any API, the two that it began with."""
    apis = {"openai.chat", "gemini"} if "any" in row["api"] else set(row["api"])
    return [name for name, (api, _) in CLIENTS.items() if api in apis]


def outcome_of(url, row, name, slack=1):
    outcome, ended = Outcome(), []
    retries = 2 if row["layer"] == "retry" else 0
    # Each has a session of its own, as some rows count.
    own = f"{url}/s/{row['id']}-{name.replace(' ', '-')}-{slack}"
    asked = Asked(own, f"mynah-{row['id']}", retries, PATIENCE * slack)

    def ask():
        try:
            CLIENTS[name][1](asked, outcome)
            ended.append(outcome.told())
        except Exception as error:  # whatever it is, it is what the row does
            ended.append(outcome.told(type(error).__name__))

    # One that never returns is left behind.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join((RETRY_LIMIT if retries else LIMIT) * slack)
    return ended[0] if ended else outcome.told("still waiting")


# Rows that need their times: without them, idle connections would be reset at once, and
# clients keep those for whatever they ask next.
IN_THEIR_OWN_TIME = ("http-stale-keepalive-reset",)


def server_of(row, hurried, unhurried):
    return unhurried if row["id"] in IN_THEIR_OWN_TIME else hurried


def outcomes(hurried, unhurried):
    """What each client does with each row that it is about, asked of servers without and with its times."""
    asked = [(row, name) for row in rows() for name in asked_of(row)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        told = pool.map(lambda pair: outcome_of(server_of(pair[0], hurried, unhurried), *pair), asked)
        return list(zip(asked, told, strict=True))


def changes(found, hurried, unhurried):
    """What of it is otherwise than it was before, also when asked again."""
    before, changed = known(), []
    for (row, name), outcome in found:
        noted = before.get(row["id"], {}).get(name)
        if outcome != noted:
            again = outcome_of(server_of(row, hurried, unhurried), row, name, SLACK)
            if again != noted:
                changed.append(f"{row['id']}, {name}: {again}; before: {noted}")
    return changed


def known():
    return json.loads(OUTCOMES.read_text()) if OUTCOMES.exists() else {}


def bless(found):
    """Notes what was seen."""
    noted = known()
    for (row, name), outcome in found:
        noted.setdefault(row["id"], {})[name] = outcome
    ordered = {row: dict(sorted(noted[row].items())) for row in sorted(noted)}
    OUTCOMES.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n")
