"""The barrier: what stands behind a mark waits until the mark is everywhere."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.book.ingest import partitions
from system.book.ingest.partitions import NAMED_AFTER_MS, PartitionQueue, Partitions
from system.book.state.errors import BarrierOverflowError
from system.book.state.events import Event
from tests.system.book.feed import Sent, date_of, event, mark, partition_names, rate, tick

NAMES = partition_names(2)


def queue_of(*messages: Sent, next_offset: int = 0) -> PartitionQueue:
    queue = PartitionQueue("market_data:0", next_offset)
    queue.extend([event(next_offset + index, one) for index, one in enumerate(messages)])
    return queue


def test_a_queue_knows_its_topic_and_number() -> None:
    queue = PartitionQueue("market_data:12", 5)
    assert (queue.topic, queue.partition, queue.next_offset) == ("market_data", 12, 5)


def test_events_are_taken_up_to_the_mark_and_not_beyond() -> None:
    queue = queue_of(tick("A", 1.0), tick("A", 2.0), mark(), tick("A", 3.0))
    assert [queued.offset for queued in queue.up_to_mark()] == [0, 1]
    assert queue.mark == mark()
    assert (queue.next_offset, len(queue)) == (2, 2)


def test_an_event_counts_as_applied_when_it_is_taken() -> None:
    queue = queue_of(tick("A", 1.0), tick("A", 2.0))
    taking = queue.up_to_mark()
    next(taking)
    assert queue.next_offset == 1


def test_offsets_may_have_gaps_after_compaction() -> None:
    queue = PartitionQueue("reference:0", 0)
    queue.extend([event(3, tick("A", 1.0)), event(9, tick("A", 1.0))])
    assert [queued.offset for queued in queue.up_to_mark()] == [3, 9]
    assert queue.next_offset == 10


@given(st.lists(st.integers(0, 9), max_size=30))
def test_what_has_arrived_already_is_dropped(offsets: list[int]) -> None:
    queue = PartitionQueue("market_data:0", 3)
    for offset in offsets:
        queue.extend([event(offset, tick("A", 1.0))])
    taken = [queued.offset for queued in queue.up_to_mark()]
    assert taken == sorted(set(taken))
    assert all(offset >= 3 for offset in taken)
    assert taken == sorted({top for top in _record_highs(offsets) if top >= 3})


def _record_highs(offsets: list[int]) -> list[int]:
    highs: list[int] = []
    for offset in offsets:
        if offset >= 3 and offset > max(highs, default=-1):
            highs.append(offset)
    return highs


def test_partitions_are_read_in_the_order_of_what_names_what() -> None:
    shuffled = dict.fromkeys(["trades:0", "market_data:10", "market_data:2", "fx_rates:0"], 0)
    partitions = Partitions({**shuffled, "reference:0": 0})
    assert [queue.name for queue in partitions.queues] == [
        "reference:0",
        "fx_rates:0",
        "market_data:2",
        "market_data:10",
        "trades:0",
    ]


def marked(**fronts: dt.date | None) -> Partitions:
    """Return partitions whose fronts are marks of these dates, or nothing."""
    partitions = Partitions(dict.fromkeys(NAMES, 0))
    for queue, date in zip(partitions.queues, fronts.values(), strict=True):
        if date is not None:
            partitions.extend({queue.name: [event(0, mark((date - date_of(0)).days))]})
    return partitions


def fronts(*days: int | None) -> Partitions:
    return marked(**{f"p{i}": None if d is None else date_of(d) for i, d in enumerate(days)})


def test_there_is_no_barrier_while_a_mark_is_missing() -> None:
    fronts_now = fronts(0, 0, None, 0, 0)
    assert fronts_now.barrier() is None
    assert fronts_now.missing_mark() == ("market_data:0",)


def test_a_barrier_stands_when_every_partition_has_its_mark() -> None:
    fronts_now = fronts(0, 0, 0, 0, 0)
    assert fronts_now.barrier() == mark(0)
    assert fronts_now.missing_mark() == ()


def test_the_earliest_day_is_closed_first() -> None:
    assert fronts(1, 0, 1, 0, 2).barrier() == mark(0)


def test_nobody_is_missing_while_nobody_waits() -> None:
    assert fronts(None, None, None, None, None).missing_mark() == ()


def test_only_a_mark_at_the_front_counts() -> None:
    partitions = Partitions(dict.fromkeys(NAMES, 0))
    for name in NAMES:
        partitions.extend({name: [event(0, tick("A", 1.0)), event(1, mark())]})
    assert partitions.barrier() is None


def test_a_mark_is_beyond_only_later_days() -> None:
    queue = queue_of(mark(3))
    assert queue.is_beyond(date_of(2))
    assert not queue.is_beyond(date_of(3))
    assert not queue_of(tick("A", 1.0)).is_beyond(date_of(2))


def test_what_waits_behind_a_mark_is_bounded_and_read_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partitions, "MAX_HELD_EVENTS", 3)
    waiting = Partitions(dict.fromkeys(NAMES, 0))
    queue = next(queue for queue in waiting.queues if queue.name == "fx_rates:0")
    queue.extend([event(0, mark()), *(event(offset, tick("A", 1.0)) for offset in (1, 2))])
    waiting.check_kept()
    queue.extend([event(offset, tick("A", 1.0)) for offset in range(3, 100)])
    assert len(queue) == 3
    waiting.check_kept()
    assert waiting.held == ("fx_rates:0",)
    queue.take()
    assert len(list(queue.up_to_mark())) == 2
    assert queue.next_offset == 3
    assert waiting.held == ("fx_rates:0",)
    with pytest.raises(BarrierOverflowError, match="fx_rates:0") as caught:
        waiting.check_kept()
    assert caught.value.partitions == ("fx_rates:0",)


# -- marks that came to some partitions only ------------------------------------------------------


def at_ms(offset: int, message: Sent, appended_at_ms: int) -> Event:
    return event(offset, message)._replace(appended_at_ms=appended_at_ms)


def test_a_mark_is_incomplete_once_another_partition_went_on_for_longer_than_the_bound() -> None:
    partitions = Partitions(dict.fromkeys(NAMES, 0), mark_wait_ms=100)
    first, second = partitions.queues[2:4]
    first.extend([at_ms(0, mark(), 1_000)])
    second.extend([at_ms(0, tick("A", 1.0), 1_100), at_ms(1, tick("A", 1.0), 1_101)])
    assert partitions.incomplete() is None
    second.take()
    assert partitions.incomplete() is None
    second.take()
    assert partitions.incomplete() is first


def test_what_comes_after_a_mark_of_its_own_says_nothing_about_others() -> None:
    partitions = Partitions(dict.fromkeys(NAMES, 0), mark_wait_ms=100)
    for queue in partitions.queues:
        queue.extend([at_ms(0, mark(), 1_000), at_ms(1, tick("A", 1.0), 9_000)])
    assert partitions.incomplete() is None


def test_a_mark_that_comes_late_to_a_silent_partition_is_waited_for() -> None:
    """Nothing shows that the silent partition went on without it."""
    partitions = Partitions(dict.fromkeys(NAMES, 0), mark_wait_ms=100)
    for index, queue in enumerate(partitions.queues):
        queue.extend([at_ms(0, mark(), 1_000 + 10_000 * index)])
    assert partitions.incomplete() is None
    assert partitions.barrier() == mark()


def test_a_clock_of_the_broker_that_is_set_back_in_a_partition_makes_no_mark_old() -> None:
    partitions = Partitions(dict.fromkeys(NAMES, 0), mark_wait_ms=100)
    first, second = partitions.queues[2:4]
    for queue in (first, second):
        queue.extend([at_ms(0, tick("A", 1.0), 5_000), at_ms(1, mark(), 1_000)])
        queue.take()
    assert first.mark_appended_at_ms == 5_000
    assert partitions.incomplete() is None


def test_series_are_named_once_their_mark_has_waited_by_the_brokers_time() -> None:
    partitions = Partitions(dict.fromkeys(NAMES, 0))
    rates, ticks = partitions.queues[1:3]
    rates.extend([at_ms(0, mark(), 1_000), at_ms(1, rate("USD", 1.0), 1_001)])
    assert partitions.held_names == frozenset()
    ticks.extend([at_ms(0, tick("A", 1.0), 1_001 + NAMED_AFTER_MS)])
    assert partitions.held_names == {("", "fx:USD")}
    rates.extend([at_ms(2, rate("GBP", 1.0), 1_002)])
    assert partitions.held_names == {("", "fx:USD"), ("", "fx:GBP")}
    rates.take()
    list(rates.up_to_mark())
    assert partitions.held_names == frozenset()
