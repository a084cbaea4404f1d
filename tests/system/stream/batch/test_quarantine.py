"""A record that ends the driver is found, set aside and passed; all others are applied, once."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from system.book.book import Book
from system.book.ingest.fold import Fold
from system.book.state.rows import update_rows
from system.bus.consumer import Record
from system.contracts.codec import encode
from system.contracts.messages import Message, Rejected, RejectReason
from system.errors import UnavailableError
from system.stream.batch.decode import Events, RecordedValues, quarantined_event, record_event
from system.stream.batch.quarantine import (
    ENDED_DRIVERS,
    FATAL_DEATHS,
    GROUP_RECORDS,
    Attempt,
    Attempts,
    Salvage,
    Step,
    next_attempt,
)
from tests.system.book.feed import Feed, holding, instrument, mark, portfolio, trade

PLACES = Feed().names
REACH = 1_000


class Killed(BaseException):
    """Stands for SIGKILL: nobody catches it, and nothing more is written down."""


class World:
    """Topics, a committed state, and drivers that begin on them one after the other."""

    def __init__(self, *, kills: tuple[int, ...] = (), raises: tuple[int, ...] = ()) -> None:
        self.kills, self.raises = set(kills), set(raises)
        self.records: dict[str, list[Record]] = {name: [] for name in PLACES}
        self.rows: dict[str, bytes] = {}
        self.committed = dict.fromkeys(PLACES, 0)
        self.rejected: list[Rejected] = []
        self.attempt_text: str | None = None
        self.reads: list[int] = []
        self.fails_to_commit: set[int] = set()
        self.is_away = False

    def add(self, place: str, *messages: Message) -> None:
        topic, _, number = place.rpartition(":")
        for message in messages:
            offset = len(self.records[place])
            self.records[place].append(
                Record(topic, int(number), offset, b"", encode(message), 1_000 + offset)
            )

    @property
    def ends(self) -> dict[str, int]:
        return {place: len(records) for place, records in self.records.items()}

    # -- what a driver is made of ---------------------------------------------------------

    def attempt(self) -> str | None:
        return self.attempt_text

    def keep_attempt(self, attempt: str | None, *, fence: int) -> None:
        assert fence == 1
        self.attempt_text = attempt

    def fetch(self, topic: str, partition: int, offset: int) -> Record | None:
        if topic == "trades":
            self.reads.append(offset)
            if offset in self.kills:
                raise Killed
        return self.records[f"{topic}:{partition}"][offset]

    def open_batch(self) -> FoldedBatch:
        return FoldedBatch(self)

    def run_driver(self) -> None:
        """Let one driver begin, and read the whole of its range."""
        attempts = Attempts(self, fence=1)
        with attempts.under_way():
            attempt = attempts.begin(self.committed, self.ends, reach=REACH)
            if attempt.is_salvage:
                Salvage(attempt, attempts.keep, self.fetch, self.open_batch).run()
                return
            batch = self.open_batch()
            events: Events = {}
            for place, records in self.records.items():
                topic, _, number = place.rpartition(":")
                fetched = [
                    self.fetch(topic, int(number), record.offset)
                    for record in records[self.committed[place] :]
                ]

                events[place] = [record_event(record) for record in fetched if record is not None]
            batch.take(events)
            batch.await_durable()

    def deaths(self, *, at_most: int = 10) -> int:
        """Return how many drivers end before one lives."""
        for count in range(at_most):
            try:
                self.run_driver()
            except (Killed, ZeroDivisionError, UnavailableError, OSError):
                continue
            return count
        raise AssertionError(f"{at_most} drivers ended")


class FoldedBatch:
    """A batch whose fold raises on some trades, and whose commit keeps it in the world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._book = Book(world.committed, world.rows)
        self._fold: Fold | None = None
        self._epoch = 0

    @property
    def offsets(self) -> Mapping[str, int]:
        return self._book.offsets

    def take(self, events: Events) -> None:
        if self._world.is_away:
            raise UnavailableError("nobody answers")
        for event in events.get("trades:0", []):
            is_set_aside = getattr(event.payload, "reason", "") is RejectReason.QUARANTINED
            if event.offset in self._world.raises and not is_set_aside:
                raise ZeroDivisionError("float division by zero")
        self._epoch += 1
        self._fold = self._book.fold(events, fence=1, epoch=self._epoch)

    def await_durable(self) -> None:
        fold, self._fold = self._fold, None
        assert fold is not None
        world = self._world
        if any(
            world.committed["trades:0"] <= offset < fold.offsets["trades:0"]
            and not any(rejection.offset == offset for rejection in fold.rejected)
            for offset in world.fails_to_commit
        ):
            raise OSError("the server does not take this row")
        world.committed = dict(fold.offsets)
        update_rows(world.rows, fold.state)
        world.rejected += fold.rejected


