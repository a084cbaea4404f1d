"""Following the stream: ends of day all, live snapshots at a rate, each portfolio in its turn."""

from __future__ import annotations

import msgspec
import pytest

from system.bus.consumer import Record
from system.clock import ManualClock
from system.contracts.codec import encode
from system.contracts.messages import SnapshotKind
from system.contracts.oracle import OracleStatus, OracleVerdict
from system.store.errors import StoreUnavailableError
from tests.system.book.feed import holding, portfolio, tick
from tests.validation.oracle.recorded import MemoryReader, announced, opened_and_recorded
from validation.oracle.following import (
    MAX_PORTFOLIOS_SHOWN,
    REST_PER_WORK,
    SAMPLES_PER_S,
    LiveOracle,
    Tally,
)


def followed(
    records: list, snapshots: list, clock: ManualClock | None = None
) -> tuple[LiveOracle, list[OracleStatus]]:
    told: list[OracleStatus] = []
    clock = clock or ManualClock()
    oracle = LiveOracle(
        MemoryReader(records), MemoryReader(announced(snapshots), 1_000), told.append, clock
    )
    return oracle, told


def test_every_end_of_day_and_one_live_snapshot_are_checked_at_once() -> None:
    feed = opened_and_recorded()
    for day in range(3):
        feed.send(tick("A", 101.0 + day, day=day))
        feed.close(day, tick("B", 90.0 + day, day=day))
    oracle, told = followed(feed.records, feed.announced)
    oracle.step(0.0)
    ends = feed.ends_of_day()
    assert len(ends) == 3
    status = oracle.tally.status
    assert (status.checked, status.agreed) == (4, 4)
    assert status.worst_difference is not None
    assert status.worst_difference < 1e-12
    assert told[-1].verdict in {OracleVerdict.AGREED, OracleVerdict.UNCHECKED}


def test_live_snapshots_are_sampled_at_the_stated_rate_and_in_turn() -> None:
    feed = opened_and_recorded()
    feed.send(portfolio("Q", holding("A", 1.0)))
    clock, snapshots = ManualClock(), MemoryReader([], 1_000)
    oracle = LiveOracle(MemoryReader(feed.records), snapshots, lambda status: None, clock)
    inputs_read = len(feed.records)
    seen = []
    for second in range(4):
        before = len(feed.announced)
        feed.send(tick("A", 100.0 + second, hour=15.0 + second / 10))
        oracle._inputs.add(feed.records[inputs_read:])
        inputs_read = len(feed.records)
        snapshots.add(announced(feed.announced[before:]))
        oracle.step(0.0)
        oracle.step(0.0)
        seen.append(set(oracle.tally.status.newest))
        clock.sleep(1.0 / SAMPLES_PER_S)
    assert oracle.tally.status.checked == 4
    assert seen[1] == {"P", "Q"}


def test_a_book_that_takes_long_to_recompute_is_looked_at_less_often() -> None:
    feed = opened_and_recorded()
    begun = len(feed.announced)
    for second in range(60):
        feed.send(tick("A", 100.0 + second, hour=15.0 + second / 100))

    class Slow(ManualClock):
        """Each look at it costs 0.4 s: a check takes at least as long."""

        def monotonic_ns(self) -> int:
            self.advance_ns(400_000_000)
            return super().monotonic_ns()

    clock, snapshots = Slow(), MemoryReader([], 1_000)
    oracle = LiveOracle(MemoryReader(feed.records, 1_000), snapshots, lambda status: None, clock)
    began_ns = clock.monotonic_ns()
    for snapshot in feed.announced[begun:]:
        snapshots.add(announced([snapshot]))
        oracle.step(0.0)
    seconds = (clock.monotonic_ns() - began_ns) / 1e9
    assert 0.4 * (1 + REST_PER_WORK) * oracle.tally.status.checked <= seconds + 4.0
    assert oracle.tally.status.checked > 3


def test_a_defect_turns_it_red_and_it_stays_red() -> None:
    feed = opened_and_recorded()
    feed.close(0, tick("A", 101.0))
    feed.close(1, tick("A", 102.0, day=1))
    first, second = feed.ends_of_day()
    wrong = msgspec.structs.replace(first, var=first.var * 1.001)
    oracle, told = followed(feed.records, [wrong, second], ManualClock(wall_ns=10**15))
    oracle.step(0.0)
    status = oracle.tally.status
    assert (status.checked, status.agreed) == (2, 1)
    assert status.verdict is OracleVerdict.DIFFERS
    assert status.first_difference is not None
    assert status.first_difference.snapshot_id == first.snapshot_id
    assert status.first_difference.checked_at_ms == 10**9
    assert "var" in status.first_difference.detail
    assert told


