"""The ticks of a run as they lie on the topic, as arrays: what coverage and oracle read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from system.bus.consumer import Record
from system.contracts.messages import Message, Trade
from system.contracts.topics import offset_key
from system.errors import MessageError
from validation.measure.coverage import Inputs

Float64Array = npt.NDArray[np.float64]


class _TickHead(msgspec.Struct, frozen=True, tag_field="type", tag="tick"):
    """The part of a tick that is judged; other fields are skipped unread."""

    ticker: str
    mid: float
    intended_monotonic_ns: int = 0


class _MarkHead(msgspec.Struct, frozen=True, tag_field="type", tag="mark"):
    date: dt.date


_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(_TickHead | _MarkHead)

MarkPlaces = Mapping[dt.date, Mapping[str, int]]
"""Per day, the offset of its mark in each ``topic:partition``."""


@dataclass(frozen=True)
class SentTicks:
    """The ticks that a run sent, in offset order within each partition.

    Parameters
    ----------
    inputs : Inputs
        Where each lies, what it moves, when it was due.
    mid : ndarray of float64, shape (tick_count,)
        Price, in the instrument's currency.
    partitions, keys : tuple of str
        What the indices in ``inputs`` mean: ``topic:partition`` and ticker.
    marks : mapping
        Where the days end.
    """

    inputs: Inputs
    mid: Float64Array
    partitions: tuple[str, ...]
    keys: tuple[str, ...]
    marks: MarkPlaces


@dataclass(frozen=True)
class PlacedTrade:
    """A new trade and where it lies: ``topic:partition`` and offset."""

    place: str
    offset: int
    portfolio: str
    instrument: str
    quantity: float


def placed_trades(records: Iterable[Record]) -> tuple[PlacedTrade, ...]:
    """Return the trades among records of the trades topic; marks are left out.

    Parameters
    ----------
    records : iterable of Record
        Of new trades, each id once: load users amend and cancel nothing. What is no message of
        the topic is left out: no user sent it.
    """
    messages = ((record, _message(record)) for record in records)
    return tuple(
        PlacedTrade(
            place=offset_key(record.topic, record.partition),
            offset=record.offset,
            portfolio=trade.portfolio,
            instrument=trade.instrument,
            quantity=trade.quantity,
        )
        for record, trade in messages
        if isinstance(trade, Trade)
    )


def _message(record: Record) -> Message | None:
    try:
        return record.message()
    except MessageError:
        return None


def sent_ticks(records: Iterable[Record]) -> SentTicks:
    """Return the ticks and marks among records of the market data topic.

    Parameters
    ----------
    records : iterable of Record
        Of one topic; any order. What is neither a tick nor a mark is left out: the load did not
        send it.
    """
    partitions: dict[str, int] = {}
    keys: dict[str, int] = {}
    rows: list[tuple[int, int, int, int]] = []
    mids: list[float] = []
    marks: dict[dt.date, dict[str, int]] = {}
    for record in records:
        place = offset_key(record.topic, record.partition)
        try:
            message = _DECODER.decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(message, _MarkHead):
            marks.setdefault(message.date, {}).setdefault(place, record.offset)
            continue
        partition = partitions.setdefault(place, len(partitions))
        key = keys.setdefault(message.ticker, len(keys))
        rows.append((partition, record.offset, key, message.intended_monotonic_ns))
        mids.append(message.mid)
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return SentTicks(
        inputs=Inputs(*(np.ascontiguousarray(column) for column in columns.T)),
        mid=np.array(mids),
        partitions=tuple(partitions),
        keys=tuple(keys),
        marks=marks,
    )
