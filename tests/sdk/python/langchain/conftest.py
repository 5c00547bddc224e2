import pytest

from models import MODELS

pytest_plugins = ["serving"]


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


@pytest.fixture
def chat_at(name):
    """Makes the chat model of that name for a server's URL."""
    return MODELS[name]


@pytest.fixture
def chat(chat_at, server):
    return chat_at(server.url)


@pytest.fixture
def scenario(serve, tmp_path):
    """The URL of a server that says what a scenario of these words does."""

    def play(words):
        file = tmp_path / "scenario.yaml"
        file.write_text(words)
        return serve(str(file)).url

    return play
