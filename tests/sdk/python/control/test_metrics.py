"""What is counted, as Prometheus reads it."""

import signal
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families


def families(remote):
    response = remote.ask("GET", "metrics")
    kind = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert response.headers["content-type"] == kind
    return {family.name: family for family in text_string_to_metric_families(response.text)}


def values(remote, name):
    """The samples of a family, by their labels."""
    samples = families(remote)[name].samples
    return {tuple(sorted(sample.labels.items())): sample.value for sample in samples}


def total(remote, name):
    [value] = values(remote, name).values()
    return value


GAUGES = ["open_streams", "sessions", "journal_entries", "journal_bytes", "journal_open"]


def test_a_server_that_has_just_started_counts_nothing(remote):
    known = families(remote)
    assert {name.removeprefix("mynah_") for name in known} >= {*GAUGES, "misses", "journal_forgotten"}
    assert all(sample.value == 0 for family in known.values() for sample in family.samples)
    assert all(family.documentation for family in known.values())


def test_requests_are_counted_by_what_became_of_them(started):
    remote = started("{scenario: 1, stubs: {when: {prompt: one}, then: {text: One}}}")
    for prompt in ("one", "one", "two"):
        remote.say(prompt)
    remote.call("/v1beta/models", "GET")
    counted = {
        (labels["api"], labels["operation"], labels["source"], labels["status"]): value
        for labels, value in ((dict(key), value) for key, value in values(remote, "mynah_requests").items())
    }
    assert counted == {
        ("openai.chat", "generate", "stub", "200"): 2,
        ("openai.chat", "generate", "miss", "404"): 1,
        ("gemini", "models", "built-in", "200"): 1,
    }
    assert total(remote, "mynah_misses") == 1


def test_what_is_held_now_is_measured(started):
    remote = started(
        "{scenario: 1, stubs: {then: {text: [One, two], pace: {every: 60s}}}}", "--journal-entries", "2"
    )
    with remote.of("a").calling("Hello"):
        assert [total(remote, f"mynah_{name}") for name in ("open_streams", "sessions", "journal_open")] == [
            1,
            1,
            1,
        ]
    for _ in range(3):
        remote.call("/v1/models", "GET")
    assert (total(remote, "mynah_journal_entries"), total(remote, "mynah_journal_forgotten")) == (2, 2)
    assert total(remote, "mynah_journal_bytes") > 0


def test_a_counter_only_grows(remote):
    remote.call("/v1/models", "GET")
    remote.post("reset")
    assert total(remote, "mynah_requests") == 1 and total(remote, "mynah_journal_entries") == 0


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no such signal here")
def test_readings_of_the_scenarios_are_counted(started, tmp_path):
    remote = started("{scenario: 1, stubs: {then: {text: One}}}")
    for text in ("{scenario: 1, stubs: {then: {text: Two}}}", "["):
        before = sum(reloads(remote).values())
        (tmp_path / "given.yaml").write_text(text)
        remote.server.process.send_signal(signal.SIGHUP)
        give_up = time.monotonic() + 10
        while sum(reloads(remote).values()) == before and time.monotonic() < give_up:
            time.sleep(0.01)
    assert reloads(remote) == {"taken": 1, "refused": 1}
    assert remote.say("Hello") == "Two"


def reloads(remote):
    family = families(remote).get("mynah_reloads")
    return {sample.labels["outcome"]: sample.value for sample in family.samples} if family else {}


def test_requests_for_the_metrics_are_not_counted(remote):
    families(remote)
    assert "mynah_requests" not in families(remote) or values(remote, "mynah_requests") == {}
