import contextlib
import functools
import itertools

import pytest
import pytest_asyncio

import claude
import scenarios
import sdk

pytest_plugins = ["serving"]


@pytest.fixture(scope="session")
def small_server(serve):
    return serve("--max-body", "1KiB")


@pytest.fixture(scope="session")
def locked_server(serve):
    return serve("--api-key", sdk.KEY, "--api-key", "another key")


@pytest.fixture(scope="session", params=sdk.WAYS)
def way(request):
    return request.param


@pytest_asyncio.fixture(scope="session")
async def openai_at(way, environment):
    """Makes a client of OpenAI's SDK for a server's URL; the keywords are its options."""
    async with contextlib.AsyncExitStack() as stack:

        def client(url, **options):
            made = sdk.openai_client(way, url, **options)
            stack.push_async_callback(close, made.close)
            return made

        yield client


@pytest_asyncio.fixture(scope="session")
async def google_at(way, environment):
    """Makes a client of Google's SDK for a server's URL; the keywords are its HTTP options."""
    async with contextlib.AsyncExitStack() as stack:

        def client(url, **options):
            meant, closings = sdk.google_client(way, url, **options)
            for closing in reversed(closings):
                stack.push_async_callback(close, closing)
            return meant

        yield client


@pytest_asyncio.fixture(scope="session")
async def anthropic_at(way, environment):
    """Makes a client of Anthropic's SDK for a server's URL; the keywords are its options."""
    async with contextlib.AsyncExitStack() as stack:

        def client(url, **options):
            made = claude.anthropic_client(way, url, **options)
            stack.push_async_callback(close, made.close)
            return made

        yield client


async def close(closing):
    await sdk.settled(closing())


@pytest.fixture(scope="session")
def openai_client(openai_at, server):
    return openai_at(server.url)


@pytest.fixture(scope="session")
def google_client(google_at, server):
    return google_at(server.url)


@pytest.fixture(scope="session")
def anthropic_client(anthropic_at, server):
    return anthropic_at(server.url)


@pytest.fixture(scope="session")
def serve_scenarios(serve):
    """The server of these shipped scenarios, started once."""

    @functools.cache
    def started(*names):
        return serve(*(str(scenarios.FOLDER / f"{name}.yaml") for name in names))

    return started


@pytest.fixture(scope="session")
def session_numbers():
    return itertools.count()


@pytest.fixture
def scene(serve_scenarios, session_numbers):
    """Begins a session with these shipped scenarios, in which nothing was asked yet."""
    with contextlib.ExitStack() as closing:

        def begin(*names):
            server = serve_scenarios(*names)
            return scenarios.Scene(f"{server.url}/s/test-{next(session_numbers)}", closing)

        yield begin
