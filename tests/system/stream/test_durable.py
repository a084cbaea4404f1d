"""The durable half of a batch: one at a time, and a failure is heard also in silence."""

from __future__ import annotations

import threading

import pytest

from system.book.fold import Fold
from system.stream.durable import DurableWriter

NOTHING = Fold((), (), {"market_data:0": 1}, {}, (), 0)


class History:
    """Commits when it is let; fails when it is told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.go_on = threading.Event()
        self.committed: list[int] = []

    def commit(self, batch) -> bool:
        self.go_on.wait(10)
        if self.error is not None:
            raise self.error
        self.committed.append(batch.epoch)
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
    made = DurableWriter(history, latest, Announcer())
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
