"""One micro-batch without Spark or servers: what is stamped, and in what order."""

from __future__ import annotations

import msgspec

from system.book.book import Book
from system.book.valuation.limits import LimitAlerts
from system.clock import ManualClock
from system.contracts.codec import encode
from system.contracts.digests import record_digest
from system.contracts.limits import Limit, LimitLevel, LimitMeasure
from system.contracts.messages import Mark, Message, StageTimes
from system.store.records import BatchCommit, LastRecord
from system.store.redis.latest_fake import MemoryLatest
from system.stream.batch.durable import DurableWriter
from system.stream.batch.micro_batch import MicroBatch
from tests.system.book.feed import DAY, Feed, at_ns, holding, mark, portfolio
from tests.system.stream.tables import APPENDED_AT_MS, reference_table

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

    def send(self, message: Message) -> None:
        pass

    def flush(self) -> None:
        pass


def one_batch(alerts: LimitAlerts) -> BatchCommit:
    definition = msgspec.structs.replace(
        portfolio("P", holding("cash:USD", 10.0)),
        limits=(Limit(measure=LimitMeasure.GROSS, warning=0.5, breach=1.0),),
    )
    return committed(alerts, definition)


def committed(alerts: LimitAlerts, *messages: Message) -> BatchCommit:
    clock, kept = SteppingClock(wall_ns=WALL_NS), Kept()
    latest = MemoryLatest(lambda: 0)
    durable = DurableWriter(kept, latest, kept)
    book = Book(dict.fromkeys(Feed().names, 0))
    batch = MicroBatch(book, latest, durable, clock=clock, fence=1, published={}, alerts=alerts)
    batch.run(lambda: reference_table(*messages))
    durable.wait()
    durable.close()
    return kept.commits[0]


def test_a_batch_has_read_what_lies_before_its_last_message_and_no_more() -> None:
    clock, kept = SteppingClock(wall_ns=WALL_NS), Kept()
    latest = MemoryLatest(lambda: 0)
    durable = DurableWriter(kept, latest, kept)
    book = Book(dict.fromkeys(Feed().names, 0))
    batch = MicroBatch(
        book, latest, durable, clock=clock, fence=1, published={}, alerts=LimitAlerts()
    )
    assert batch.has_read({}, {})
    assert not batch.has_read({"reference:0": 1}, {})
    batch.run(lambda: reference_table(portfolio("P", holding("cash:USD", 10.0))))
    durable.wait()
    durable.close()
    assert batch.has_read({"reference:0": 1}, {})
    assert not batch.has_read({"reference:0": 2}, {})
    assert batch.covered({})["reference:0"] == 1


def test_offsets_without_a_record_are_read_once_the_query_has_passed_them() -> None:
    """Retention and transaction markers leave offsets that no batch ever sees."""
    batch, _ = quiet_batch()
    assert not batch.has_read({"trades:0": 40}, {"trades:0": 39})
    assert batch.has_read({"trades:0": 40}, {"trades:0": 40})
    assert batch.covered({"trades:0": 40})["trades:0"] == 40


def test_what_waits_for_a_mark_is_not_covered_however_far_the_query_is() -> None:
    batch, durable = quiet_batch()
    batch.run(lambda: reference_table(mark(0)))
    durable.wait()
    assert batch.has_read({"reference:0": 1}, {})
    assert batch.covered({"reference:0": 1, "trades:0": 7}) | {"market_data:0": 0} == {
        **dict.fromkeys(Feed().names, 0),
        "trades:0": 7,
    }


def quiet_batch() -> tuple[MicroBatch, DurableWriter]:
    kept = Kept()
    latest = MemoryLatest(lambda: 0)
    durable = DurableWriter(kept, latest, kept)
    book = Book(dict.fromkeys(Feed().names, 0))
    clock = SteppingClock(wall_ns=WALL_NS)
    batch = MicroBatch(
        book, latest, durable, clock=clock, fence=1, published={}, alerts=LimitAlerts()
    )
    return batch, durable


def test_a_batch_names_the_last_record_that_the_state_contains() -> None:
    commit = one_batch(LimitAlerts())
    definition = msgspec.structs.replace(
        portfolio("P", holding("cash:USD", 10.0)),
        limits=(Limit(measure=LimitMeasure.GROSS, warning=0.5, breach=1.0),),
    )
    digest = record_digest(encode(definition), APPENDED_AT_MS)
    assert commit.last_records == {"reference:0": LastRecord(digest, APPENDED_AT_MS)}


def test_what_waits_at_the_barrier_is_not_the_last_record_of_the_state() -> None:
    end = Mark(date=DAY, event_time_ns=at_ns())
    commit = committed(LimitAlerts(), portfolio("P", holding("cash:USD", 10.0)), end)
    assert commit.offsets["reference:0"] == 1
    digest = record_digest(encode(portfolio("P", holding("cash:USD", 10.0))), APPENDED_AT_MS)
    assert commit.last_records["reference:0"].digest == digest


def stages_of_one_batch() -> StageTimes:
    [snapshot] = one_batch(LimitAlerts()).snapshots
    return snapshot.stages


def test_what_is_raised_goes_out_with_the_snapshot_and_into_its_transaction() -> None:
    raised = {("P", LimitMeasure.GROSS): LimitLevel.BREACH}
    commit = one_batch(LimitAlerts(raised))
    [snapshot] = commit.snapshots
    levels = {use.measure: use.raised for use in snapshot.limits}
    assert levels[LimitMeasure.GROSS] is LimitLevel.OK
    [event] = commit.limit_events
    assert (event.before, event.after) == (LimitLevel.BREACH, LimitLevel.OK)
    assert event.snapshot_id == snapshot.snapshot_id


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
