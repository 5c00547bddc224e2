"""Who may ask."""

import pytest

from description import DOCUMENT
from remote import Remote

TOKEN = "a token of some length"
ENDPOINTS = [
    "journal",
    "journal/1",
    "verify",
    "scenarios",
    "sessions",
    "seed",
    "time-scale",
    "metrics",
    "openapi.json",
]


@pytest.fixture(scope="module")
def guarded(serve):
    return Remote(serve("--admin-token", TOKEN))


@pytest.fixture(scope="module")
def open_to_all(serve):
    return Remote(serve())


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"x-mynah-token": TOKEN[:-1]}])
def test_who_has_no_token_is_told_nothing(guarded, path, headers):
    response = guarded.ask("GET", path, headers=headers)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert TOKEN not in response.text


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS"])
def test_who_has_no_token_changes_nothing(guarded, method):
    for path in ("scenarios/a", "sessions/a", "seed", "reset", "shutdown", "unknown"):
        assert guarded.ask(method, path, described=False).status_code == 401


def test_who_has_no_token_does_not_follow(guarded):
    for path in ("events", "journal?follow"):
        assert guarded.ask("GET", path).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {TOKEN}"},
        {"authorization": f"bearer {TOKEN}"},
        {"x-mynah-token": TOKEN},
        {"authorization": "Bearer of something else", "x-mynah-token": TOKEN},
    ],
)
def test_who_has_the_token_is_answered(guarded, headers):
    assert guarded.ask("GET", "journal", headers=headers).status_code == 200


def test_who_has_the_token_follows(guarded):
    remote = Remote(guarded.server, x_mynah_token=TOKEN)
    with remote.follow() as events:
        remote.say("Hello")
        assert next(events).entry["seq"] == 1


@pytest.mark.parametrize("path", ["health", "version"])
def test_whether_it_is_well_is_told_to_all(guarded, path):
    headers = {"host": "anywhere.example", "origin": "http://anywhere.example"}
    assert guarded.ask("GET", path, headers=headers).json()["name"] == "mynah"


def test_the_apis_need_no_token(guarded):
    assert guarded.say("Hello") == "You said: Hello"


@pytest.mark.parametrize(
    "host",
    [
        "anywhere.example",
        "anywhere.example:80",
        "127.0.0.1.anywhere.example",
        "localhost@anywhere.example",
        "127.1",
        "a b",
    ],
)
@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_foreign_name_leads_nowhere(open_to_all, path, host):
    response = open_to_all.ask("GET", path, headers={"host": host})
    assert response.status_code == 403 and "--allow-host" in response.text


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]", "[::1]:80", "192.0.2.1"]
)
def test_names_of_this_machine_lead_here(open_to_all, host):
    assert open_to_all.ask("GET", "journal", headers={"host": host}).status_code == 200


def test_further_names_are_told_at_the_start(serve):
    remote = Remote(serve("--allow-host", "mynah.example", "--allow-host", "mynah"))
    hosts = ["mynah.example", "MYNAH:4100", "other.example", "a.mynah.example"]
    statuses = [remote.ask("GET", "journal", headers={"host": host}).status_code for host in hosts]
    assert statuses == [200, 200, 403, 403]


@pytest.mark.parametrize(
    "origin",
    ["http://anywhere.example", "https://anywhere.example:8443", "null", "file://", "", "http://192.0.2.1"],
)
def test_a_foreign_page_changes_nothing(open_to_all, origin):
    response = open_to_all.ask("POST", "reset", headers={"origin": origin})
    assert (response.status_code, "origin" in response.text) == (403, True)


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000"])
def test_a_page_of_this_machine_may_ask(open_to_all, origin):
    assert open_to_all.ask("POST", "reset", headers={"origin": origin}).status_code == 200


@pytest.mark.parametrize("path", [*ENDPOINTS, "health", "version"])
def test_head_is_answered_like_get(open_to_all, path):
    open_to_all.call()
    answers = [open_to_all.ask(method, path, described=False, stream=True) for method in ("GET", "HEAD")]
    for answer in answers:
        answer.close()
    statuses = [answer.status_code for answer in answers]
    types = [answer.headers["content-type"] for answer in answers]
    assert (statuses[0], types[0]) == (statuses[1], types[1])


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("events", "GET"),
        ("health", "GET"),
        ("version", "GET"),
        ("openapi.json", "GET"),
        ("metrics", "GET"),
        ("journal", "GET"),
        ("journal/1", "GET"),
        ("reset", "POST"),
        ("shutdown", "POST"),
        ("verify", "GET, POST"),
        ("scenarios", "GET, POST"),
        ("scenarios/any", "GET, PUT, DELETE"),
        ("sessions", "GET"),
        ("sessions/any", "GET, PUT, DELETE"),
        ("seed", "GET, PUT"),
        ("time-scale", "GET, PUT"),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "OPTIONS"])
def test_another_method_is_told_which_there_are(open_to_all, method, path, methods):
    response = open_to_all.ask(method, path, described=False)
    assert (response.status_code, response.headers.get("allow")) == (405, methods)
    assert response.json()["error"]["allow"] == methods


@pytest.mark.parametrize("path", ["unknown", "", "health/x", "journl", "reset/all", "seed/v1/models"])
def test_what_is_no_endpoint_is_told_which_there_are(open_to_all, path):
    response = open_to_all.ask("GET", path, described=False)
    assert response.status_code == 404
    assert len(response.json()["endpoints"]) == len(DOCUMENT["paths"])


def test_the_base_path_stands_in_front(serve):
    remote = Remote(serve("--base-path", "/api"))
    remote.prefix = "/api"
    assert remote.get("health")["status"] == "ok"
    assert remote.call("/v1/models", "GET").ok and len(remote.entries()) == 1


def test_a_body_that_is_too_long_is_refused_as_such(serve):
    remote = Remote(serve("--max-body", "1KiB"))
    response = remote.ask("POST", "scenarios", data="#" * 2000, described=False)
    assert response.status_code == 413
