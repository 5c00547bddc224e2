"""The verdict, as it is asked for."""

import threading
import time

import pytest

FLAKY = """
scenario: 1
name: flaky
stubs:
  - name: flaky
    when: {api: openai.chat}
    per: call
    then: [{error: {status: 429, retry_after: {ms: 50ms}}, times: 2}, {text: hello}]
    expect: {attempts: 3}
"""
CHECKS = "expectations: 1\nchecks:\n  - name: patience\n    stub: flaky\n    expect: {retry_after: obeyed}\n"


@pytest.fixture
def flaky(started):
    return started(FLAKY, name="flaky.yaml")


def judged(verdict):
    return [(one["about"], one["key"], one["passed"]) for one in verdict["expectations"]]


def test_what_is_met_passes(flaky):
    for _ in range(3):
        flaky.say("Hello")
    verdict = flaky.get("verify")
    assert (verdict["passed"], judged(verdict)) == (True, [("flaky/flaky", "attempts", True)])
    assert (verdict["requests"], verdict["calls"], verdict["sessions"], verdict["open"]) == (3, 1, 1, 0)
    assert verdict["summary"] == verdict["text"]
    assert verdict["summary"] == "mynah: 1 expectation met; 3 requests in 1 call, 0 unmatched"


def test_what_is_not_met_is_told_with_its_attempts(flaky):
    for _ in range(2):
        flaky.say("Hello")
    verdict = flaky.get("verify")
    [one] = verdict["expectations"]
    assert (verdict["passed"], one["passed"], one["line"]) == (False, False, 9)
    assert one["file"].endswith("flaky.yaml")
    assert [(row["attempt"], row["status"], row["hint"]) for row in one["attempts"]] == [
        (1, 429, "retry-after-ms: 50"),
        (2, 429, "retry-after-ms: 50"),
    ]
    assert verdict["text"].startswith(f"NOT MET flaky/flaky: attempts\n  at        {one['file']}:9\n")
    assert verdict["text"].endswith("\n" + verdict["summary"])


def test_nothing_may_be_expected(remote):
    assert (
        remote.get("verify")["summary"] == "mynah: nothing was expected; 0 requests in 0 calls, 0 unmatched"
    )


def test_further_expectations_are_judged_once(flaky):
    for _ in range(3):
        flaky.say("Hello")
    verdict = flaky.post("verify", CHECKS, name="mine.yaml")
    assert judged(verdict) == [("flaky/flaky", "attempts", True), ("patience", "retry_after", False)]
    assert (verdict["expectations"][1]["file"], verdict["expectations"][1]["line"]) == ("mine.yaml", 5)
    assert flaky.get("verify")["passed"]


def test_expectations_may_be_json(flaky):
    flaky.say("Hello")
    verdict = flaky.post("verify", {"expectations": 1, "expect": {"requests": 1}})
    assert ("the run", "requests", True) in judged(verdict)


def test_an_empty_body_expects_nothing_more(flaky):
    assert flaky.post("verify", "") == flaky.get("verify")


def test_broken_expectations_are_refused_with_their_place(flaky):
    message = flaky.refusal("POST", "verify", CHECKS.replace("expect:", "expct:"), name="mine.yaml")
    assert "unknown key `expct`, did you mean `expect`?" in message and "mine.yaml:5:5" in message
    assert flaky.refusal("POST", "verify", "[").startswith("error: ")
    response = flaky.ask("POST", "verify", data=b"\xff\xfe")
    assert (response.status_code, "UTF-8" in response.text) == (400, True)


def test_a_stub_that_is_expected_something_of_is_there(flaky):
    message = flaky.refusal("POST", "verify", CHECKS.replace("stub: flaky", "stub: flacky"), name="mine.yaml")
    assert 'no stub is called "flacky", did you mean "flaky"?' in message and "mine.yaml:" in message


def test_one_session_is_judged(flaky):
    patient, hasty = flaky.of("a"), flaky.of("b")
    for client in (patient, patient, patient, hasty):
        client.say("Hello")
    assert not flaky.get("verify")["passed"]
    assert flaky.get("verify", session="a")["passed"] and patient.get("verify")["passed"]
    [one] = hasty.get("verify")["expectations"]
    assert (one["session"], one["passed"]) == ("b", False)


def test_a_misspelled_parameter_judges_nothing(flaky):
    assert "did you mean `session`?" in flaky.refusal("GET", "verify", sesion="a")


def test_a_verdict_waits_for_what_is_under_way(started):
    slow = "{text: [One, two], pace: {first: 0s, every: 50ms}}"
    remote = started(f"{{scenario: 1, stubs: {{then: {slow}, expect: {{left: never}}}}}}")
    thread = threading.Thread(target=remote.say, args=["Hello"])
    thread.start()
    while not remote.entries():
        time.sleep(0.005)
    verdict = remote.get("verify")
    thread.join()
    assert (verdict["passed"], verdict["open"]) == (True, 0)


def test_what_stays_under_way_is_counted(started):
    remote = started("{scenario: 1, stubs: {then: {text: [One, two], pace: {every: 60s}}}}")
    with remote.calling("Hello"):
        verdict = remote.get("verify")
    assert verdict["open"] == 1 and "1 still open" in verdict["summary"]
