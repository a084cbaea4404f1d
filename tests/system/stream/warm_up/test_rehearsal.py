"""The made-up market of a warm-up: every book has a risk, and nothing is rejected."""

from __future__ import annotations

import pyarrow as pa

from system.book.book import Book
from system.contracts.codec import encode
from system.contracts.topics import WARM_UP
from system.stream.batch.decode import batch_events, last_records
from system.stream.spark.fetched_rows import EMPTY
from system.stream.warm_up.rehearsal import (
    BOOKS,
    NAMES,
    REFERENCE_PLACE,
    as_market_data,
    opening,
    round_of_ticks,
)


def rows_of_round(number: int) -> pa.Table:
    """Return a round of ticks as it comes from the private topic."""
    ticks = round_of_ticks(number)
    return pa.table(
        {
            "topic": [WARM_UP.name] * len(ticks),
            "partition": pa.array([0] * len(ticks), pa.int32()),
            "offset": pa.array(range(number * len(ticks), (number + 1) * len(ticks)), pa.int64()),
            "value": pa.array(list(map(encode, ticks)), pa.binary()),
            "timestamp": pa.array([0] * len(ticks), pa.timestamp("us", "UTC")),
        }
    )


def test_every_batch_values_every_book_and_rejects_nothing() -> None:
    book = Book({REFERENCE_PLACE: 0, "market_data:0": 0, "market_data:1": 0})
    opened = book.fold({REFERENCE_PLACE: list(opening())}, fence=1, epoch=0)
    assert opened.rejected == ()
    numbers = set()
    for number in range(20):
        events = batch_events(as_market_data(rows_of_round(number)))
        assert list(events) == ["market_data:0"]
        fold = book.fold(events, fence=1, epoch=number + 1)
        assert fold.rejected == ()
        assert sorted(snapshot.portfolio for snapshot in fold.snapshots) == sorted(BOOKS)
        assert all(
            snapshot.var is not None and snapshot.missing == () for snapshot in fold.snapshots
        )
        assert all(snapshot.suspect_ticks == () for snapshot in fold.snapshots)
        numbers.add(fold.snapshots[0].nav)
    assert len(numbers) == 20, "prices move: nothing of the work is saved by a number that stays"


def test_the_last_records_of_its_partitions_can_be_kept_as_a_commit_keeps_them() -> None:
    book = Book({REFERENCE_PLACE: 0, "market_data:0": 0})
    book.fold({REFERENCE_PLACE: list(opening())}, fence=1, epoch=0)
    assert list(last_records(book.last_applied)) == [REFERENCE_PLACE]
    book.fold(batch_events(as_market_data(rows_of_round(0))), fence=1, epoch=1)
    assert "market_data:0" in last_records(book.last_applied)


def test_an_empty_batch_stays_empty() -> None:
    assert batch_events(as_market_data(EMPTY)) == {}
    assert len(NAMES) == len(round_of_ticks(0))
