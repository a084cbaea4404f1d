"""Watching a push stream: the first that meets a condition, what came before, and an end."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from system.client.errors import ApiUnavailableError
from system.client.events import SnapshotEvent, StatusEvent
from system.clock import ManualClock
from system.store.sample_snapshots import sample_snapshot
from validation.run.push_watch import PushWatch


class FakeClient:
    """A client whose stream says what it is given; None ends it."""

    def __init__(self) -> None:
        self.said: queue.Queue[object] = queue.Queue()

    def stream(self, portfolio: str) -> Iterator[object]:
        assert portfolio == "long"
        while (event := self.said.get(timeout=10)) is not None:
            if isinstance(event, Exception):
                raise event
            yield event


def snapshot_event(epoch: int) -> SnapshotEvent:
    return SnapshotEvent(f"{epoch}-0", sample_snapshot("long", epoch=epoch))


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


def test_the_first_snapshot_that_meets_a_condition_is_found(client: FakeClient) -> None:
    for event in (snapshot_event(1), StatusEvent(SimpleNamespace()), snapshot_event(2)):
        client.said.put(event)
    with PushWatch(client, "long", clock=ManualClock(monotonic_ns=7)) as watch:
        first = watch.first(lambda one: one.epoch == 2, timeout_s=10)
        assert first is not None
        assert (first.snapshot.epoch, first.received_ns) == (2, 7)
        before = watch.before(first)
        assert before is not None
        assert before.snapshot.epoch == 1
        assert watch.before(before) is None
        client.said.put(None)


def test_what_does_not_come_in_time_is_none(client: FakeClient) -> None:
    client.said.put(snapshot_event(1))
    with PushWatch(client, "long") as watch:
        assert watch.first(lambda one: one.epoch == 2, timeout_s=0.05) is None
        client.said.put(None)


def test_a_stream_that_fails_ends_the_watch_and_not_the_program(client: FakeClient) -> None:
    client.said.put(ApiUnavailableError("gone"))
    with PushWatch(client, "long") as watch:
        assert watch.first(lambda _: True, timeout_s=0.05) is None
