"""Offsets without a record: passed once Kafka itself says so, and not sooner."""

from __future__ import annotations

import pytest

from system.bus.consumer import Record
from system.clock import ManualClock
from system.stream.engines.empty_offsets import MAX_OFFSETS, PATIENCE_NS, EmptyOffsets


class Topic:
    """One partition of which some offsets hold a record."""

    def __init__(self, *offsets: int) -> None:
        self.offsets = set(offsets)
        self.asked: list[int] = []

    def fetch(self, topic: str, partition: int, offset: int) -> Record | None:
        self.asked.append(offset)
        here = offset in self.offsets
        return Record(topic, partition, offset, b"", b"", 0) if here else None


def looked(topic: Topic, end: int, *, consumed: int = 5, patience: float = 2.0) -> int:
    clock = ManualClock()
    empty = EmptyOffsets(topic.fetch, clock)
    ends, at = {"trades:0": end}, {"trades:0": consumed}
    empty.look(ends, at)
    clock.sleep(patience * PATIENCE_NS / 1e9)
    empty.look(ends, at)
    return empty.beyond(at)["trades:0"]


def test_the_end_of_a_transaction_is_passed():
    assert looked(Topic(), end=6) == 6


def test_a_record_that_is_late_is_not_passed():
    assert looked(Topic(5), end=8) == 5


def test_offsets_before_a_record_are_passed():
    assert looked(Topic(7), end=8) == 7


@pytest.mark.parametrize(("end", "patience"), [(6, 0.5), (5, 2.0)])
def test_nothing_is_asked_too_soon_or_at_the_end(end, patience):
    topic = Topic()
    assert looked(topic, end, patience=patience) == 5
    assert topic.asked == []


def test_what_is_asked_at_once_is_bounded():
    topic = Topic()
    assert looked(topic, end=10_000) == 5 + MAX_OFFSETS


def test_a_reader_that_goes_on_is_ahead_of_what_was_passed():
    clock = ManualClock()
    empty = EmptyOffsets(Topic().fetch, clock)
    empty.look({"trades:0": 6}, {"trades:0": 5})
    clock.sleep(2)
    empty.look({"trades:0": 6}, {"trades:0": 5})
    assert empty.beyond({"trades:0": 9}) == {"trades:0": 9}