def world_of(count: int, **faults: tuple[int, ...]) -> World:
    world = World(**faults)
    world.add("reference:0", instrument("A"), portfolio("P", holding("A", 1.0)))
    world.add("trades:0", *(trade(f"t{at}", "A", 1.0, 100.0 + at) for at in range(count)))
    return world


def assert_all_but_these_are_applied(world: World, count: int, *aside: int) -> None:
    assert world.committed == world.ends
    applied = {key for key in world.rows if key.startswith("trade:")}
    assert applied == {f"trade:t{at}" for at in range(count) if at not in aside}
    assert sorted(rejection.offset for rejection in world.rejected) == sorted(aside)
    assert {rejection.reason for rejection in world.rejected} <= {RejectReason.QUARANTINED}


def test_a_range_without_a_fault_is_read_by_the_first_driver() -> None:
    world = world_of(5)
    assert world.deaths() == 0
    assert_all_but_these_are_applied(world, 5)
    assert world.attempt() is None


@pytest.mark.parametrize("killer", [0, 1, 300, 599])
def test_a_record_whose_fold_raises_is_set_aside_by_the_third_driver(killer) -> None:
    world = world_of(600, raises=(killer,))
    assert world.deaths() == ENDED_DRIVERS
    assert_all_but_these_are_applied(world, 600, killer)
    [kept] = world.rejected
    assert "ZeroDivisionError: float division by zero" in kept.detail
    assert "test_quarantine.py" in kept.detail
    assert f'"trade_id":"t{killer}"' in kept.value
    assert kept.size_bytes == len(world.records["trades:0"][killer].value)


def test_several_records_that_raise_are_each_set_aside() -> None:
    world = world_of(40, raises=(3, 4, 39))
    assert world.deaths() == ENDED_DRIVERS
    assert_all_but_these_are_applied(world, 40, 3, 4, 39)


@pytest.mark.parametrize("killer", [0, 300, 599])
def test_a_record_that_kills_its_reader_is_set_aside_unread(killer) -> None:
    world = world_of(600, kills=(killer,))
    assert world.deaths() == ENDED_DRIVERS + 1 + FATAL_DEATHS
    assert_all_but_these_are_applied(world, 600, killer)
    [kept] = world.rejected
    assert "it is not read" in kept.detail
    assert (kept.value, kept.size_bytes) == ("", 0)


def test_a_suspect_is_taken_alone_also_where_what_is_before_it_is_read_again() -> None:
    world = world_of(20, kills=(7,))
    step = Step(place="trades:0", first=7, count=1, deaths=FATAL_DEATHS - 1)
    attempt = Attempt(offsets=world.committed, until=world.ends, drivers=4, step=step)
    world.attempt_text = msgspec.json.encode(attempt).decode()
    assert world.deaths() == 0
    assert_all_but_these_are_applied(world, 20, 7)


def test_two_records_that_kill_are_both_set_aside() -> None:
    world = world_of(20, kills=(5, 12))
    world.deaths(at_most=20)
    assert_all_but_these_are_applied(world, 20, 5, 12)


def test_a_record_that_cannot_be_committed_is_set_aside() -> None:
    world = world_of(20)
    world.fails_to_commit = {7}
    world.deaths()
    assert_all_but_these_are_applied(world, 20, 7)
    assert "the server does not take this row" in world.rejected[0].detail


