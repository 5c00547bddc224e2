"""What the tests of every SDK begin with: an environment that is theirs alone, and servers."""

import contextlib
import functools
import os
import ssl

import pytest

from servers import Server, binary

# Settings of the machine that would change what the SDKs and the server do.
FOREIGN = ("OPENAI_", "GOOGLE_", "GEMINI_", "ANTHROPIC_", "LANGCHAIN_", "LANGSMITH_", "MYNAH_ADMIN_TOKEN")


def pytest_configure(config):
    if not binary().is_file():
        raise pytest.UsageError(f"there is no {binary()}: build it, or set MYNAH_BIN to where it is")


@pytest.fixture(scope="session", autouse=True)
def environment():
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.upper().endswith("_PROXY") or name.upper().startswith(FOREIGN):
                patch.delenv(name)
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        # No test speaks TLS, and every client would read all of the machine's certificates anew.
        patch.setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """Starts a fresh server with these flags; all end with the session."""
    with contextlib.ExitStack() as stack:

        def start(*flags):
            server = Server(flags, tmp_path_factory.mktemp("server"))
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture(scope="session")
def server(serve):
    """The server that most tests share."""
    return serve()
