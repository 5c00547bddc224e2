import google.generativeai as genai
import pytest

from servers import REPOSITORY

pytest_plugins = ["serving"]


@pytest.fixture
def connect():
    """Points the SDK, which has one setting for all, at a server, by the way that is HTTP."""

    def configure(url, api_key="any"):
        genai.configure(api_key=api_key, transport="rest", client_options={"api_endpoint": url})

    return configure


@pytest.fixture
def model(connect, server):
    connect(server.url)
    return genai.GenerativeModel("gemini-2.5-flash")


@pytest.fixture
def scenario(serve, connect, tmp_path):
    """Points the SDK at a server of a shipped scenario, or of one of these words."""

    def play(name, text=None):
        file = REPOSITORY / "scenarios" / f"{name}.yaml"
        if text is not None:
            file = tmp_path / f"{name}.yaml"
            file.write_text(text)
        connect(serve(str(file)).url)

    return play