def test_a_server_that_is_away_is_never_the_fault_of_a_record() -> None:
    world = world_of(20)
    world.is_away = True
    with pytest.raises(AssertionError, match="12 drivers ended"):
        world.deaths(at_most=12)
    world.is_away = False
    assert world.deaths() == 0
    assert_all_but_these_are_applied(world, 20)


def test_a_server_that_goes_away_while_records_are_narrowed_down_changes_no_verdict() -> None:
    world = world_of(20, kills=(5,))
    for _ in range(ENDED_DRIVERS + 1):
        with pytest.raises(Killed):
            world.run_driver()
    world.is_away = True
    for _ in range(5):
        with pytest.raises(UnavailableError):
            world.run_driver()
    world.is_away = False
    world.deaths()
    assert_all_but_these_are_applied(world, 20, 5)


def test_drivers_that_are_killed_while_nothing_waits_set_nothing_aside() -> None:
    world = world_of(5)
    world.deaths()
    for _ in range(5):
        attempts = Attempts(world, fence=1)
        attempts.begin(world.committed, world.ends, reach=REACH)  # and SIGKILL
    world.add("trades:0", trade("t5", "A", 1.0, 1.0))
    assert world.deaths() == 0
    assert_all_but_these_are_applied(world, 6)


def test_a_record_that_came_after_its_first_driver_began_is_found_too() -> None:
    world = world_of(5)
    world.deaths()
    Attempts(world, fence=1).begin(world.committed, world.ends, reach=REACH)  # and SIGKILL
    world.add("trades:0", trade("t5", "A", 1.0, 1.0), trade("t6", "A", 1.0, 1.0))
    world.raises = {5}
    assert world.deaths() <= ENDED_DRIVERS
    assert_all_but_these_are_applied(world, 7, 5)


def test_what_waits_behind_a_mark_is_read_again_when_the_state_is_opened_anew() -> None:
    world = world_of(3)
    world.add("reference:0", mark(0))
    world.add("reference:0", instrument("B"))
    world.raises = {2}
    assert world.deaths() == ENDED_DRIVERS
    assert world.committed["reference:0"] == 2, "the mark waits for the other partitions"
    assert [rejection.offset for rejection in world.rejected] == [2]
    for place in PLACES:
        if place != "reference:0":
            world.add(place, mark(0))
    world.raises = set()
    assert world.deaths() == 0
    assert world.committed == world.ends
    assert "instrument:B" in world.rows


def test_a_commit_starts_the_count_anew() -> None:
    ends = dict.fromkeys(PLACES, 9)
    first = next_attempt(None, dict.fromkeys(PLACES, 0), ends, reach=5)
    assert (first.drivers, first.until) == (1, dict.fromkeys(PLACES, 5))
    second = next_attempt(first, dict.fromkeys(PLACES, 0), ends, reach=5)
    third = next_attempt(second, dict.fromkeys(PLACES, 0), ends, reach=5)
    assert (second.is_salvage, third.is_salvage) == (False, True)
    assert next_attempt(second, dict.fromkeys(PLACES, 1), ends, reach=5).drivers == 1


def test_an_attempt_of_another_version_is_none() -> None:
    world = world_of(1)
    world.attempt_text = '{"something": "else"}'
    assert world.deaths() == 0


def test_a_step_is_written_down_before_it_is_read() -> None:
    world = world_of(2 * GROUP_RECORDS, kills=(0,))
    for _ in range(ENDED_DRIVERS + 1):
        with pytest.raises(Killed):
            world.run_driver()
    assert world.attempt_text is not None
    attempt = msgspec.json.decode(world.attempt_text, type=Attempt)
    assert attempt.step == Step(place="trades:0", first=0, count=GROUP_RECORDS)
    world.reads.clear()
    with pytest.raises(Killed):
        world.run_driver()
    assert world.reads == [0]


def test_what_is_set_aside_unread_leaves_no_digest_to_compare_with() -> None:
    event = quarantined_event(3, "why", None)
    assert not isinstance(event.values, RecordedValues)