def test_inputs_that_never_come_are_said_and_nothing_is_counted() -> None:
    feed = opened_and_recorded()
    feed.close(0, tick("A", 101.0))
    missing = feed.records[:-1]

    class Passing(ManualClock):
        def monotonic_ns(self) -> int:
            self.advance_ns(10**9)
            return super().monotonic_ns()

    oracle, _ = followed(missing, feed.announced, Passing())
    oracle.step(0.0)
    assert set(oracle.tally.status.newest) == {"P"}
    assert oracle.tally.status.newest["P"].snapshot_id == feed.announced[0].snapshot_id
    assert "did not come" in oracle.tally.status.problem


def test_what_is_shown_by_portfolio_is_bounded() -> None:
    feed = opened_and_recorded()
    oracle, _ = followed(feed.records, feed.announced)
    oracle.step(0.0)
    [check] = oracle.tally.status.newest.values()
    tally = Tally()
    for number in range(MAX_PORTFOLIOS_SHOWN + 5):
        tally.add(msgspec.structs.replace(check, portfolio=f"P{number}"))
    assert len(tally.status.newest) == MAX_PORTFOLIOS_SHOWN
    assert tally.status.checked == MAX_PORTFOLIOS_SHOWN + 5


NO_SNAPSHOTS = {
    "text": b"garbage",
    "nothing, as a tombstone has": b"",
    "bytes that are no text": b"\xff\xfe\x00\x80",
    "NUL bytes": bytes(1_000_000),
    "nested without end": b"[" * 100_000,
    "another message": b'{"type":"tick","ticker":"A"}',
    "a header and no more": b'{"portfolio":"P","kind":"live"}',
    "an end of day and no more": b'{"portfolio":"P","kind":"end_of_day"}',
    "half of a character": b'{"portfolio":"\\ud800","kind":"live"}',
    "a list": b"[1, 2, 3]",
    "null": b"null",
}


@pytest.mark.parametrize("value", NO_SNAPSHOTS.values(), ids=NO_SNAPSHOTS)
def test_a_record_that_is_no_snapshot_is_counted_and_the_next_one_is_checked(value) -> None:
    feed = opened_and_recorded()
    feed.close(0, tick("A", 101.0))
    [end] = feed.ends_of_day()
    garbage = Record("risk_snapshots", 0, 0, b"\xff", value, 0)
    snapshots = MemoryReader([garbage, *announced([end])], 1_000)
    oracle = LiveOracle(MemoryReader(feed.records), snapshots, lambda _: None, ManualClock())
    oracle.step(0.0)
    assert (oracle.tally.status.unreadable, oracle.tally.status.checked) == (1, 1)


@pytest.mark.parametrize(
    "offsets", [{"no topic": 1}, {"": 0}, {"market_data:0": -1}, {"rejected:0": 5}]
)
def test_a_snapshot_of_offsets_that_cannot_be_is_counted_as_none(offsets) -> None:
    feed = opened_and_recorded()
    forged = msgspec.structs.replace(feed.announced[0], offsets=offsets)
    oracle, _ = followed(feed.records, [forged])
    oracle.step(0.0)
    assert (oracle.tally.status.unreadable, oracle.tally.status.checked) == (1, 0)


def test_a_snapshot_that_the_references_break_down_on_is_unknown_and_stops_nothing(
    monkeypatch,
) -> None:
    feed = opened_and_recorded()
    feed.close(0, tick("A", 101.0))
    monkeypatch.setattr("validation.oracle.following.checked", _breaks_down)
    oracle, told = followed(feed.records, feed.announced)
    oracle.step(0.0)
    [check] = oracle.tally.status.newest.values()
    assert check.verdict is OracleVerdict.UNCHECKED
    assert "ZeroDivisionError" in check.detail
    assert oracle.tally.status.checked == 0
    assert told


def _breaks_down(*_: object, **__: object) -> None:
    raise ZeroDivisionError("float division by zero")


def test_the_tally_is_published_while_inputs_are_waited_for() -> None:
    feed = opened_and_recorded()
    ahead = msgspec.structs.replace(feed.announced[0], offsets={"trades:0": 10**9})

    class Passing(ManualClock):
        def monotonic_ns(self) -> int:
            self.advance_ns(10**9)
            return super().monotonic_ns()

    oracle, told = followed(feed.records, [ahead], Passing())
    oracle.step(0.0)
    assert len(told) > 5


