"""The end of a server."""

import pytest

from remote import Remote


def test_a_server_ends_when_it_is_told(remote):
    response = remote.ask("POST", "shutdown")
    assert (response.status_code, response.json()) == (202, {"status": "shutting down"})
    assert remote.server.process.wait(10) == 0


def test_what_is_under_way_is_answered_to_its_end(started):
    remote = started("{scenario: 1, stubs: {then: {text: [One, two], pace: {first: 0s, every: 300ms}}}}")
    with remote.calling("Hello") as response:
        remote.post("shutdown")
        assert "two" in response.text and "[DONE]" in response.text
    assert remote.server.process.wait(10) == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_nothing_else_ends_it(remote, method):
    assert remote.ask(method, "shutdown", described=False).status_code == 405
    assert remote.get("health")["status"] == "ok"


def test_the_end_needs_the_token(serve):
    remote = Remote(serve("--admin-token", "right"), x_mynah_token="wrong")
    assert remote.ask("POST", "shutdown").status_code == 401
    assert Remote(remote.server, x_mynah_token="right").post("shutdown") == {"status": "shutting down"}
    assert remote.server.process.wait(10) == 0
