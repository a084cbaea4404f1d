"""Events of a batch's Arrow table, partition by partition in offset order.

A batch is bounded in bytes: Spark's plan carries values of at most ``INLINE_BYTES``, and a longer
one is fetched alone and let go of once it is decoded. What these amount to cuts the batch into
pieces, each folded and committed before the next one is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.compute as pc

from system.book.ingest.partitions import TOPIC_ORDER
from system.book.ingest.payloads import payload_of
from system.book.state.events import Event, Unreadable
from system.bus.consumer import Record
from system.contracts.digests import record_digest
from system.contracts.kept_values import KeptValue, kept_value
from system.contracts.messages import RejectReason
from system.contracts.topics import INPUT_TOPICS, Topic, offset_key
from system.store.records import LastRecord
from system.stream.spark.query import COLUMNS, INLINE_BYTES

PIECE_BYTES: Final = 16_000_000
"""Of long values in one piece of a batch: decoded, JSON takes five to ten times as much memory."""
_TOPICS: Final[dict[str, Topic]] = {topic.name: topic for topic in INPUT_TOPICS}

Events = dict[str, list[Event]]
FetchValue = Callable[[str, int, int], bytes | None]
"""Topic, partition and offset to the whole value; None where the topic no longer has it."""


@runtime_checkable
class RecordedValues(Protocol):
    """Values of records of Kafka: a state remembers the last one below each of its offsets."""

    def last_record(self, row: int, /) -> LastRecord:
        """Return what is kept of a row that is the last of its partition."""
        ...


class MessageBytes:
    """The messages of a batch; as they are kept only where one is asked for.

    Parameters
    ----------
    values : list of bytes or None
        One per row.
    appended : pyarrow.ChunkedArray, optional
        When the broker appended each, as timestamps.
    """

    def __init__(self, values: list[bytes | None], appended: pa.ChunkedArray | None = None) -> None:
        self._values = values
        self._appended = appended

    def __getitem__(self, row: int) -> KeptValue:
        return kept_value(self._values[row] or b"")

    def last_record(self, row: int) -> LastRecord:
        """Return what is kept of a row that is the last of its partition."""
        assert self._appended is not None, "only records of Kafka are kept"
        return _last_record(self._values[row] or b"", self._appended[row].value // 1_000)


class _Row(NamedTuple):
    """One record of a batch, and where its value is among all of them."""

    topic: str
    partition: int
    offset: int
    value: bytes
    appended_at_ms: int
    row: int


def batch_pieces(table: pa.Table, fetch: FetchValue | None = None) -> Iterator[Events]:
    """Yield the events of a batch, piece by piece; one piece unless long values are many.

    Parameters
    ----------
    table : pyarrow.Table
        As `system.stream.spark.query.records` selects.
    fetch : callable, optional
        Returns a value that the table has the beginning of. None: such a message is unreadable.

    Yields
    ------
    dict of str to list of Event
        ``topic:partition`` to its events in offset order, partitions in the order in which a
        batch is applied; at least one piece. What the codec refuses is there too, as
        `Unreadable`; a null value (a tombstone) is empty.

    Raises
    ------
    RiskstreamError
        If a value cannot be fetched.
    """
    longest = pc.max(pc.binary_length(table["value"])).as_py() or 0
    if longest <= INLINE_BYTES:
        yield batch_events(table)
        return
    kept = MessageBytes(table["value"].to_pylist(), table["timestamp"])
    rows = sorted(_rows(table), key=lambda row: (_order(row.topic), row.partition, row.offset))
    piece: defaultdict[str, list[Event]] = defaultdict(list)
    long_bytes = 0
    for row in rows:
        place = offset_key(row.topic, row.partition)
        if len(row.value) <= INLINE_BYTES:
            payload = payload_of(row.value, _TOPICS[row.topic])
            piece[place].append(Event(row.offset, payload, kept, row.row, row.appended_at_ms))
            continue
        event, size = _long_event(row, fetch)
        piece[place].append(event)
        long_bytes += size
        if long_bytes >= PIECE_BYTES:
            yield dict(piece)
            piece.clear()
            long_bytes = 0
    yield dict(piece)


def batch_events(table: pa.Table) -> Events:
    """Return the events of a batch of whole values.

    Parameters
    ----------
    table : pyarrow.Table
        As `system.stream.spark.query.records` selects; no value is cut.

    Returns
    -------
    dict of str to list of Event
        As `batch_pieces` yields.
    """
    topics, partitions, offsets, values = (table[name].to_pylist() for name in COLUMNS[:-1])
    stamps = table[COLUMNS[-1]]
    appended = (stamps.cast(pa.int64()).to_numpy() // 1_000).tolist()
    kept = MessageBytes(values, stamps)
    events: defaultdict[tuple[str, int], list[Event]] = defaultdict(list)
    places = zip(topics, partitions, offsets, values, appended, strict=True)
    for row, (topic, partition, offset, value, appended_at_ms) in enumerate(places):
        payload = payload_of(value or b"", _TOPICS[topic])
        events[topic, partition].append(Event(offset, payload, kept, row, appended_at_ms))
    return {
        offset_key(*place): sorted(found, key=lambda event: event.offset)
        for place, found in sorted(events.items())
    }


def record_event(record: Record) -> Event:
    """Return the event of one record that was read by itself, its bytes let go of."""
    payload = payload_of(record.value, _TOPICS[record.topic])
    return Event(record.offset, payload, _long_value(record), 0, record.appended_at_ms)


def quarantined_event(offset: int, why: str, record: Record | None) -> Event:
    """Return the event that sets a record aside.

    Parameters
    ----------
    offset : int
        Of the record.
    why : str
        What it does, for a person.
    record : Record or None
        Itself; None where it must not be read.
    """
    values = _Unread() if record is None else _long_value(record)
    appended_at_ms = 0 if record is None else record.appended_at_ms
    return Event(offset, Unreadable(RejectReason.QUARANTINED, why), values, 0, appended_at_ms)


def last_records(taken: Mapping[str, Event]) -> dict[str, LastRecord]:
    """Return what is kept of the record that was applied last, by ``topic:partition``."""
    return {
        place: event.values.last_record(event.row)
        for place, event in taken.items()
        if isinstance(event.values, RecordedValues)
    }


def _last_record(value: bytes, appended_at_ms: int) -> LastRecord:
    return LastRecord(record_digest(value, appended_at_ms), appended_at_ms)


def _rows(table: pa.Table) -> Iterator[_Row]:
    columns = (table[name].to_pylist() for name in COLUMNS[:-1])
    appended = table[COLUMNS[-1]]
    for row, (topic, partition, offset, value) in enumerate(zip(*columns, strict=True)):
        at_ms = appended[row].value // 1_000
        yield _Row(topic, partition, offset, value or b"", at_ms, row)


def _order(topic: str) -> int:
    return TOPIC_ORDER.index(topic)


def _long_event(row: _Row, fetch: FetchValue | None) -> tuple[Event, int]:
    """Return the event of a value that is fetched alone, and its size."""
    value = None if fetch is None else fetch(row.topic, row.partition, row.offset)
    if value is None:
        detail = f"more than {INLINE_BYTES} bytes, and no longer on the topic"
        unreadable = Unreadable(RejectReason.INVALID, detail)
        kept = KeptValue(kept_value(row.value).text)
        values = _LongValue(kept, _last_record(row.value, row.appended_at_ms))
        return Event(row.offset, unreadable, values, 0, row.appended_at_ms), 0
    record = Record(row.topic, row.partition, row.offset, b"", value, row.appended_at_ms)
    return record_event(record), len(value)


def _long_value(record: Record) -> _LongValue:
    last = _last_record(record.value, record.appended_at_ms)
    return _LongValue(kept_value(record.value), last)


class _Unread:
    """A message whose bytes nobody reads: nothing of it is kept."""

    def __getitem__(self, _: int) -> KeptValue:
        return KeptValue("")


class _LongValue:
    """Remains of one message whose bytes are let go of."""

    def __init__(self, kept: KeptValue, last: LastRecord) -> None:
        self._kept = kept
        self._last = last

    def __getitem__(self, _: int) -> KeptValue:
        return self._kept

    def last_record(self, _: int) -> LastRecord:
        """Return what is kept of it where it is the last of its partition."""
        return self._last
