"""One micro-batch without Spark or servers: what is stamped, and in what order."""

from __future__ import annotations

import pyarrow as pa

from system.book.book import Book
from system.book.limits import LimitAlerts
from system.clock import ManualClock
from system.contracts.codec import encode
from system.contracts.messages import Message, StageTimes
from system.contracts.topics import REFERENCE
from system.store.latest_fake import MemoryLatest
from system.store.records import BatchCommit
from system.stream.batch import MicroBatch
from system.stream.durable import DurableWriter
from system.stream.schema import hot_schema
from tests.system.book.feed import Feed, holding, portfolio

STEP_NS = 1_000
WALL_NS = 1_600_000_000_000_000_000
"""Far from anything that a monotonic clock shows after this few steps."""


class SteppingClock(ManualClock):
    """Moves on by one step whenever its monotonic time is asked for."""

    def monotonic_ns(self) -> int:
        self.advance_ns(STEP_NS)
        return super().monotonic_ns()


class Kept:
    """A history and an announcer that keep what they are told."""

    def __init__(self) -> None:
        self.commits: list[BatchCommit] = []

    def commit(self, batch: BatchCommit) -> bool:
        self.commits.append(batch)
        return True

    def prune(self) -> int:
        return 0

    def send(self, message: Message) -> None:
        pass

    def flush(self) -> None:
        pass


def arrow(*messages: Message) -> pa.Table:
    """Return reference messages as the query hands them on where the JVM has read none of them."""
    count = len(messages)
    kinds = {"string": pa.string(), "double": pa.float64(), "bigint": pa.int64()}
    columns = {
        "topic": pa.array([REFERENCE.name] * count),
        "partition": pa.array([0] * count, pa.int32()),
        "offset": pa.array(range(count), pa.int64()),
        "value": pa.array([encode(message) for message in messages]),
    }
    for field in hot_schema().fields:
        kind = kinds[field.dataType.simpleString()]
        columns[field.name] = pa.nulls(count, kind)
    return pa.table(columns)


def stages_of_one_batch() -> StageTimes:
    clock, kept = SteppingClock(wall_ns=WALL_NS), Kept()
    latest = MemoryLatest(lambda: 0)
    durable = DurableWriter(kept, latest, kept, clock=clock)
    book = Book(dict.fromkeys(Feed().names, 0))
    batch = MicroBatch(
        book, latest, durable, clock=clock, fence=1, published={}, alerts=LimitAlerts()
    )
    batch.run(lambda: arrow(portfolio("P", holding("cash:USD", 10.0))))
    durable.wait()
    durable.close()
    [snapshot] = kept.commits[0].snapshots
    return snapshot.stages


def test_every_stage_is_stamped_by_one_clock_in_order() -> None:
    stages = stages_of_one_batch()
    stamps = [
        stages.batch_started_ns,
        stages.read_ns,
        stages.folded_ns,
        stages.valued_ns,
    ]
    assert stamps == sorted(set(stamps))
    assert stamps[0] > 0
    assert stamps[-1] - stamps[0] < 100 * STEP_NS
