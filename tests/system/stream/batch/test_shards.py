"""Shards are valued as the driver would value them, whichever worker they come to."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence

import pytest
from pyspark import SparkContext

from system.book.book import DEFAULT_STALE_AFTER_NS, Book
from system.book.replica import ValuationOrder
from system.book.valuation.snapshot import StreamPosition
from system.contracts.messages import SnapshotKind
from system.stream.batch import shards
from system.stream.batch.shards import ShardedValuation, parts_of
from tests.system.book.feed import MARKET, Feed, holding, numbers, portfolio, tick, trade

NAMES = ("P", "Q", "R", "S", "T")


class FakeBroadcast:
    """Broadcast as a worker receives it: a copy."""

    def __init__(self, value: dict[str, bytes]) -> None:
        self.value = copy.deepcopy(value)
        self.dropped = False

    def unpersist(self) -> None:
        self.dropped = True


class FakeRdd:
    """Runs the tasks in this process, one worker for all, on a copy of what it is sent."""

    def __init__(self, tasks: Sequence[object]) -> None:
        self._tasks = copy.deepcopy(list(tasks))
        self._work: Callable[[Iterator[object]], Iterator[bytes]] = lambda tasks: iter(())

    def mapPartitions(  # noqa: N802  # Spark's name
        self, work: Callable[[Iterator[object]], Iterator[bytes]]
    ) -> FakeRdd:
        self._work = work
        return self

    def collect(self) -> list[bytes]:
        return [found for task in self._tasks for found in self._work(iter([task]))]


class FakeContext:
    """The two calls of a ``SparkContext`` that shards are sent with."""

    def __init__(self) -> None:
        self.broadcasts: list[FakeBroadcast] = []
        self.task_counts: list[int] = []

    def broadcast(self, value: dict[str, bytes]) -> FakeBroadcast:
        self.broadcasts.append(FakeBroadcast(value))
        return self.broadcasts[-1]

    def parallelize(self, tasks: Sequence[object], count: int) -> FakeRdd:
        assert len(tasks) == count
        self.task_counts.append(count)
        return FakeRdd(tasks)


def sharding(context: object, feed: Feed, *, from_portfolios: int = 1) -> ShardedValuation:
    assert isinstance(context, FakeContext | SparkContext)
    return ShardedValuation(
        lambda: context,  # type: ignore[arg-type,return-value]  # a fake has what is called
        feed.rows,
        from_portfolios=from_portfolios,
        shard_count=2,
        stale_after_ns=DEFAULT_STALE_AFTER_NS,
    )


def opened_feed() -> Feed:
    feed = Feed()
    books = [
        portfolio(name, holding("A", 1.0 + at), holding("B", -3.0), holding("C", 5.0 * at))
        for at, name in enumerate(NAMES)
    ]
    feed.send(*MARKET, *books)
    return feed


def sharded_twin(context: object, *, from_portfolios: int = 1) -> tuple[Feed, Feed]:
    """Return the same feed twice: valued by the driver, and by shards."""
    plain, other = opened_feed(), opened_feed()
    valuer = sharding(context, other, from_portfolios=from_portfolios)
    other.book = Book(other.next_offsets, other.rows, valuer=valuer)
    return plain, other


def assert_same(plain: Feed, other: Feed) -> None:
    """Send both the same batches: ticks, a trade, a close, a new book."""
    batches = [
        (tick("A", 101.0),),
        (tick("A", 102.5), trade("t-1", "A", -4.0, 102.3, "Q"), tick("B", 99.0)),
        (portfolio("U", holding("A", 2.0)),),
        (tick("C", 905.0), trade("t-2", "C", 1.0, 900.0, "U")),
    ]
    for batch in batches:
        one, two = plain.send(*batch), other.send(*batch)
        assert [numbers(snap) for snap in two.snapshots] == [numbers(s) for s in one.snapshots]
        assert [snap.trade_ids for snap in two.snapshots] == [s.trade_ids for s in one.snapshots]
    one, two = plain.close(0), other.close(0)
    assert [numbers(snap) for snap in two.snapshots] == [numbers(snap) for snap in one.snapshots]
    one, two = plain.send(tick("A", 95.0, day=1)), other.send(tick("A", 95.0, day=1))
    assert [numbers(snap) for snap in two.snapshots] == [numbers(snap) for snap in one.snapshots]
    assert len(two.snapshots) == 6


def test_shards_state_the_bits_of_the_driver() -> None:
    context = FakeContext()
    assert_same(*sharded_twin(context))
    assert len(context.broadcasts) == 1
    assert set(context.task_counts) == {1, 2}


def test_rows_beyond_the_bound_are_broadcast_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "MAX_RECENT_BYTES", 300)
    context = FakeContext()
    assert_same(*sharded_twin(context))
    assert len(context.broadcasts) > 2
    assert [broadcast.dropped for broadcast in context.broadcasts[:-1]] == [True] * (
        len(context.broadcasts) - 1
    )


def test_few_portfolios_are_left_to_the_driver_and_nothing_is_forgotten() -> None:
    context = FakeContext()
    assert_same(*sharded_twin(context, from_portfolios=4))
    assert 1 not in context.task_counts
    assert context.task_counts


def test_two_drivers_of_one_worker_do_not_mix_their_states() -> None:
    context = FakeContext()
    first, second = sharded_twin(context)[1], sharded_twin(context)[1]
    for hour in (15.0, 16.0):
        first.send(tick("A", 101.0, hour=hour))
        answer = second.send(tick("A", 202.0 + hour, hour=hour))
    assert {row.price for snap in answer.snapshots for row in snap.positions[:1]} == {218.0}


def test_an_order_is_parted_evenly_with_its_trades() -> None:
    order = ValuationOrder(
        NAMES, StreamPosition(SnapshotKind.LIVE, 1, 2, {}, 3), {"Q": ("t-1",), "R": ("t-2", "t-3")}
    )
    parts = parts_of(order, 2)
    assert [part.portfolios for part in parts] == [("P", "R", "T"), ("Q", "S")]
    assert [part.trade_ids for part in parts] == [{"R": ("t-2", "t-3")}, {"Q": ("t-1",)}]
    assert len(parts_of(order, 9)) == len(NAMES)
