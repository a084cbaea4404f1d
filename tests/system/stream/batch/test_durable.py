"""The durable half of batches: gathered, one at a time, failures raised also in silence."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from system.book.ingest.fold import Fold
from system.clock import ManualClock
from system.store.records import BatchCommit
from system.stream.batch.durable import AHEAD_BOUND_S, DurableWriter

NOTHING = Fold((), (), {"market_data:0": 1}, {}, (), 0)


class History:
    """Commits when it is let; fails when it is told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.committed: list[int] = []
        self.batches: list[BatchCommit] = []

    def commit(self, batch) -> bool:
        self.begun.set()
        self.go_on.wait(10)
        if self.error is not None:
            raise self.error
        self.committed.append(batch.epoch)
        self.batches.append(batch)
        return True


class Latest:
    def __init__(self) -> None:
        self.durable: list[tuple[int, int]] = []

    def mark_durable(self, fence: int, epoch: int) -> None:
        self.durable.append((fence, epoch))


class Announcer:
    def send(self, message) -> None:
        raise AssertionError(message)

    def flush(self) -> None:
        raise AssertionError


@pytest.fixture
def history():
    return History()


@pytest.fixture
def latest():
    return Latest()


@pytest.fixture
def writer(history, latest):
    made = DurableWriter(history, latest, Announcer(), {"market_data:0": 0}, interval_s=0.0)
    yield made
    history.go_on.set()
    made.close()


def test_a_batch_is_committed_and_then_called_durable(writer, history, latest):
    history.go_on.set()
    writer.write(NOTHING, fence=1, epoch=7, announce=True)
    writer.wait()
    writer.raise_if_failed()
    assert history.committed == [7]
    assert latest.durable == [(1, 7)]


def test_a_failed_commit_is_heard_without_a_next_batch(writer, history, latest):
    history.error = RuntimeError("no such column")
    writer.write(NOTHING, fence=1, epoch=7, announce=True)
    writer.raise_if_failed()
    history.go_on.set()
    with pytest.raises(RuntimeError, match="no such column"):
        writer.wait()
    with pytest.raises(RuntimeError, match="no such column"):
        writer.raise_if_failed()
    assert latest.durable == []


def test_the_next_batch_is_not_handed_over_when_the_one_before_failed(writer, history):
    history.error = RuntimeError("no such column")
    history.go_on.set()
    writer.write(NOTHING, fence=1, epoch=7, announce=True)
    with pytest.raises(RuntimeError, match="no such column"):
        writer.write(NOTHING, fence=1, epoch=8, announce=True)
    assert history.committed == []


def test_each_batch_names_the_offsets_that_the_one_before_has_left(writer, history):
    history.go_on.set()
    for epoch, offset in enumerate((1, 1, 5)):
        fold = replace(NOTHING, offsets={"market_data:0": offset})
        writer.write(fold, fence=1, epoch=epoch, announce=True)
        writer.wait()
    follows = [batch.follows for batch in history.batches]
    assert follows == [{"market_data:0": 0}, {"market_data:0": 1}, {"market_data:0": 1}]


def test_batches_that_come_during_a_transaction_are_one_transaction_after_it(writer, history):
    for epoch in range(4):
        fold = replace(NOTHING, offsets={"market_data:0": epoch})
        writer.write(fold, fence=1, epoch=epoch, announce=True)
        assert history.begun.wait(10), "the first one is under way before the others come"
    history.go_on.set()
    writer.wait()
    assert history.committed == [0, 3]
    assert [batch.first_epoch for batch in history.batches] == [0, 1]
    assert [batch.follows for batch in history.batches] == [
        {"market_data:0": 0},
        {"market_data:0": 0},
    ]


def test_redis_is_not_ahead_for_longer_than_the_bound(history, latest):
    """A batch that comes too late for the one that waits is held up until that one is taken."""
    clock = ManualClock()
    writer = DurableWriter(history, latest, Announcer(), clock=clock, interval_s=0.0)
    writer.write(NOTHING, fence=1, epoch=0, announce=True)
    assert history.begun.wait(10)
    writer.write(NOTHING, fence=1, epoch=1, announce=True)
    clock.sleep(AHEAD_BOUND_S + 0.1)
    late = threading.Thread(
        target=writer.write, args=(NOTHING,), kwargs={"fence": 1, "epoch": 2, "announce": True}
    )
    late.start()
    late.join(0.3)
    assert late.is_alive(), "the disk is stuck"
    history.go_on.set()
    late.join(10)
    assert not late.is_alive()
    writer.wait()
    writer.close()
    assert history.committed == [0, 2]


def test_transactions_begin_an_interval_apart_unless_somebody_waits(history, latest):
    history.go_on.set()
    writer = DurableWriter(history, latest, Announcer(), interval_s=3_600.0)
    writer.write(NOTHING, fence=1, epoch=0, announce=True)
    writer.wait()
    writer.write(NOTHING, fence=1, epoch=1, announce=True)
    writer.write(NOTHING, fence=1, epoch=2, announce=True)
    assert history.committed == [0]
    writer.wait()
    writer.close()
    assert history.committed == [0, 2]
