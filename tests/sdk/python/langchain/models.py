"""LangChain's chat models, each by the way that it takes to the server."""

from langchain_anthropic import ChatAnthropic
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI

GPT = "gpt-4o"
GEMINI = "gemini-2.5-flash"
CLAUDE = "claude-sonnet-4-6"


def openai_chat(url, model=GPT, **options):
    # With a base URL of one's own it asks for no usage by itself.
    options = {"api_key": "any", "max_retries": 0, "stream_usage": True, **options}
    return ChatOpenAI(model=model, base_url=f"{url}/v1", **options)


def openai_responses(url, **options):
    return openai_chat(url, use_responses_api=True, **options)


def google(url, model=GEMINI, **options):
    options = {"google_api_key": "any", "max_retries": 0, **options}
    return ChatGoogleGenerativeAI(model=model, base_url=url, **options)


def anthropic(url, model=CLAUDE, **options):
    options = {"api_key": "any", "max_retries": 0, **options}
    return ChatAnthropic(model=model, base_url=url, **options)


MODELS = {"openai": openai_chat, "responses": openai_responses, "google": google, "anthropic": anthropic}
