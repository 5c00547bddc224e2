"""Which generation of each SDK is installed here, and in what the generations differ.

Every test runs in every generation. What one of them does otherwise stands here, and
nowhere else, so that no test is passed over: it asks this table what to expect.
"""

import importlib
from importlib import metadata

import anthropic
import openai
from google.genai import errors


def major(distribution):
    return int(metadata.version(distribution).split(".")[0])


OPENAI = major("openai")
GOOGLE = major("google-genai")
ANTHROPIC = major("anthropic")

# The library that carries each SDK's requests, and whose exceptions come through it.
openai_http = importlib.import_module("httpx2" if OPENAI >= 3 else "httpx")
google_http = importlib.import_module("httpx2" if GOOGLE >= 3 else "httpx")
anthropic_http = importlib.import_module("httpx2" if ANTHROPIC >= 1 else "httpx")

# --- OpenAI

# By which name a request's body is given as bytes.
OPENAI_BYTES = "content" if OPENAI >= 2 else "body"


def openai_error_text(error):
    """What an exception prints: the message, or in older ones the body."""
    told = error.body["message"] if OPENAI >= 3 else {"error": error.body}
    return f"Error code: {error.status_code} - {told}"


def openai_lost(cause):
    """What is raised for trouble behind a stream's head, with its cause: older ones let it come through."""
    if OPENAI < 3:
        return [cause]
    return [openai.APITimeoutError if cause is openai_http.ReadTimeout else openai.APIConnectionError, cause]


# Older ones read a stream to its body's end, the newer no further than `[DONE]`.
OPENAI_READS_BEHIND_DONE = OPENAI < 2

# --- Google

# The version of the API that is asked for if none is named.
GOOGLE_VERSION = "v1" if GOOGLE >= 3 else "v1beta"

# Older ones do not tell what embedding used.
GOOGLE_TELLS_EMBEDDING_USAGE = GOOGLE >= 3

# Older ones end an event's line wherever Python sees one end, as behind U+2028, but in aiohttp's way.
GOOGLE_LINE_ENDS = {} if GOOGLE >= 3 else {way: errors.UnknownApiResponseError for way in ("sync", "async")}

# By how many the oldest calls a function more often than it may.
GOOGLE_EXTRA_CALLS = 0 if GOOGLE >= 2 else 1

# Whether it asks by itself for the rest of an answer that is not over: the oldest does not know
# that there is more.
GOOGLE_CONTINUES = GOOGLE >= 2

# Where there is still a way to Imagen without Google Cloud.
GOOGLE_DRAWS = GOOGLE < 2

# --- Anthropic

# What those of before called by other names, or had no name for.
ANTHROPIC_CLASSES = {
    "PaymentRequiredError": "APIStatusError",
    "ContentTooLargeError": "RequestTooLargeError",
    "ServiceUnavailableError": "InternalServerError",
    "GatewayTimeoutError": "InternalServerError",
}


def anthropic_class(name):
    """The exception that today has this name."""
    return getattr(anthropic, name if ANTHROPIC >= 2 else ANTHROPIC_CLASSES.get(name, name))
