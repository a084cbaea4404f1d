"""From a batch's Arrow table to events, partition by partition in offset order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from system.book.events import Event, Payload, QuoteRow, Unreadable
from system.contracts.codec import decode_topic
from system.contracts.digests import record_digest
from system.contracts.messages import (
    FxRate,
    Mark,
    Message,
    ReferenceMessage,
    RejectReason,
    Tick,
    Trade,
)
from system.contracts.topics import INPUT_TOPICS, Topic, offset_key
from system.errors import MessageError
from system.store.records import LastRecord
from system.stream.query import COLUMNS

_TOPICS: Final[dict[str, Topic]] = {topic.name: topic for topic in INPUT_TOPICS}


class MessageBytes:
    """The messages of a batch; as text only where one is asked for.

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

    def __getitem__(self, row: int) -> str:
        return (self._values[row] or b"").decode("utf-8", "replace")

    def last_record(self, row: int) -> LastRecord:
        """Return what is kept of a row that is the last of its partition."""
        assert self._appended is not None, "only records of Kafka are kept"
        appended_at_ms = self._appended[row].value // 1_000
        digest = record_digest(self._values[row] or b"", appended_at_ms)
        return LastRecord(digest, appended_at_ms)


def batch_events(table: pa.Table) -> dict[str, list[Event]]:
    """Return the events of a batch.

    Parameters
    ----------
    table : pyarrow.Table
        As `system.stream.query.records` selects.

    Returns
    -------
    dict of str to list of Event
        ``topic:partition`` to its events in offset order. What the codec refuses is there
        too, as `Unreadable`; a null value (a tombstone) is empty.
    """
    topics, partitions, offsets, values = (table[name].to_pylist() for name in COLUMNS[:-1])
    kept = MessageBytes(values, table[COLUMNS[-1]])
    events: defaultdict[tuple[str, int], list[Event]] = defaultdict(list)
    places = zip(topics, partitions, offsets, values, strict=True)
    for row, (topic, partition, offset, value) in enumerate(places):
        payload = _payload(value or b"", _TOPICS[topic])
        events[topic, partition].append(Event(offset, payload, kept, row))
    return {
        offset_key(*place): sorted(found, key=lambda event: event.offset)
        for place, found in sorted(events.items())
    }


def last_records(taken: Mapping[str, Event]) -> dict[str, LastRecord]:
    """Return what is kept of the record that was applied last, by ``topic:partition``."""
    return {
        place: event.values.last_record(event.row)
        for place, event in taken.items()
        if isinstance(event.values, MessageBytes)
    }


def _payload(value: bytes, topic: Topic) -> Payload:
    try:
        return _as_payload(decode_topic(value, topic))
    except MessageError as error:
        return Unreadable(RejectReason(error.reason), error.detail)


def _as_payload(message: Message) -> Payload:
    match message:
        case Tick():
            return QuoteRow(
                message.ticker,
                message.mid,
                message.event_time_ns,
                message.sequence,
                message.intended_monotonic_ns,
                message.bid,
            )
        case FxRate():
            return QuoteRow(
                message.currency,
                message.rate,
                message.event_time_ns,
                message.sequence,
                message.intended_monotonic_ns,
            )
        case _ if isinstance(message, ReferenceMessage | Trade | Mark):
            return message
        case _:
            raise MessageError(RejectReason.WRONG_TOPIC, type(message).__name__)
