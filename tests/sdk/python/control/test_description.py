"""That the server is as its description says, whatever it is asked."""

import functools

import pytest
from hypothesis import settings

from description import DOCUMENT, SCHEMA
from remote import Remote, chat

# The scenario and the session that the description's examples name, and all sorts of answers.
BUSY = """
scenario: 1
name: busy
stubs:
  - name: slow down
    when: {prompt: busy}
    per: call
    then: [{error: {status: 429, retry_after: {ms: 1ms}}}, {text: Hello}]
    expect: {attempts: 2}
  - {when: {prompt: cut}, then: {text: [One, two], wire: {end: {after: text.1, how: reset}}}}
  - {when: {prompt: missed}, then: {from: built_in, wire: {end: {after: text.99, how: reset}}}}
  - {when: {prompt: step}, then: {text: One, set: {step: done}}}
  - {when: {prompt: [cut, missed, step, known]}, then: {from: built_in}}
"""
CALLS = [
    {"json": chat("busy")},
    {"json": chat("busy")},
    {"json": chat("cut", stream=True)},
    {"json": chat("missed", stream=True)},
    {"json": chat("step")},
    {"json": chat("known")},
    {"data": "a text", "headers": {"content-type": "text/plain"}},
    {"data": b"\xff\xfe", "headers": {"content-type": "application/octet-stream"}},
    {"files": {"file": ("a.txt", b"text", "text/plain")}, "data": {"purpose": "any"}},
    {"path": "/v1beta/models", "method": "GET"},
]


def happen(remote):
    for call in CALLS:
        try:
            remote.call(**call)
        except OSError:
            assert call["json"] == chat("cut", stream=True)


@pytest.fixture(scope="session")
def lively(serve, tmp_path_factory):
    """The server for requests of a method, at which all sorts of things have happened."""
    file = tmp_path_factory.mktemp("lively") / "busy.yaml"
    file.write_text(BUSY)

    @functools.cache
    def start(method):
        remote = Remote(serve(str(file)))
        happen(remote)
        happen(remote.of("test-1"))
        return remote

    return start


@SCHEMA.exclude(operation_id=["events", "shutdown"]).parametrize()
@settings(max_examples=25, deadline=None)
def test_every_endpoint_is_as_it_is_described(case, lively):
    case.call_and_validate(base_url=lively(case.operation.method).url)


def test_the_description_is_served(remote):
    assert remote.get("openapi.json") == DOCUMENT


def test_whatever_happens_is_described(lively):
    remote = lively("once more")
    remote.call(json=chat("unknown"))
    entries = remote.entries(limit=1000)
    assert {entry["end"]["how"] for entry in entries} == {"complete", "cut"}
    assert {entry["answer"]["source"] for entry in entries} == {"stub", "miss", "built-in", "refusal"}
    requests = [entry["request"] for entry in entries]
    kinds = ("json", "text", "base64", "form")
    assert all(any(kind in request for request in requests) for kind in kinds)
    verdict = remote.post(
        "verify", {"expectations": 1, "checks": {"expect": {"attempts": 3, "gaps": "1s.."}}}
    )
    assert not verdict["passed"] and verdict["sessions"] == 2 and len(verdict["missed"]) == 1
    assert remote.get("sessions/test-1")["states"] == {"step": "done"}
