"""The journal as it is written: server-sent events."""

import threading

import pytest

from remote import numbers

SLOW = "{scenario: 1, stubs: {then: {text: [One, two], pace: {first: 0s, every: 300ms}}}}"


@pytest.mark.parametrize("path", ["events", "journal?follow", "journal?follow=true", "journal?follow=1"])
def test_each_exchange_is_told_when_it_has_ended(remote, path):
    remote.say("before")
    remote.wait(end="complete")
    with remote.follow(path) as events:
        told = []
        for client in (remote, remote.of("other")):
            client.say("one")
            told.append(next(events))
    assert [(event.kind, event.id) for event in told] == [("exchange", 2), ("exchange", 3)]
    assert numbers(event.entry for event in told) == [2, 3]
    # Nothing but what is known later differs from what the journal shows.
    shown = remote.entries(after=1)
    assert [{**event.entry, "gone": None} for event in told] == [{**entry, "gone": None} for entry in shown]


@pytest.mark.parametrize("flag", ["false", "0"])
def test_who_does_not_follow_gets_a_page(remote, flag):
    assert remote.get("journal", follow=flag)["entries"] == []


def test_who_comes_again_goes_on_behind_what_was_read(remote):
    with remote.follow() as events:
        remote.say("one")
        last = next(events).id
    remote.say("two")
    remote.say("three")
    with remote.follow(last_event_id=str(last)) as events:
        assert [next(events).id, next(events).id] == [2, 3]
        remote.say("four")
        assert next(events).id == 4


def test_the_past_is_told_where_it_is_asked_for(remote):
    for prompt in ("one", "two", "three"):
        remote.say(prompt)
    with remote.follow("events?after=0") as events:
        assert [next(events).id for _ in range(3)] == [1, 2, 3]
    # The parameter goes before the header.
    with remote.follow("events?after=2", last_event_id="0") as events:
        assert next(events).id == 3


def test_an_id_that_is_none_is_not_looked_at(remote):
    remote.say("one")
    remote.wait(end="complete")
    with remote.follow(last_event_id="x") as events:
        remote.say("two")
        assert next(events).id == 2


def test_only_what_passes_the_filters_is_told(remote):
    with remote.follow("events?operation=models&session=other") as events:
        remote.call("/v1/models", "GET")
        remote.of("other").say("one")
        remote.of("other").call("/v1/models", "GET")
        entry = next(events).entry
    assert (entry["seq"], entry["session"], entry["operation"]) == (3, "other", "models")


def test_a_session_is_followed_by_its_path(remote):
    with remote.of("other").follow() as events:
        remote.say("one")
        remote.of("other").say("two")
        assert next(events).entry["session"] == "other"


def test_exchanges_are_told_in_the_order_of_their_ends(started):
    remote = started(SLOW)
    with remote.follow() as events:
        slow = threading.Thread(target=remote.say, args=["one"])
        with remote.calling("two"):
            slow.start()
            told = [next(events)]
            slow.join()
        told.append(next(events))
    assert sorted(numbers(event.entry for event in told)) == [1, 2]
    assert [event.id for event in told] == [1, 2]


def test_many_that_end_at_once_are_all_told(remote):
    def ask():
        for _ in range(25):
            remote.say("Hello")

    with remote.follow() as events:
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        ids = [next(events).id for _ in range(200)]
        for thread in threads:
            thread.join()
    assert ids == list(range(1, 201))


def test_a_stream_goes_on_behind_a_reset(remote):
    with remote.follow() as events:
        remote.say("one")
        assert next(events).id == 1
        remote.post("reset")
        remote.say("two")
        assert (event := next(events)).id == 2 and event.entry["seq"] == 2


@pytest.mark.parametrize(("path", "wrong"), [("events?after=x", "`after`"), ("events?afer=1", "`afer`")])
def test_a_wrong_parameter_is_refused(remote, path, wrong):
    assert wrong in remote.refusal("GET", path)


def test_a_stream_ends_with_the_server(remote):
    with remote.follow() as events:
        remote.server.end()
        assert list(events) == []
