"""Marks that came to some partitions only: two implementations, however records are read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.book import Book
from system.book.ingest.partitions import DEFAULT_MARK_WAIT_MS
from system.book.state.events import Event, Unreadable
from system.bus.consumer import Record
from system.contracts.codec import encode
from system.contracts.kept_values import KeptValue
from system.contracts.messages import Mark, RejectReason
from system.settings import Settings
from validation.checkers.ledger import Outcome
from validation.rules.marks import MARK_WAIT_MS, MarkWalk, incomplete_marks
from validation.rules.rulings import rulings_of
from validation.run.judge import mark_places

DAY = dt.date(2020, 2, 3)
NOON_NS = int(dt.datetime(2020, 2, 3, 12, tzinfo=dt.UTC).timestamp()) * 10**9
DAY_NS = 86_400 * 10**9
PLACES = (("reference", 0), ("market_data", 0), ("market_data", 1), ("trades", 0))
WAIT_MS = 100


def mark(day: int = 0, *, days_off: int = 0) -> Mark:
    time_ns = NOON_NS + (day + days_off) * DAY_NS
    return Mark(date=DAY + dt.timedelta(days=day), event_time_ns=time_ns)


def lane(place: tuple[str, int], *lines: tuple[int, Mark | bytes]) -> list[Record]:
    """Return a partition: the broker's time and the message of each record."""
    return [
        Record(*place, offset, b"", value if isinstance(value, bytes) else encode(value), at_ms)
        for offset, (at_ms, value) in enumerate(lines)
    ]


OTHER = b"garbage"


def test_the_bound_is_the_products_default() -> None:
    wait_s = Settings.model_fields["mark_wait_seconds"].default
    assert MARK_WAIT_MS == DEFAULT_MARK_WAIT_MS == wait_s * 1_000


@pytest.mark.parametrize(("late_ms", "rejected"), [(WAIT_MS, set()), (WAIT_MS + 1, {0, 1, 3})])
def test_one_partition_that_went_on_makes_the_mark_incomplete_in_all(
    late_ms: int, rejected: set[int]
) -> None:
    records = [
        *lane(PLACES[0], (0, mark())),
        *lane(PLACES[1], (0, mark()), (late_ms, OTHER)),
        *lane(PLACES[2], (late_ms, OTHER)),
        *lane(PLACES[3], (0, mark())),
    ]
    wanted = {(*PLACES[index], 0) for index in rejected}
    assert incomplete_marks(records, wait_ms=WAIT_MS) == wanted


def test_a_closed_day_is_not_looked_at_again() -> None:
    records = [
        record
        for place in PLACES
        for record in lane(place, (0, mark()), (10_000, OTHER), (10_000, mark()))
    ]
    assert incomplete_marks(records, wait_ms=WAIT_MS) == set()


def test_a_mark_that_is_no_time_of_its_day_is_no_mark() -> None:
    records = [
        *lane(PLACES[1], (0, mark(days_off=9))),
        *(record for place in PLACES[2:] for record in lane(place, (10_000, OTHER))),
    ]
    assert incomplete_marks(records, wait_ms=WAIT_MS) == set()


def test_escaped_spellings_of_a_mark_are_marks() -> None:
    escaped = encode(mark()).replace(b'"mark"', b'"m\\u0061rk"')
    records = [*lane(PLACES[1], (0, escaped)), *lane(PLACES[2], (WAIT_MS + 1, OTHER))]
    assert incomplete_marks(records, wait_ms=WAIT_MS) == {(*PLACES[1], 0)}


def test_the_places_of_a_day_are_those_of_its_complete_marks() -> None:
    records = [
        *lane(PLACES[1], (0, mark()), (MARK_WAIT_MS + 2, mark())),
        *(
            record
            for place in (PLACES[0], *PLACES[2:])
            for record in lane(place, (MARK_WAIT_MS + 1, OTHER), (MARK_WAIT_MS + 2, mark()))
        ),
    ]
    assert mark_places(records) == {DAY: {f"{topic}:{index}": 1 for topic, index in PLACES}}


lines = st.lists(
    st.tuples(
        st.integers(-30, 90),
        st.sampled_from([OTHER, OTHER, OTHER, mark(0), mark(1), mark(2), mark(1, days_off=9)]),
    ),
    max_size=9,
)


