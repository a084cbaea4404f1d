"""Inputs of a snapshot up to a vector of offsets; pure, fed record by record."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from system.bus.consumer import Record
from system.contracts.messages import (
    MAX_CLOSES_PER_SERIES,
    CloseHistory,
    Dividend,
    ExchangeSessions,
    FxRate,
    Instrument,
    Mark,
    Portfolio,
    SnapshotKind,
    Split,
    StressedHistory,
    Tick,
    Trade,
)
from system.contracts.topics import FX_RATES, MARKET_DATA, REFERENCE, TRADES
from validation.checkers.ledger import Outcome
from validation.oracle.restated import Shares
from validation.oracle.stressed import BookNow, crises_risk
from validation.references.carrying import SessionTable
from validation.references.exact import Number, ReferenceInputError
from validation.references.revaluation import (
    CurrentMarket,
    ReferencePosition,
    fx_name,
    needed_series,
)
from validation.references.snapshot import ReferenceSnapshot, reference_snapshot
from validation.references.stand_ins import covered
from validation.rules.corporate_actions import DESCRIBED
from validation.rules.expected_days import held_positions
from validation.rules.marks import MARK_WAIT_MS, MarkWalk
from validation.rules.rulings import Rulings
from validation.rules.sessions import carrying_of, session_tables
from validation.rules.statements import BookHistory, Defined, SentTrade

ORDER: Final = (REFERENCE.name, FX_RATES.name, MARKET_DATA.name, TRADES.name)
"""Topics are taken in this order between two vectors: what is named before what names it."""
DAY_NS: Final = 86_400_000_000_000
EPOCH: Final = dt.date(1970, 1, 1)


class InputsAt:
    """Prices, closes, books and trades as they are at one vector of offsets.

    Parameters
    ----------
    incomplete : collection of (topic, partition, offset)
        Marks that came to some partitions only; grows while records are read ahead.
    """

    def __init__(self, incomplete: Collection[tuple[str, int, int]] = ()) -> None:
        self._rulings = Rulings(incomplete)
        self._instruments: dict[str, Instrument] = {}
        self._prices: dict[str, float] = {}
        self._closes: dict[str, dict[dt.date, float]] = {}
        self._quoted: dict[tuple[str, int], set[str]] = {}
        self._books: dict[str, Portfolio] = {}
        self._asked: dict[str, Portfolio] = {}
        self._due: dict[str, Portfolio] = {}
        self._histories: dict[str, BookHistory] = {}
        self._marks: dict[dt.date, int] = {}
        self._stressed: dict[str, dict[str, StressedHistory]] = {}
        self._sessions: dict[str, SessionTable] = {}
        self._day: dt.date | None = None
        self._shares = Shares(self._prices, self._closes, self._instruments)
        self._passed: dict[dt.date, int] = {}
        self._marked_ns = 0
        self._newest_ns: dict[tuple[str, int], int] = {}

    def take(self, record: Record) -> None:
        """Take the next record of its partition."""
        message, (outcome, _) = self._rulings.rule(record)
        place = (record.topic, record.partition)
        if outcome is Outcome.MARK and isinstance(message, Mark):
            self._close(message.date, place)
            self._marks.setdefault(message.date, message.event_time_ns)
            self._shares.close(message.date, place)
            self._marked_ns = self._newest_ns[place] = message.event_time_ns
        if outcome is not Outcome.APPLIED:
            return
        match message:
            case Tick():
                self._quote(message.ticker, message.mid, place, message.event_time_ns)
            case FxRate():
                name = fx_name(message.currency)
                self._quote(name, message.rate, place, message.event_time_ns)
            case Trade():
                sent = SentTrade(message, self._shares.closed(place))
                self._histories[message.portfolio].messages.append(sent)
            case Instrument():
                self._instruments[message.instrument] = message
                self._shares.note(DESCRIBED + message.instrument, place)
            case Split() | Dividend():
                self._shares.waiting.add(message)
            case CloseHistory():
                self._shares.note(message.series, place)
                self._closes[message.series] = {close.date: close.value for close in message.closes}
            case StressedHistory():
                self._stressed.setdefault(message.window, {})[message.series] = message
            case ExchangeSessions():
                self._sessions |= session_tables([message])
            case Portfolio():
                self._define(message, self._shares.closed(place))
            case _:
                pass

    def settle(self, kind: SnapshotKind) -> None:
        """Let settings that waited for a mark come into force; an end of day is before them."""
        if kind is not SnapshotKind.END_OF_DAY:
            self._books |= self._due
            self._due.clear()
        self._shares.settle(kind)
        last = max(self._marks, default=None)
        is_end = kind is SnapshotKind.END_OF_DAY
        self._passed = {day: ns for day, ns in self._marks.items() if not (is_end and day == last)}

    def book(self, portfolio: str) -> Portfolio | None:
        """Return the settings in force, None for a portfolio that is not known."""
        return self._books.get(portfolio)

    def held(self, book: Portfolio) -> tuple[ReferencePosition, ...]:
        """Return what a book holds, its cash included.

        Raises
        ------
        ReferenceInputError
            If it holds what the references do not value; names it.
        """
        history = self._histories[book.portfolio]
        try:
            acts = self._shares.acts
            return held_positions(replace(history, marks=self._passed), acts.restruck(), acts)
        except KeyError as error:
            msg = f"{error.args[0]} is held and not declared"
            raise ReferenceInputError(msg) from error

    def risk(self, book: Portfolio) -> ReferenceSnapshot:
        """Return the exact risk of a book now.

        Raises
        ------
        ReferenceInputError
            If something that it needs is not known, or is not valued by the references.
        """
        as_of = self._as_of()
        held = covered(
            self.held(book),
            self._shares.closes,
            self._proxies(),
            base_currency=book.base_currency,
            as_of=as_of,
            window=book.window,
        )
        return reference_snapshot(
            held.positions,
            held.closes,
            as_of=as_of,
            window=book.window,
            confidence=book.confidence,
            base_currency=book.base_currency,
            now=self._now(held.positions, book.base_currency),
            carrying=carrying_of(book, held.positions, self._instruments, self._sessions),
        )

    def stressed(self, book: Portfolio) -> dict[str, ReferenceSnapshot | None]:
        """Return the exact risk of a book now under each stressed window, None without.

        Raises
        ------
        ReferenceInputError
            If it holds what is not declared.
        """
        held = self.held(book)
        present = BookNow(
            held,
            self._now(held, book.base_currency),
            self._as_of(),
            book.confidence,
            book.base_currency,
            self._proxies(),
        )
        return crises_risk(present, self._stressed)

    def _proxies(self) -> dict[str, str]:
        return {
            name: instrument.proxy
            for name, instrument in self._instruments.items()
            if instrument.proxy
        }

    def _now(self, held: Sequence[ReferencePosition], base_currency: str) -> CurrentMarket:
        needed = needed_series(held, base_currency)
        known = {name: price for name in needed if (price := self._price(name)) is not None}
        own = {position.instrument for position in held if position.option} & self._prices.keys()
        quotes = {name.removeprefix("fx:"): quote for name, quote in known.items() if _is_fx(name)}
        known |= {name: self._shares.prices[name] for name in own}
        return CurrentMarket(known, quotes, self.valuation_date, self._shares.closes)

    @property
    def valuation_date(self) -> dt.date:
        """Return the day that time to expiry counts from.

        That of the newest quote behind the last mark; before one, the last day of closes.
        """
        newest_ns, as_of = max(self._newest_ns.values(), default=0), self._as_of()
        if newest_ns <= self._marked_ns:
            return as_of
        return max(as_of, EPOCH + dt.timedelta(days=newest_ns // DAY_NS))

    def _price(self, name: str) -> Number | None:
        """Return the last accepted price of a series, before the first its last close."""
        if name in self._prices:
            return self._shares.prices[name]
        closes = self._shares.closes.get(name)
        return closes[max(closes)] if closes else None

    def _as_of(self) -> dt.date:
        if self._day is not None:
            return self._day
        return max((max(close) for close in self._closes.values() if close), default=dt.date.min)

    def _define(self, book: Portfolio, day: dt.date | None) -> None:
        history = self._histories.setdefault(book.portfolio, BookHistory())
        history.definitions.append(Defined(book, day))
        if book.portfolio in self._books:
            self._asked[book.portfolio] = book
        else:
            self._books[book.portfolio] = book

    def _quote(self, name: str, price: float, place: tuple[str, int], time_ns: int) -> None:
        self._newest_ns[place] = max(self._newest_ns.get(place, 0), time_ns)
        self._prices[name] = price
        self._shares.note_quote(name, place)
        self._quoted.setdefault(place, set()).add(name)

    def _close(self, day: dt.date, place: tuple[str, int]) -> None:
        """Close a day in one partition: its mark comes to all of them at one vector."""
        self._day = day
        for name in self._quoted.pop(place, ()):
            closes = self._closes.setdefault(name, {})
            if not closes or max(closes) < day:
                closes[day] = self._prices[name]
                if len(closes) > MAX_CLOSES_PER_SERIES:
                    del closes[min(closes)]
        if place[0] == REFERENCE.name:
            self._books |= self._due  # their own end of day is over once another mark comes
            self._due = self._asked
            self._asked = {}


class OffsetCursor:
    """Inputs at a vector of offsets that only moves forward, and the records read ahead of it.

    Parameters
    ----------
    partitions : collection of str
        All that there are, ``topic:partition``; more are learned from their first records.
    mark_wait_ms : int
        The stream's bound of how long a mark waits for the other partitions.
    """

    def __init__(
        self, partitions: Collection[str] = (), *, mark_wait_ms: int = MARK_WAIT_MS
    ) -> None:
        places = [
            (topic, int(index)) for topic, _, index in (p.rpartition(":") for p in partitions)
        ]
        self._marks = MarkWalk(places, wait_ms=mark_wait_ms)
        self.inputs = InputsAt(self._marks.incomplete)
        self._waiting: dict[str, deque[Record]] = {}
        self._taken: dict[str, int] = {}
        self._is_live = False
        self.waiting_count = 0
        self.waiting_bytes = 0

    def add(self, records: Sequence[Record]) -> None:
        """Add what has been read, in order within each partition."""
        for record in records:
            self._waiting.setdefault(_place(record), deque()).append(record)
            self._marks.add(record)
        self.waiting_count += len(records)
        self.waiting_bytes += sum(len(record.value) for record in records)

    def is_behind(self, offsets: Mapping[str, int], kind: SnapshotKind) -> bool:
        """Return whether it could go to a snapshot without going back.

        An end of day comes before what is live at the same offsets: one that is announced once
        more, after a restart, may come too late.
        """
        if kind is SnapshotKind.END_OF_DAY and self._is_live and not self._moves_to(offsets):
            return False
        return all(self._taken.get(place, 0) <= offset for place, offset in offsets.items())

    def go_to(self, offsets: Mapping[str, int], kind: SnapshotKind) -> None:
        """Take everything below a vector of offsets that was read, and nothing beyond it.

        Settings that wait for a mark stay as they are while the vector does: the ends of day of
        several books come one after the other at the same offsets.
        """
        if self._moves_to(offsets):
            self.inputs.settle(SnapshotKind.LIVE)
        for place in sorted(offsets, key=_order):
            waiting = self._waiting.get(place, deque())
            while waiting and waiting[0].offset < offsets[place]:
                record = waiting.popleft()
                self.waiting_count -= 1
                self.waiting_bytes -= len(record.value)
                self.inputs.take(record)
            self._taken[place] = offsets[place]
        self.inputs.settle(kind)
        self._is_live = kind is SnapshotKind.LIVE

    def _moves_to(self, offsets: Mapping[str, int]) -> bool:
        return any(self._taken.get(place) != offset for place, offset in offsets.items())


def _order(place: str) -> tuple[int, str]:
    return ORDER.index(place.rpartition(":")[0]), place


def _place(record: Record) -> str:
    return f"{record.topic}:{record.partition}"


def _is_fx(name: str) -> bool:
    return name.startswith("fx:")