def test_reading_ahead_is_bounded_in_bytes(monkeypatch) -> None:
    monkeypatch.setattr("validation.oracle.following.MAX_WAITING_BYTES", 1_000)
    records = [Record("trades", 0, at, b"", bytes(600), 0) for at in range(10)]
    reader = MemoryReader(records, 1)
    oracle = LiveOracle(reader, MemoryReader([]), lambda _: None, ManualClock())
    for _ in range(10):
        oracle.step(0.0)
    assert reader.position == {"trades:0": 2}


class Committed:
    """The history as the oracle asks it: some snapshots, and the batch that is under way."""

    def __init__(self, snapshots: list, under_way: tuple[int, int] | None = None) -> None:
        self.values = {snapshot.snapshot_id: encode(snapshot) for snapshot in snapshots}
        self._under_way = under_way
        self.asked = 0

    def is_stored(self, snapshot_id: str, value: bytes) -> bool:
        self.asked += 1
        return self.values.get(snapshot_id) == value

    def may_come(self, fence: int, epoch: int) -> bool:
        return (fence, epoch) == self._under_way


def beside_a_history(feed, snapshots: list, history, clock: ManualClock | None = None):
    topic = MemoryReader(announced(snapshots), 1_000)
    clock = clock or ManualClock()
    return LiveOracle(MemoryReader(feed.records), topic, lambda _: None, clock, history=history)


def test_a_forged_snapshot_of_the_newest_offsets_moves_nothing_on() -> None:
    feed = opened_and_recorded()
    feed.close(0, tick("A", 101.0))
    feed.close(1, tick("A", 102.0, day=1))
    ends = feed.ends_of_day()
    newest = feed.announced[-1]
    other = msgspec.structs.replace(newest, nav=newest.nav + 1.0, kind=SnapshotKind.END_OF_DAY)
    forged = [
        msgspec.structs.replace(other, snapshot_id="P-77.0", fence=77),
        other,
        msgspec.structs.replace(newest, snapshot_id="made-up", kind=SnapshotKind.END_OF_DAY),
    ]
    oracle = beside_a_history(feed, [*forged, *ends], Committed(feed.announced))
    oracle.step(0.0)
    status = oracle.tally.status
    assert (status.checked, status.agreed, status.not_stored) == (2, 2, 3)
    assert status.verdict is OracleVerdict.AGREED


def test_a_snapshot_that_comes_too_late_is_counted_and_not_passed_over() -> None:
    feed = opened_and_recorded()
    feed.close(0, tick("A", 101.0))
    feed.close(1, tick("A", 102.0, day=1))
    first, second = feed.ends_of_day()
    oracle, _ = followed(feed.records, [second, first])
    oracle.step(0.0)
    status = oracle.tally.status
    assert (status.checked, status.behind) == (1, 1)


def test_a_batch_that_is_announced_and_not_committed_yet_is_waited_for_within_a_bound() -> None:
    feed = opened_and_recorded()
    feed.close(0, tick("A", 101.0))
    [end] = feed.ends_of_day()
    history = Committed([], under_way=(end.fence, end.epoch))

    class Committing(ManualClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if history.asked > 3:
                history.values[end.snapshot_id] = encode(end)

    oracle = beside_a_history(feed, [end], history, Committing())
    oracle.step(0.0)
    assert oracle.tally.status.agreed == 1
    never = beside_a_history(feed, [end], Committed([], (end.fence, end.epoch)))
    never.step(0.0)
    assert (never.tally.status.checked, never.tally.status.not_stored) == (0, 1)


def test_a_silent_history_is_said_and_nothing_is_taken_for_checked() -> None:
    class Silent(Committed):
        def is_stored(self, snapshot_id: str, value: bytes) -> bool:
            raise StoreUnavailableError("PostgreSQL does not answer")

    feed = opened_and_recorded()
    feed.close(0, tick("A", 101.0))
    oracle = beside_a_history(feed, feed.announced, Silent([]))
    oracle.step(0.0)
    status = oracle.tally.status
    assert (status.checked, status.skipped) == (0, len(feed.announced))
    assert "cannot be told from forged ones" in status.problem


def test_live_snapshots_that_are_not_sampled_are_counted() -> None:
    feed = opened_and_recorded()
    for number in range(5):
        feed.send(tick("A", 100.0 + number, hour=15.0 + number / 10))
    oracle, _ = followed(feed.records, feed.announced)
    oracle.step(0.0)
    status = oracle.tally.status
    assert status.checked + status.skipped == len(feed.announced)
