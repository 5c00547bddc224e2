"""Sessions, and what is remembered in them."""

import pytest

COUNT = "{scenario: 1, stubs: {per: session, then: [{text: One}, {text: Two}, {text: Three}]}}"
PATIENT = {"expectations": 1, "expect": {"calls": 1}}


def counted(remote, *sessions):
    return [remote.of(session).say("count") for session in sessions]


@pytest.fixture
def counting(started):
    """A server at which two sessions, and the shared one, have counted one."""
    remote = started(COUNT)
    assert counted(remote, "a", "b", None) == ["One"] * 3
    return remote


def sessions_of(entries):
    return [entry["session"] for entry in entries]


def test_one_session_is_reset(counting):
    assert counting.post("reset", session="a") == {"reset": "a"}
    assert sessions_of(counting.entries()) == ["b", ""]
    assert counted(counting, "a", "b", None) == ["One", "Two", "Two"]


def test_a_session_is_reset_by_its_path(counting):
    assert counting.of("a").post("reset") == {"reset": "a"}
    assert counted(counting, "a", "b", None) == ["One", "Two", "Two"]


def test_the_shared_session_is_reset(counting):
    assert counting.post("reset", session="") == {"reset": ""}
    assert counted(counting, "a", "b", None) == ["Two", "Two", "One"]


def test_all_sessions_are_reset(counting):
    assert counting.post("reset") == {"reset": None}
    assert counting.entries() == []
    assert counted(counting, "a", "b", None) == ["One"] * 3
    assert [entry["seq"] for entry in counting.entries()] == [4, 5, 6]


def test_what_there_is_not_is_not_reset(counting):
    assert '"c"' in counting.refusal("POST", "reset", code=404, session="c")
    assert len(counting.entries()) == 3


def test_a_misspelled_parameter_resets_nothing(counting):
    counting.refusal("POST", "reset", sesion="a")
    assert len(counting.entries()) == 3


def test_sessions_are_listed_with_what_they_have(counting):
    [shared, a, b] = counting.get("sessions")["sessions"]
    assert shared == {"name": "", "seed": None, "entries": 1}
    assert (a["name"], a["entries"], b["name"]) == ("a", 1, "b") and 0 <= a["unused"] < 10
    expected = {"name": "a", "seed": None, "states": {}, "entries": 1, "has_expectations": False}
    assert counting.get("sessions/a") == expected


def test_to_look_at_a_session_makes_none(remote):
    assert remote.entries(session="a") == []
    assert remote.get("verify", session="a")["sessions"] == 0
    assert remote.get("seed", session="a") == {"seed": 0}
    remote.refusal("GET", "sessions/a", code=404)
    assert [session["name"] for session in remote.get("sessions")["sessions"]] == [""]


def test_a_session_is_made_and_ended(remote):
    made = remote.ask("PUT", "sessions/a", json={"seed": 7})
    assert (made.status_code, made.json()["seed"]) == (201, 7)
    changed = remote.ask("PUT", "sessions/a")
    assert (changed.status_code, changed.json()["seed"]) == (200, 7)
    remote.of("a").say("Hello")
    assert remote.delete("sessions/a") == {"ended": "a"}
    assert remote.entries() == []
    for method in ("GET", "DELETE"):
        assert '"a"' in remote.refusal(method, "sessions/a", code=404)


@pytest.mark.parametrize("name", ["ein%20W%C3%BCrfel", "a%2Fb", "x" * 128])
def test_any_name_of_a_session_will_do(remote, name):
    assert remote.ask("PUT", f"sessions/{name}").status_code == 201
    assert remote.get(f"sessions/{name}")["entries"] == 0


def test_a_name_has_128_bytes_at_the_most(remote):
    for path in ("sessions/" + "x" * 129, "sessions/" + "%C3%BC" * 65):
        assert "128 bytes" in remote.refusal("PUT", path)
    response = remote.ask("GET", "health", headers={"x-mynah-session": "x" * 129})
    assert (response.status_code, "128 bytes" in response.text) == (400, True)


