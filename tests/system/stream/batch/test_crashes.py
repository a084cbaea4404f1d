"""A driver that dies at any step between Redis, Kafka and PostgreSQL, and the one after it.

One life of a driver is a `MicroBatch` with its `DurableWriter` over stores in memory. Each call of
a store is two steps, before and after its effect: the driver dies at one of them, and the next
life begins with what the stores hold. The slow half of a batch runs at once, or while the next
batch is already published, or gathered with that of all others at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.book import Book
from system.book.valuation.limits import LimitAlerts
from system.clock import ManualClock
from system.contracts.codec import encode
from system.contracts.messages import (
    AssetClass,
    Message,
    RiskSnapshot,
    SnapshotKind,
)
from system.store.postgres.history_fake import MemoryHistory
from system.store.records import SnapshotQuery
from system.store.redis.latest_fake import MemoryLatest
from system.stream.batch.durable import DurableWriter
from system.stream.batch.micro_batch import MicroBatch
from tests.system.book.feed import (
    Sent,
    history,
    holding,
    home_of,
    instrument,
    mark,
    partition_names,
    portfolio,
    tick,
    trade,
    walk,
)
from tests.system.stream.tables import Row, table_of

NAMES = partition_names()
BOOKS = ("CASH", "P", "Q")
DAYS = 2


def script() -> list[tuple[str, Sent]]:
    """Return what lies on the topics, partition by partition in one order of arrival."""
    lines: list[Sent | None] = [
        instrument("A"),
        instrument("B", AssetClass.EQUITY, "USD"),
        history("A", walk(1)),
        history("B", walk(2)),
        portfolio("P", holding("A", 10.0), base_currency="USD"),
        portfolio("Q", holding("B", 5.0), base_currency="USD"),
        portfolio("CASH", holding("cash:USD", 100.0), base_currency="USD"),
    ]
    for day in range(DAYS):
        lines += [
            tick("A", 100.0 + day, day=day, hour=10.0),
            trade(f"t{day}-1", "A", 3.0, 100.0),
            tick("B", 50.0 + day, day=day, hour=11.0),
            trade(f"t{day}-2", "B", -1.0, 50.0, book="Q"),
            tick("A", 101.0 + day, day=day, hour=12.0),
            trade(f"t{day}-3", "A", 2.0, 101.0),
            None,
        ]
    lines += [tick("A", 99.0, day=DAYS, hour=10.0), trade("t-last", "A", -4.0, 99.0)]
    laid: list[tuple[str, Sent]] = []
    day = 0
    for line in lines:
        if line is None:
            laid += [(name, mark(day)) for name in NAMES]
            day += 1
        else:
            laid.append((home_of(line, NAMES), line))
    return laid


SCRIPT = script()
TRADES = sorted(sent.trade_id for _, sent in SCRIPT if hasattr(sent, "trade_id"))


AFTER_ALL_WAS_PUBLISHED = 9
"""The first snapshots are published and committed and called durable (2 + 4 steps), then the only
batch is published (2): at the next step it would be announced."""


class DriverDied(BaseException):
    """The process is gone: nothing of it runs on."""


@dataclass
class Death:
    """Counts steps, and ends the driver at one of them; a dead driver takes no further step."""

    at_step: int | None
    steps: int = 0
    is_dead: bool = False

    def step(self) -> None:
        self.steps += 1
        self.is_dead = self.is_dead or self.steps == self.at_step
        if self.is_dead:
            raise DriverDied


class Mortal:
    """A store whose calls are two steps each; what is only read is none."""

    def __init__(self, store: object, death: Death, *calls: str) -> None:
        self._store, self._death, self._calls = store, death, calls

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._store, name)
        if name not in self._calls:
            return call

        def in_two_steps(*arguments: object, **options: object) -> object:
            self._death.step()
            answer = call(*arguments, **options)
            self._death.step()
            return answer

        return in_two_steps


@dataclass
class Announced:
    """The output topics: what was sent is there once it is flushed, at the latest."""

    messages: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.messages.append(message)

    def flush(self) -> None:
        pass


class AtOnce(Executor):
    """Runs the slow half of a batch before the next one begins."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(call(*arguments, **options))
        return future


