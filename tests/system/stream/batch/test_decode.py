"""A batch is bounded in bytes: long values are fetched alone, and cut it into pieces."""

from __future__ import annotations

import datetime as dt
import hashlib
import tracemalloc

import msgspec
import pyarrow as pa
import pytest

from system.book.book import Book
from system.book.ingest.fold import Fold
from system.contracts.codec import encode
from system.contracts.digests import record_digest
from system.contracts.kept_values import MAX_KEPT_BYTES
from system.contracts.messages import Portfolio, RejectReason
from system.stream.batch.decode import PIECE_BYTES, batch_pieces, last_records
from system.stream.spark.fetched_rows import EMPTY
from system.stream.spark.query import INLINE_BYTES
from tests.system.book.feed import Feed, holding, instrument, mark, portfolio

APPENDED = dt.datetime(2020, 2, 3, 15, tzinfo=dt.UTC)
APPENDED_MS = int(APPENDED.timestamp() * 1_000)
PLACES = Feed().names


class Topics:
    """Records in memory, read as the query does: cut, and whole where they are asked for."""

    def __init__(self) -> None:
        self.whole: dict[tuple[str, int, int], bytes | None] = {}
        self.fetched: list[tuple[str, int, int]] = []
        self._rows: list[tuple[str, int, int, bytes | None, dt.datetime]] = []

    def add(self, topic: str, value: bytes | None, partition: int = 0) -> None:
        offset = sum(at[:2] == (topic, partition) for at in self.whole)
        self.whole[topic, partition, offset] = value
        cut = None if value is None else value[: INLINE_BYTES + 1]
        self._rows.append((topic, partition, offset, cut, APPENDED))

    def fetch(self, topic: str, partition: int, offset: int) -> bytes | None:
        self.fetched.append((topic, partition, offset))
        return self.whole[topic, partition, offset]

    def table(self) -> pa.Table:
        columns = list(zip(*self._rows, strict=True))
        return pa.table(
            [
                pa.array(column, field.type)
                for column, field in zip(columns, EMPTY.schema, strict=True)
            ],
            EMPTY.schema,
        )

    def folds(self) -> list[Fold]:
        book = Book(dict.fromkeys(PLACES, 0))
        return [
            book.fold(events, fence=1, epoch=epoch)
            for epoch, events in enumerate(batch_pieces(self.table(), self.fetch))
        ]


def large_book(position_count: int = 200) -> Portfolio:
    return portfolio("P", *(holding(f"cash:{a}{b}D", 1.0) for a, b in _letters(position_count)))


def _letters(count: int) -> list[tuple[str, str]]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [(first, second) for first in letters for second in letters][:count]


def test_short_values_are_one_piece_and_nothing_is_fetched() -> None:
    topics = Topics()
    topics.add("reference", encode(instrument("A")))
    topics.add("trades", None)
    topics.add("trades", b"x" * INLINE_BYTES)
    [events] = batch_pieces(topics.table(), topics.fetch)
    assert topics.fetched == []
    assert {place: len(found) for place, found in events.items()} == {
        "reference:0": 1,
        "trades:0": 2,
    }
    assert list(batch_pieces(EMPTY)) == [{}]


def test_a_long_value_is_fetched_whole_and_means_what_it_says() -> None:
    topics = Topics()
    book = large_book()
    assert len(encode(book)) > 4 * INLINE_BYTES
    topics.add("reference", encode(book))
    topics.add("reference", encode(instrument("A")))
    [fold] = topics.folds()
    assert topics.fetched == [("reference", 0, 0)]
    assert [snapshot.portfolio for snapshot in fold.snapshots] == ["P"]
    assert fold.offsets["reference:0"] == 2
    assert fold.rejected == ()


@pytest.mark.parametrize(
    "value", [bytes(1_000_000), b"\xff" * 5_000, b"[" * 100_000, b"1" * 2_000_000]
)
def test_a_long_value_that_is_no_message_is_kept_cut_with_its_size_and_digest(value) -> None:
    topics = Topics()
    topics.add("trades", value)
    [fold] = topics.folds()
    [kept] = fold.rejected
    assert (kept.topic, kept.offset, kept.size_bytes) == ("trades", 0, len(value))
    assert kept.sha256 == hashlib.sha256(value).hexdigest()
    assert len(msgspec.json.encode(kept.value)) <= MAX_KEPT_BYTES + 2


def test_megabytes_of_nul_are_taken_in_pieces_and_never_held_together() -> None:
    count = 60
    topics = Topics()
    for _ in range(count):
        topics.add("trades", bytes(1_000_000))
    table = topics.table()
    book, kept, pieces = Book(dict.fromkeys(PLACES, 0)), 0, 0
    tracemalloc.start()
    for pieces, events in enumerate(batch_pieces(table, lambda *_: bytes(1_000_000)), start=1):
        kept += len(book.fold(events, fence=1, epoch=pieces).rejected)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept == count
    assert pieces == count * 1_000_000 // PIECE_BYTES + 1
    assert peak < 10_000_000


def test_pieces_take_reference_data_first_and_each_partition_in_its_order() -> None:
    topics = Topics()
    topics.add("trades", bytes(900_000))
    for number in range(40):
        topics.add("reference", encode(instrument(f"I{number}")) + b" " * 900_000)
    topics.add("trades", encode(mark()))
    pieces = list(batch_pieces(topics.table(), topics.fetch))
    assert len(pieces) == 3
    assert [list(piece) for piece in pieces] == [
        ["reference:0"],
        ["reference:0"],
        ["reference:0", "trades:0"],
    ]
    offsets = [event.offset for piece in pieces for event in piece["reference:0"]]
    assert offsets == list(range(40))


def test_a_long_value_that_the_topic_no_longer_has_is_kept_by_its_beginning() -> None:
    topics = Topics()
    topics.add("reference", encode(large_book()))
    [events] = batch_pieces(topics.table(), lambda *_: None)
    fold = Book(dict.fromkeys(PLACES, 0)).fold(events, fence=1, epoch=0)
    [kept] = fold.rejected
    assert kept.reason is RejectReason.INVALID
    assert "no longer on the topic" in kept.detail
    assert kept.value.startswith('{"type":"portfolio"')
    assert (kept.size_bytes, kept.sha256) == (0, "")


def test_the_digest_of_a_long_last_record_is_that_of_its_whole_value() -> None:
    topics = Topics()
    value = encode(large_book())
    topics.add("reference", value)
    book = Book(dict.fromkeys(PLACES, 0))
    [events] = batch_pieces(topics.table(), topics.fetch)
    book.fold(events, fence=1, epoch=0)
    last = last_records(book.last_applied)["reference:0"]
    assert last.digest == record_digest(value, APPENDED_MS)
