import hypothesis.configuration
import pytest

from remote import Remote
from servers import REPOSITORY

pytest_plugins = ["serving"]

# It would keep what it knows in the folder that the tests are started from.
hypothesis.configuration.set_hypothesis_home_dir(REPOSITORY / "target" / "hypothesis")


@pytest.fixture
def started(serve, tmp_path):
    """Starts a server that is the test's alone: with these flags, and a scenario of these words."""

    def start(words=None, *flags, name="given.yaml"):
        if words is not None:
            (tmp_path / name).write_text(words, encoding="utf-8")
            flags = (str(tmp_path / name), *flags)
        return Remote(serve(*flags))

    return start


@pytest.fixture
def remote(started):
    return started()