class Late(Future[Any]):
    """The slow half of a batch, run when it is waited for."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__()
        self._call: Callable[[], Any] | None = call

    def result(self, timeout: float | None = None) -> Any:
        if self._call is not None:
            call, self._call = self._call, None
            self.set_result(call())
        return super().result(timeout)


class Gathering(Executor):
    """Runs the slow half of all batches in one, when it is waited for."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        return Late(lambda: call(*arguments, **options))


class Behind(Late):
    """The slow half of a batch, run when the next batch asks whether it has failed."""

    def done(self) -> bool:
        self.result()
        return True


class OneBehind(Executor):
    """Runs the slow half of a batch after the next one was published."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        return Behind(lambda: call(*arguments, **options))


@dataclass
class World:
    """The servers, which outlive every driver."""

    thread: type[Executor]
    history: MemoryHistory = field(default_factory=MemoryHistory)
    latest: MemoryLatest = field(default_factory=lambda: MemoryLatest(lambda: 0))
    announced: Announced = field(default_factory=Announced)

    def live(self, death: Death, sizes: Iterator[int]) -> int:
        """Run one driver until it dies or has read all; return how many steps it took."""
        with suppress(DriverDied):
            self._live(death, sizes)
        return death.steps

    def _live(self, death: Death, sizes: Iterator[int]) -> None:
        fence = self.history.acquire_fence()
        self.latest.claim(fence, self.history.committed())
        stored = self.history.load()
        offsets = {name: stored.offsets.get(name, 0) for name in NAMES}
        watermark = self.latest.watermark()
        latest: Any = Mortal(self.latest, death, "publish", "mark_durable")
        durable = DurableWriter(
            Mortal(self.history, death, "commit"),
            latest,
            Mortal(self.announced, death, "send", "flush"),
            stored.offsets,
            thread=self.thread(),
            # A writer that is late waits for its thread, and a gathering one runs when waited for.
            clock=ManualClock(),
            interval_s=0.0,
        )
        batch = MicroBatch(
            Book(offsets, stored.state),
            latest,
            durable,
            clock=ManualClock(),
            fence=fence,
            published={} if watermark is None else watermark.offsets,
            alerts=LimitAlerts(self.history.limit_levels()),
        )
        batch.first()
        for table in _batches(offsets, sizes):
            batch.run(lambda table=table: table)  # type: ignore[misc]
        durable.wait()

    def snapshots(self) -> list[RiskSnapshot]:
        query = (SnapshotQuery(portfolio=name, limit=10_000) for name in BOOKS)
        return [snapshot for each in query for snapshot in self.history.snapshots(each)]


def _batches(offsets: dict[str, int], sizes: Iterator[int]) -> Iterator[pa.Table]:
    """Yield what lies at or beyond some offsets, in the order of arrival, in pieces."""
    rows: list[Row] = []
    next_offset: Counter[str] = Counter()
    for name, message in SCRIPT:
        topic, _, number = name.rpartition(":")
        if next_offset[name] >= offsets[name]:
            rows.append((topic, int(number), next_offset[name], encode(message)))  # type: ignore[arg-type]
        next_offset[name] += 1
    while rows:
        size = next(sizes)
        piece, rows = rows[:size], rows[size:]
        yield table_of(piece)


def cut(sizes: Sequence[int]) -> Iterator[int]:
    """Yield sizes of batches, without end."""
    while True:
        yield from sizes


def check(world: World) -> None:
    """Assert what must hold however often a driver has died."""
    stored = world.snapshots()
    naming = Counter(trade_id for snapshot in stored for trade_id in snapshot.trade_ids)
    assert naming == dict.fromkeys(TRADES, 1)
    announced = {
        message.snapshot_id for message in world.announced.messages if is_end_of_day(message)
    }
    ends = {snapshot.snapshot_id for snapshot in stored if is_end_of_day(snapshot)}
    assert len(ends) == DAYS * len(BOOKS)
    assert ends <= announced
    assert held(world) == undisturbed()
    pushed = [msgspec.json.decode(entry.snapshot, type=RiskSnapshot) for entry in entries(world)]
    for name in BOOKS:
        own = [snapshot for snapshot in pushed if snapshot.portfolio == name]
        assert own, f"{name} was never shown"
        for before, after in pairwise(own):
            assert after.event_time_ns >= before.event_time_ns
            assert all(after.offsets[place] >= before.offsets[place] for place in NAMES)


@cache
def undisturbed() -> dict[str, tuple[tuple[str, float], ...]]:
    """Return the positions that one driver comes to that never dies."""
    world = World(AtOnce)
    world.live(Death(None), cut([1_000]))
    return held(world)


def is_end_of_day(message: object) -> bool:
    return isinstance(message, RiskSnapshot) and message.kind is SnapshotKind.END_OF_DAY


def entries(world: World) -> Sequence[Any]:
    return world.latest.read_since("0", count=100_000)


def held(world: World) -> dict[str, tuple[tuple[str, float], ...]]:
    positions = {}
    for name in BOOKS:
        newest = world.latest.latest(name)
        assert newest is not None
        positions[name] = tuple(
            (position.instrument, position.quantity) for position in newest.snapshot.positions
        )
    return positions


THREADS = pytest.mark.parametrize("thread", [AtOnce, OneBehind, Gathering])


@THREADS
@pytest.mark.parametrize("size", [1, 5])
def test_a_driver_may_die_at_any_step(thread: type[Executor], size: int) -> None:
    """Every trade in one stored snapshot, every end of day announced, positions exact."""
    steps = World(thread).live(Death(None), cut([size]))
    assert steps > 3 * len(SCRIPT) / size
    for step in range(1, steps + 1, 5 if size > 1 else 29):
        world = World(thread)
        world.live(Death(step), cut([size]))
        world.live(Death(None), cut([size + 2]))
        check(world)


@pytest.mark.parametrize("size", [3, 1_000])
def test_a_driver_follows_one_that_had_published_all_and_committed_nothing(size: int) -> None:
    """It holds back in small batches what was shown, or passes all of it in one."""
    world = World(OneBehind)
    world.live(Death(AFTER_ALL_WAS_PUBLISHED), cut([1_000]))
    watermark = world.latest.watermark()
    assert watermark is not None
    assert sum(watermark.offsets.values()) == len(SCRIPT)
    assert sum(world.history.load().offsets.values()) == 0
    world.live(Death(None), cut([size]))
    check(world)


@settings(max_examples=25, deadline=None)
@given(
    deaths=st.lists(st.integers(1, 60), max_size=5),
    sizes=st.lists(st.integers(1, 25), min_size=1, max_size=4),
    thread=st.sampled_from([AtOnce, OneBehind, Gathering]),
)
def test_drivers_may_die_one_after_another(
    deaths: list[int], sizes: list[int], thread: type[Executor]
) -> None:
    world = World(thread)
    for step in deaths:
        world.live(Death(step), cut(sizes))
    world.live(Death(None), cut(sizes))
    check(world)


def test_an_emptied_redis_gets_every_portfolio_back_without_a_tick() -> None:
    world = World(AtOnce)
    fence = world.history.acquire_fence()
    durable = DurableWriter(
        world.history, world.latest, world.announced, thread=AtOnce(), interval_s=0.0
    )
    batch = MicroBatch(
        Book(dict.fromkeys(NAMES, 0)),
        world.latest,
        durable,
        clock=ManualClock(),
        fence=fence,
        published={},
        alerts=LimitAlerts(),
    )
    batch.first()
    for table in _batches(dict.fromkeys(NAMES, 0), cut([1_000])):
        batch.run(lambda table=table: table)  # type: ignore[misc]
    before = held(world)
    assert batch.published_count == len(BOOKS)
    world.latest.empty()
    assert world.latest.portfolios() == []
    batch.republish()
    assert held(world) == before
    assert world.latest.portfolios() == list(BOOKS)
