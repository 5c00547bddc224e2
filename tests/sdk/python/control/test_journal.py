"""What the journal shows of what came, and what of it is asked for."""

import pytest

from remote import Remote, chat, numbers

SECRET = "sk-right-0123456789abcdef"
# One of each kind: a stub's answers, a miss, a built-in answer, a refusal, and one that breaks off.
SCENARIO = """
scenario: 1
name: given
stubs:
  - name: busy
    when: {prompt: busy}
    per: call
    then: [{error: {status: 429, retry_after: 2s}}, {text: Hello}]
  - {name: cut, when: {prompt: cut}, then: {text: [One, two], wire: {end: {after: text.1, how: reset}}}}
"""


@pytest.fixture(scope="module")
def lived(serve, tmp_path_factory):
    """A server at which five things have happened, and one in a session."""
    file = tmp_path_factory.mktemp("lived") / "given.yaml"
    file.write_text(SCENARIO)
    remote = Remote(serve(str(file)))
    remote.say("busy")
    remote.say("busy")
    remote.say("unknown")
    remote.call("/v1beta/models", "GET")
    remote.call(json={"model": 5})
    with pytest.raises(OSError):
        remote.of("other").call(json=chat("cut", stream=True))
    remote.wait(end="cut")
    return remote


def test_a_page_goes_on_where_the_one_before_ended(lived):
    pages, after = [], 0
    while after is not None:
        page = lived.get("journal", after=after, limit=4)
        pages.append(numbers(page["entries"]))
        after = page["next"]
    assert pages == [[1, 2, 3, 4], [5, 6]]


def test_a_page_that_ends_with_the_last_has_none_behind_it(lived):
    assert lived.get("journal", after=3, limit=3)["next"] is None
    assert lived.get("journal", after=6) == {"entries": [], "next": None, "forgotten": 0}


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"session": "other"}, [6]),
        ({"session": ""}, [1, 2, 3, 4, 5]),
        ({"session": "unknown"}, []),
        ({"scenario": "given"}, [1, 2, 6]),
        ({"stub": "busy"}, [1, 2]),
        ({"source": "stub"}, [1, 2, 6]),
        ({"source": "miss"}, [3]),
        ({"source": "built-in"}, [4]),
        ({"source": "refusal"}, [5]),
        ({"dialect": "gemini"}, [4]),
        ({"operation": "models"}, [4]),
        ({"status": 429}, [1]),
        ({"call": 1}, [1, 2, 6]),
        ({"end": "complete"}, [1, 2, 3, 4, 5]),
        ({"end": "cut"}, [6]),
        ({"end": "open"}, []),
        ({"call": 1, "session": "", "status": 200}, [2]),
        ({"stub": "busy", "after": 1}, [2]),
    ],
)
def test_all_filters_that_are_given_hold(lived, filters, found):
    assert numbers(lived.entries(**filters)) == found


def test_a_session_is_named_in_every_way(lived):
    assert numbers(lived.of("other").entries()) == [6]
    by_header = lived.ask("GET", "journal", headers={"x-mynah-session": "other"})
    assert numbers(by_header.json()["entries"]) == [6]
    # The query goes before the path, and before the header.
    assert numbers(lived.of("other").entries(session="")) == [1, 2, 3, 4, 5]


def test_attempts_are_counted_in_their_calls(lived):
    attempts = [(entry["call"], entry["attempt"]) for entry in lived.entries(session="")]
    assert attempts == [(1, 1), (1, 2), (2, 1), (3, 1), (4, 1)]


def test_an_entry_tells_what_happened(lived):
    busy = lived.get("journal/1")
    assert (busy["dialect"], busy["api"], busy["operation"]) == ("openai", "openai.chat", "generate")
    assert busy["request"]["json"] == chat("busy") and busy["request"]["method"] == "POST"
    [stub] = busy["answer"]["stubs"]
    assert (stub["scenario"], stub["stub"], stub["reply"]) == ("given", "busy", 1)
    assert stub["place"].endswith("given.yaml:5")
    assert busy["answer"]["retry"] == {"wait": 2, "said": "retry-after: 2"}
    assert busy["came"] <= busy["read"] <= busy["writes"][0][0] <= busy["last"] == busy["end"]["at"]
    assert busy["sent"] == sum(count for _, count in busy["writes"])
    cut = lived.get("journal/6")
    assert (cut["end"]["how"], cut["end"]["by"], cut["session"]) == ("cut", "reset", "other")


@pytest.mark.parametrize("number", ["7", "0", "-1", "x", "1/2", "99999999999999999999"])
def test_what_is_no_entry_is_not_found(lived, number):
    assert "no entry" in lived.refusal("GET", f"journal/{number}", code=404, described=False)


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", ""])
def test_a_limit_is_within_bounds(lived, limit):
    assert "`limit` is a number" in lived.refusal("GET", "journal", limit=limit)


def test_a_parameter_that_nobody_knows_is_refused(lived):
    message = lived.refusal("GET", "journal", sesion="other")
    assert "`sesion`, did you mean `session`?" in message


@pytest.mark.parametrize("name", ["source", "dialect", "operation", "status", "call", "end"])
def test_a_filter_that_nothing_can_pass_is_refused(lived, name):
    assert f"`{name}`" in lived.refusal("GET", "journal", **{name: "nothing"})


def test_secrets_are_not_shown(remote):
    remote.call(
        f"/v1/chat/completions?key={SECRET}",
        headers={"authorization": f"Bearer {SECRET}", "x-api-key": SECRET},
        json=chat(f"My key is {SECRET}"),
    )
    response = remote.ask("GET", "journal")
    assert SECRET not in response.text and len(response.json()["entries"]) == 1


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"json": chat("a")}, {"json": chat("a")}),
        ({"data": "a text", "headers": {"content-type": "text/plain"}}, {"text": "a text"}),
        ({"data": b"\xff\xfe", "headers": {"content-type": "image/png"}}, {"base64": "//4="}),
        (
            {"files": {"file": ("a.txt", b"text", "text/plain")}},
            {"form": [{"name": "file", "filename": "a.txt", "content_type": "text/plain", "bytes": 4}]},
        ),
    ],
)
def test_a_body_is_shown_as_what_it_is(remote, body, shown):
    remote.call("/v1/files", **body)
    [entry] = remote.entries()
    kinds = ("json", "text", "base64", "form")
    assert {kind: entry["request"][kind] for kind in kinds if kind in entry["request"]} == shown


def test_the_longest_bodies_are_not_kept(remote):
    remote.call(json=chat("a" * (1 << 20)))
    [entry] = remote.entries()
    assert "json" not in entry["request"] and entry["request"]["body_bytes"] > 1 << 20


def test_what_had_to_leave_is_counted(started):
    remote = started(None, "--journal-entries", "2")
    for prompt in ("one", "two", "three"):
        remote.say(prompt)
    remote.of("other").say("four")
    page = remote.get("journal")
    assert (numbers(page["entries"]), page["forgotten"]) == ([3, 4], 2)
    assert remote.get("journal", session="other")["forgotten"] == 0
    assert "has left" in remote.refusal("GET", "journal/1", code=404)


def test_an_answer_under_way_is_open(started):
    remote = started("{scenario: 1, stubs: {then: {text: [One, two], pace: {every: 60s}}}}")
    with remote.calling("Hello"):
        [entry] = remote.entries(end="open")
        assert (entry["end"], entry["gone"]) == (None, None)
    [entry] = remote.wait(end="client_left")
    assert entry["end"]["at"] >= entry["last"]


def test_requests_for_the_journal_are_not_in_it(remote):
    remote.entries()
    assert remote.entries() == []