@st.composite
def topics(draw: st.DrawFn) -> list[list[Record]]:
    """Partitions whose times go on by up to 90 ms from record to record, and now and then back."""
    verdicts = []
    for place in PLACES:
        at_ms, timed = 1_000, []
        for gap_ms, message in draw(lines):
            at_ms += gap_ms
            timed.append((at_ms, message))
        verdicts.append(lane(place, *timed))
    return verdicts


def interleaved(lanes: Sequence[Sequence[Record]], turns: Sequence[int]) -> list[Record]:
    """Return all records, each lane in its order; turns say whose is the next."""
    left = [iter(each) for each in lanes]
    drawn = (next(left[turn % len(left)], None) for turn in turns)
    taken = [record for record in drawn if record is not None]
    return [*taken, *(record for each in left for record in each)]


@given(topics(), st.lists(st.integers(0, 3), max_size=40), st.lists(st.integers(1, 9), min_size=1))
@settings(max_examples=300, deadline=None)
def test_fold_and_rules_agree_in_whatever_order_and_pieces_partitions_are_read(
    lanes: list[list[Record]], turns: list[int], sizes: list[int]
) -> None:
    records = interleaved(lanes, turns)
    walk = MarkWalk(PLACES, wait_ms=WAIT_MS)
    for record in records:
        walk.add(record)
    rejected, days = folded(records, sizes)
    assert walk.incomplete == rejected
    assert (rejected, days) == folded([message for each in lanes for message in each], [1_000])
    assert walk.incomplete == set_in_one_piece(lanes)


def set_in_one_piece(lanes: list[list[Record]]) -> set[tuple[str, int, int]]:
    walk = MarkWalk(PLACES, wait_ms=WAIT_MS)
    for each in lanes:
        for record in each:
            walk.add(record)
    return walk.incomplete


def folded(
    records: Sequence[Record], sizes: Sequence[int]
) -> tuple[set[tuple[str, int, int]], dict[str, int]]:
    """Return the incomplete marks of a book that restarts between batches, and where it ends."""
    names = {f"{topic}:{index}": 0 for topic, index in PLACES}
    rows: dict[str, bytes] = {}
    rejected: set[tuple[str, int, int]] = set()
    left, turn = list(records), 0
    book = Book(names, mark_wait_ms=WAIT_MS)
    while left:
        size = sizes[turn % len(sizes)]
        piece, left = left[:size], left[size:]
        events: dict[str, list[Event]] = {}
        for record in piece:
            events.setdefault(f"{record.topic}:{record.partition}", []).append(event_of(record))
        fold = book.fold(events, fence=1, epoch=turn)
        rows |= fold.state
        rejected |= {
            (rejected.topic, rejected.partition, rejected.offset)
            for rejected in fold.rejected
            if rejected.reason is RejectReason.INCOMPLETE_MARK
        }
        turn += 1
        if turn % 3 == 0:
            book = Book(fold.offsets, rows, mark_wait_ms=WAIT_MS)
            held = [r for r in records if is_held(r, fold.offsets) and r not in left]
            left = [*held, *left]
            sizes = [len(left) + 1]
    return rejected, book.offsets


def is_held(record: Record, offsets: dict[str, int]) -> bool:
    return record.offset >= offsets[f"{record.topic}:{record.partition}"]


def event_of(record: Record) -> Event:
    payload = Unreadable(RejectReason.NOT_JSON, "")
    if record.value != OTHER:
        payload = next(
            message
            for message in (mark(0), mark(1), mark(2), mark(1, days_off=9))
            if encode(message) == record.value
        )
    return Event(
        record.offset, payload, [KeptValue(record.value.decode())], 0, record.appended_at_ms
    )


def test_an_incomplete_mark_is_rejected_and_the_days_own_one_counts() -> None:
    late = MARK_WAIT_MS + 1
    records = [
        *lane(PLACES[1], (0, mark()), (late, mark())),
        *(
            record
            for place in (PLACES[0], *PLACES[2:])
            for record in lane(place, (late, OTHER), (late, mark()))
        ),
    ]
    own = [
        ruling for ruling in rulings_of(records) if (ruling.topic, ruling.partition) == PLACES[1]
    ]
    assert [(ruling.outcome, ruling.reason) for ruling in own] == [
        (Outcome.REJECTED, "incomplete_mark"),
        (Outcome.MARK, ""),
    ]
    early = [replace(record, appended_at_ms=0) for record in records]
    own = [ruling for ruling in rulings_of(early) if (ruling.topic, ruling.partition) == PLACES[1]]
    assert [ruling.outcome for ruling in own] == [Outcome.MARK, Outcome.DUPLICATE]
