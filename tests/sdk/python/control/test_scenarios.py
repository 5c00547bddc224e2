"""Scenarios that are added, replaced and taken away while the server runs."""

from urllib.parse import quote

import pytest

FIRST = "{scenario: 1, name: first, stubs: [{name: one, when: {prompt: one}, then: {text: First.}}]}"
SECOND = "{scenario: 1, name: second, stubs: {when: {prompt: two}, then: {text: Second.}}}"
OTHER = "{scenario: 1, stubs: {when: {prompt: one}, then: {text: Other.}}}"
BROKEN = "scenario: 1\nname: broken\nstubs:\n  - then: {txt: Hello}\n"


def test_what_is_added_answers_from_then_on(remote):
    assert remote.say("one") == "You said: one"
    assert remote.post("scenarios", FIRST) == {"added": ["first"], "warnings": []}
    assert remote.say("one") == "First."
    # With a scenario, what nothing answers is a miss.
    assert remote.say("two") == 404


def test_what_is_added_stands_behind_all_others(started):
    remote = started(FIRST)
    remote.post("scenarios", OTHER, name="other")
    assert remote.scenarios() == ["first", "other"] and remote.say("one") == "First."


def test_a_scenario_is_shown_with_its_stubs(started):
    remote = started(FIRST)
    remote.post("scenarios", SECOND)
    [first, second] = remote.get("scenarios")["scenarios"]
    assert (first["from"], [stub["name"] for stub in first["stubs"]]) == ("start", ["one"])
    assert first["stubs"][0]["place"].endswith("given.yaml:1")
    stubs = [{"name": "stub 1", "place": "scenario:1"}]
    assert second == {"name": "second", "from": "api", "seed": None, "stubs": stubs}
    assert [remote.get("scenarios/first"), remote.get("scenarios/second")] == [first, second]


def test_json_is_a_scenario_too(remote):
    scenario = {"scenario": 1, "name": "first", "stubs": [{"then": {"text": "First."}}]}
    assert remote.post("scenarios", scenario)["added"] == ["first"]
    assert remote.say("one") == "First."


def test_several_are_added_at_once(remote):
    assert remote.post("scenarios", f"{FIRST}\n---\n{SECOND}\n")["added"] == ["first", "second"]
    assert (remote.say("one"), remote.say("two")) == ("First.", "Second.")


def test_what_has_no_name_is_given_one(remote):
    assert remote.post("scenarios", OTHER)["added"] == ["scenario"]
    assert remote.post("scenarios", f"{OTHER}\n---\n{OTHER}\n", name="test")["added"] == ["test", "test#2"]


def test_a_name_is_not_empty(remote):
    remote.refusal("POST", "scenarios", OTHER, name="")
    assert remote.scenarios() == []


@pytest.mark.parametrize("text", [FIRST, f"{SECOND}\n---\n{FIRST}\n"])
def test_a_name_that_is_taken_is_not_added(started, text):
    remote = started(FIRST)
    assert '"first"' in remote.refusal("POST", "scenarios", text, code=409)
    assert remote.scenarios() == ["first"]


def test_a_broken_scenario_is_refused_with_its_place(remote):
    message = remote.refusal("POST", "scenarios", BROKEN, name="mine.yaml")
    assert "unknown key `txt`, did you mean `text`?" in message and "mine.yaml:4:12" in message
    assert remote.scenarios() == []


@pytest.mark.parametrize("text", ["", "[", "a", "scenario: 1", "{scenario: 2, stubs: []}", "\x00"])
def test_what_is_no_scenario_is_refused(remote, text):
    assert remote.refusal("POST", "scenarios", text).startswith("error: ")


def test_what_is_no_text_is_refused(remote):
    response = remote.ask("POST", "scenarios", data=b"\xff\xfe")
    assert (response.status_code, "UTF-8" in response.text) == (400, True)


def test_what_reads_files_is_refused(remote):
    text = "{scenario: 1, stubs: {then: {raw: {body: {file: /etc/hostname}}}}}"
    assert remote.refusal("POST", "scenarios", text).startswith("error: ")


def test_what_may_be_meant_otherwise_is_told(remote):
    text = "{scenario: 1, name: all, stubs: {then: {text: One}}}\n---\n" + SECOND
    [warning] = remote.post("scenarios", text)["warnings"]
    assert warning.startswith("warning: ") and "scenario:1:" in warning


def test_a_scenario_takes_the_place_of_another(started):
    remote = started(FIRST)
    remote.post("scenarios", OTHER, name="other")
    text = FIRST.replace("First.", "Again.")
    assert remote.put("scenarios/first", text) == {"replaced": True, "name": "first", "warnings": []}
    assert remote.scenarios() == ["first", "other"] and remote.say("one") == "Again."


def test_a_scenario_that_takes_no_place_is_added(remote):
    response = remote.ask("PUT", "scenarios/mine", data=OTHER)
    assert (response.status_code, response.json()["replaced"]) == (201, False)
    assert remote.say("one") == "Other."


@pytest.mark.parametrize("name", ["mine", "ein Würfel", "a#b?c", "100%", "mine.yaml", "a/b", "v1/models"])
def test_any_name_will_do(remote, name):
    path = f"scenarios/{quote(name, safe='')}"
    assert remote.put(path, OTHER)["name"] == name
    assert remote.get(path)["name"] == name
    assert remote.delete(path) == {"removed": name}


def test_a_name_in_the_text_is_that_of_the_path(remote):
    message = remote.refusal("PUT", "scenarios/second", FIRST)
    assert '"first"' in message and '"second"' in message
    assert remote.refusal("PUT", "scenarios/first", f"{FIRST}\n---\n{SECOND}\n").endswith("several")


def test_what_is_broken_replaces_nothing(started):
    remote = started(FIRST)
    assert "first:4:12" in remote.refusal("PUT", "scenarios/first", BROKEN)
    assert remote.say("one") == "First."


def test_a_scenario_is_taken_away(started):
    remote = started(FIRST)
    remote.post("scenarios", SECOND)
    assert remote.delete("scenarios/first") == {"removed": "first"}
    assert (remote.scenarios(), remote.say("one"), remote.say("two")) == (["second"], 404, "Second.")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_nobody_knows_is_not_found(started, method):
    message = started(FIRST).refusal(method, "scenarios/frist", code=404)
    assert '"frist", did you mean "first"?' in message


def test_an_answer_under_way_stays_as_it_is(remote):
    slow = "{scenario: 1, name: slow, stubs: {then: {text: [One, two], pace: {first: 0s, every: 300ms}}}}"
    remote.post("scenarios", slow)
    with remote.calling("Hello") as response:
        remote.delete("scenarios/slow")
        rest = response.text
    assert "One" in rest and "two" in rest and "[DONE]" in rest


def test_counts_go_on_where_another_scenario_is_added(remote):
    remote.post(
        "scenarios", "{scenario: 1, name: count, stubs: {per: session, then: [{text: One}, {text: Two}]}}"
    )
    assert remote.say("count") == "One"
    remote.post("scenarios", SECOND)
    assert remote.say("count") == "Two"
