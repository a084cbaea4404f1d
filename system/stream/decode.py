"""From a batch's Arrow table to events, partition by partition in offset order."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import pyarrow as pa

from system.book.events import Event, Payload, QuoteRow, Unreadable
from system.contracts.codec import decode_topic
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
from system.stream.plain import plain_rows, quote_columns

_TOPICS: Final[dict[str, Topic]] = {topic.name: topic for topic in INPUT_TOPICS}


class ArrowValues:
    """The bytes of a batch's messages; decoded one by one when asked for."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column

    def bytes_of(self, row: int) -> bytes:
        """Return the message of one row; a null value (a tombstone) is empty."""
        return self._column[row].as_py() or b""

    def __getitem__(self, row: int) -> str:
        return self.bytes_of(row).decode("utf-8", "replace")


def batch_events(table: pa.Table) -> dict[str, list[Event]]:
    """Return the events of a batch.

    Parameters
    ----------
    table : pyarrow.Table
        As `system.stream.query.parsed` selects.

    Returns
    -------
    dict of str to list of Event
        ``topic:partition`` to its events in offset order. What the codec refuses is there
        too, as `Unreadable`.
    """
    values = ArrowValues(table["value"])
    events: defaultdict[tuple[str, int], list[Event]] = defaultdict(list)
    quotes = map(QuoteRow, *(column.to_pylist() for column in quote_columns(table)))
    places = zip(
        table["topic"].to_pylist(),
        table["partition"].to_pylist(),
        table["offset"].to_pylist(),
        plain_rows(table).to_pylist(),
        quotes,
        strict=True,
    )
    for row, (topic, partition, offset, plain, quote) in enumerate(places):
        payload = quote if plain else _payload(values.bytes_of(row), topic)
        events[topic, partition].append(Event(offset, payload, values, row))
    return {
        offset_key(*place): sorted(found, key=lambda event: event.offset)
        for place, found in sorted(events.items())
    }


def _payload(value: bytes, topic: str) -> Payload:
    try:
        return _as_payload(decode_topic(value, _TOPICS[topic]))
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