@pytest.mark.parametrize(
    "body",
    [
        {"sed": 1},
        {"seed": -1},
        {"seed": "1"},
        {"seed": 2**64},
        {"seed": 1.5},
        {"expectations": {"expectations": 1}},
        {"expectations": {"expectations": 1, "checks": {"stub": "unknown", "expect": {"calls": 1}}}},
        [],
    ],
)
def test_what_a_session_cannot_have_is_refused(remote, body):
    assert remote.refusal("PUT", "sessions/a", body)
    remote.refusal("GET", "sessions/a", code=404)


def first_id(remote):
    """The id of an answer before which nothing was asked."""
    remote.post("reset")
    return remote.call().json()["id"]


def test_a_session_takes_a_seed_of_its_own(remote):
    session = remote.of("a")
    usual = first_id(session)
    assert remote.put("seed", {"seed": 7}, session="a") == {"seed": 7, "session": "a"}
    other = first_id(session)
    assert remote.put("sessions/a", {"seed": 0})["seed"] == 0
    assert [first_id(session), first_id(session)] == [usual, usual] != [other, other]
    assert [remote.get("seed", session=name)["seed"] for name in "ab"] == [0, 0]


def test_the_server_takes_another_seed(remote):
    usual = first_id(remote)
    assert remote.put("seed", {"seed": 7}) == {"seed": 7, "session": None}
    assert remote.get("seed") == {"seed": 7} == remote.get("seed", session="a")
    other = first_id(remote)
    remote.put("seed", {"seed": 0})
    assert first_id(remote) == usual != other


def test_a_session_loses_its_seed(remote):
    remote.put("sessions/a", {"seed": 7})
    assert remote.put("seed", {"seed": None}, session="a") == {"seed": None, "session": "a"}
    assert remote.get("seed", session="a") == {"seed": 0}


def test_a_seed_is_said(remote):
    remote.put("sessions/a", {"seed": 7})
    for session in ("", "a"):
        for body in ({}, {"sed": 1}, {"seed": "x"}, []):
            assert "seed" in remote.refusal("PUT", "seed", body, session=session)
    assert "seed" in remote.refusal("PUT", "seed", {"seed": None})
    assert remote.get("sessions/a")["seed"] == 7


def test_a_session_has_expectations_of_its_own(remote):
    remote.put("sessions/a", {"expectations": PATIENT})
    assert remote.get("sessions/a")["has_expectations"]
    [judged] = remote.get("verify")["expectations"]
    assert (judged["session"], judged["passed"]) == ("a", False)
    remote.of("a").say("Hello")
    remote.of("b").say("Hello")
    remote.of("b").say("Hello again")
    [judged] = remote.get("verify")["expectations"]
    assert (judged["session"], judged["passed"]) == ("a", True)
    remote.put("sessions/a", {"expectations": None})
    assert remote.get("verify")["expectations"] == []


def test_what_one_session_expects_is_not_held_against_another(remote):
    remote.put("sessions/a", {"expectations": PATIENT})
    remote.of("b").say("Hello")
    verdict = remote.get("verify", session="b")
    assert (verdict["passed"], verdict["expectations"]) == (True, [])


def test_time_is_stretched_and_shortened(started):
    remote = started("{scenario: 1, stubs: {then: {text: [One, two], pace: {every: 60s}}}}")
    assert remote.get("time-scale") == {"time_scale": 1}
    assert remote.put("time-scale", {"time_scale": 0}) == {"time_scale": 0}
    assert remote.say("Hello") == "Onetwo"


@pytest.mark.parametrize(
    "body", [{}, {"time_scale": -1}, {"time_scale": "1"}, {"scale": 1}, {"time_scale": None}, []]
)
def test_a_scale_of_time_is_a_number(remote, body):
    assert "time_scale" in remote.refusal("PUT", "time-scale", body)
    assert remote.get("time-scale") == {"time_scale": 1}
