"""Pruning beside the batches: in pieces, with pauses, and no failure of it stops the stream."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from system.clock import ManualClock
from system.store.errors import StoreUnavailableError
from system.stream.batch import pruning
from system.stream.batch.pruning import SHARE, Pruner

BOUND_S = 10


class History:
    """Deletes three pieces each time, each in two seconds; fails when it is told to."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.error: StoreUnavailableError | None = None
        self.deleted = 0
        self.prunings = 0
        self.pruned_twice = threading.Event()

    def prune(self) -> Iterator[int]:
        self.prunings += 1
        if self.prunings >= 2:
            self.pruned_twice.set()
        if self.error is not None:
            raise self.error
        for _ in range(3):
            self.clock.advance_ns(2 * 10**9)
            self.deleted += 100
            yield 100


class Waits:
    """In place of the event: says how long was waited, and ends the n-th time."""

    def __init__(self, ends_at: int) -> None:
        self.waited: list[float] = []
        self._ends_at = ends_at

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return len(self.waited) >= self._ends_at


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def history(clock: ManualClock) -> History:
    return History(clock)


def test_after_each_piece_postgresql_has_the_rest_of_the_time_for_batches(history, clock):
    pruner = Pruner(history, clock)
    pruner._ending = waits = Waits(ends_at=99)
    assert pruner.prune() == 300
    assert waits.waited == pytest.approx([2 / SHARE - 2] * 3)


def test_a_closed_pruner_leaves_the_rest_for_later(history, clock):
    pruner = Pruner(history, clock)
    pruner._ending = Waits(ends_at=2)
    assert pruner.prune() == 200
    assert history.deleted == 200


def test_a_failure_is_logged_and_a_minute_later_it_prunes_again(
    history, clock, monkeypatch, caplog
):
    monkeypatch.setattr(pruning, "EVERY_S", 0.001)
    history.error = StoreUnavailableError("PostgreSQL does not answer")
    pruner = Pruner(history, clock)
    with caplog.at_level(logging.WARNING):
        pruner.start()
        assert history.pruned_twice.wait(BOUND_S)
        pruner.close()
    assert "the history is not pruned" in caplog.text


def test_it_begins_once_a_minute_however_long_it_took(history, clock):
    pruner = Pruner(history, clock)
    pruner._ending = waits = Waits(ends_at=6)
    pruner._run()
    between = [waits.waited[0], waits.waited[4]]
    assert between == pytest.approx([60.0, 60.0 - 6.0])
