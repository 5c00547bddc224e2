"""The examples of gateways' own pages, which lie in `tests/sdk/vendors`, and their answers."""

import json
import re

from servers import REPOSITORY

FOLDER = REPOSITORY / "tests" / "sdk" / "vendors"
HOSTS = re.compile(r"https://(ai\.tikhub\.io|tokencode\.dev|tokenoff\.com|api\.tokensmart\.ai)")

# Members that are the same in every answer to the same request; of others the type is.
CONSTANTS = {"role", "finishReason", "finish_reason", "index", "object", "model", "modelVersion", "modality"}
CONSTANTS |= {"category", "probability", "status", "type"}


def example(name, url=None):
    """An example as it is written, but for its host."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    return text if url is None else HOSTS.sub(lambda _: url, text)


def documented(name):
    """The answer that a page tells of: a document, or the events of a stream."""
    text = example(name)
    return events(text) if name.endswith(".sse") else json.loads(text)


def events(text):
    """The payloads of a stream's events."""
    data = [line.removeprefix("data:").strip() for line in text.splitlines() if line]
    return [payload if payload == "[DONE]" else json.loads(payload) for payload in data]


def kind(value):
    return "number" if type(value) in (int, float) else type(value).__name__


def differences(expected, given, place="$", name=None):
    """Where an answer is not as it is documented: what is missing, mistyped or another constant."""
    if kind(expected) != kind(given):
        return [place]
    if isinstance(expected, dict):
        return [
            wrong
            for member, value in expected.items()
            for wrong in (
                differences(value, given[member], f"{place}.{member}", member)
                if member in given
                else [f"{place}.{member}"]
            )
        ]
    if isinstance(expected, list):
        # The pages' lists stand for lists of any length.
        pairs = list(zip(expected, given, strict=False))
        missing = [f"{place}[0]"] if expected and not given else []
        return missing + [
            wrong for at, pair in enumerate(pairs) for wrong in differences(*pair, f"{place}[{at}]")
        ]
    return [place] if name in CONSTANTS and expected != given else []


def stream_differences(expected, given):
    """The same for streams: the first event and the last, as there may be any number between."""
    ends = [(0, expected[0], given[0]), (-1, expected[-1], given[-1])]
    return [wrong for at, *pair in ends for wrong in differences(*pair, f"[{at}]")]
