"""Closes as they lie on the topics: what was sent before the days, and each day's last mid.

Read by the rulings of ``validation.rules.rulings``; nothing of the product's state is looked at.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from system.bus.consumer import Record
from system.contracts.messages import CloseHistory, FxRate, Mark, RejectReason, Tick
from validation.checkers.ledger import Outcome, Ruling
from validation.rules.rulings import read_message
from validation.rules.second_reader import Closes


@dataclass(frozen=True)
class AcceptedQuote:
    """An applied quote: its series, its price, where it lies, and the time it is of."""

    series: str
    price: float
    partition: str
    offset: int
    event_time_ns: int


@dataclass(frozen=True)
class TopicCloses:
    """Closes read from the topics.

    Parameters
    ----------
    closes : mapping
        Per series, its close per date: of the history, then of each day that was closed.
    days : tuple of date
        Days that were closed, in order.
    quotes : tuple of AcceptedQuote
        Every applied quote, in order within its partition.
    history_days : frozenset of date
        Dates before the first day.
    """

    closes: Closes
    days: tuple[dt.date, ...]
    quotes: tuple[AcceptedQuote, ...]
    history_days: frozenset[dt.date]

    @property
    def calendar(self) -> list[dt.date]:
        """Every date of the history and every day, in order."""
        return sorted(self.history_days | set(self.days))


def topic_closes(records: Sequence[Record], ruled: Sequence[Ruling]) -> TopicCloses:
    """Return the closes that the stream was told.

    Parameters
    ----------
    records : sequence of Record
        Everything on the input topics.
    ruled : sequence of Ruling
        ``rulings_of(records)``.
    """
    outcomes = {ruling.place: _counted(ruling) for ruling in ruled}
    closes: dict[str, dict[dt.date, float]] = {}
    quotes: list[AcceptedQuote] = []
    days: set[dt.date] = set()
    latest: dict[str, dict[str, float]] = {}
    for record, message in _counting(records, outcomes):
        place = f"{record.topic}:{record.partition}"
        if isinstance(message, CloseHistory):
            points = {point.date: point.value for point in message.closes}
            closes.setdefault(message.series, {}).update(points)
        elif isinstance(message, Tick | FxRate):
            quote = _quote(message, place, record.offset)
            quotes.append(quote)
            latest.setdefault(place, {})[quote.series] = quote.price
        elif isinstance(message, Mark):
            days.add(message.date)
            for series, price in latest.pop(place, {}).items():
                closes.setdefault(series, {})[message.date] = price
    history = frozenset(
        date for series in closes.values() for date in series if not days or date < min(days)
    )
    return TopicCloses(closes, tuple(sorted(days)), tuple(quotes), history)


def _counted(ruling: Ruling) -> Outcome:
    """Return what became of a message when it came: a contradicted tick counted until later."""
    return Outcome.APPLIED if ruling.reason == RejectReason.CONTRADICTED else ruling.outcome


def _counting(
    records: Sequence[Record], outcomes: dict[tuple[str, int, int], Outcome]
) -> Iterator[tuple[Record, object]]:
    """Yield what was applied, and marks, in order; reference data first."""
    ordered = sorted(
        records,
        key=lambda record: (
            record.topic != "reference",
            record.topic,
            record.partition,
            record.offset,
        ),
    )
    for record in ordered:
        outcome = outcomes[record.topic, record.partition, record.offset]
        if outcome in {Outcome.APPLIED, Outcome.MARK}:
            yield record, read_message(record)


def _quote(message: Tick | FxRate, partition: str, offset: int) -> AcceptedQuote:
    at_ns = message.event_time_ns
    if isinstance(message, Tick):
        return AcceptedQuote(message.ticker, message.mid, partition, offset, at_ns)
    return AcceptedQuote(f"fx:{message.currency}", message.rate, partition, offset, at_ns)
