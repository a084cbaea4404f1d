"""Positions stated again, by the written rules, in exact arithmetic: the second opinion.

* A definition states positions if it opens its book, gives a moment, or holds other positions than
  the definition before it; otherwise it changes settings only.
* The moment of a statement is its ``as_of_ns``, or the end of its ``as_of_day`` in UTC. Without
  either an opening is before everything, and any other as of the first mark after it.
* A trade is contained up to the moment by the event time of its first version. One without a time
  is contained if the session that it came in began before the moment, and never by an opening.
* A trade that was closed before the statement came is contained whatever time it states.
* A split or dividend is contained if its mark lay before the moment: up to the last mark that had
  come, if the moment is after that mark; else up to the day before the moment's own.
* The last statement holds: its positions, then what it does not contain. Cash is that of the last
  statement that names any, the opening in any case, then of all that it does not contain.
* What a future realises and a dividend pays depends on what was held: by the statement before, on
  the trades that had come by the first mark after the statement that contains them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, NamedTuple

from system.bus.consumer import Record
from system.contracts.messages import (
    MONEY,
    AssetClass,
    Instrument,
    Mark,
    Portfolio,
    Trade,
    TradeAction,
)
from validation.checkers.ledger import Outcome, Ruling
from validation.references.exact import ReferenceInputError
from validation.references.minor_units import in_major
from validation.rules.closing import DAY_NS, EPOCH, closed_until
from validation.rules.corporate_actions import CorporateActions
from validation.rules.effect_dates import EffectiveAdjustment
from validation.rules.rulings import read_message

Day = dt.date | None
CASH: Final = "cash:"
ONE_DAY: Final = dt.timedelta(days=1)
NO_END: Final = 1 << 80


class Defined(NamedTuple):
    """A definition, and the last day that was closed when it came."""

    book: Portfolio
    day: Day = None


class SentTrade(NamedTuple):
    """A trade message, and the last day that was closed when it came."""

    trade: Trade
    day: Day = None


@dataclass
class BookHistory:
    """Everything that was accepted of one portfolio, in order, and the marks.

    Parameters
    ----------
    definitions : list of Defined
        The first opens the book.
    messages : list of SentTrade
        Trades, amendments and cancellations.
    marks : mapping of date to int
        Event time of each mark that has taken effect, also on settings and positions.
    """

    definitions: list[Defined] = field(default_factory=list)
    messages: list[SentTrade] = field(default_factory=list)
    marks: Mapping[dt.date, int] = field(default_factory=dict)

    def settings(self, mark: Day) -> Portfolio:
        """Return the settings that are in force after a mark; None: before the first."""
        came = [book for book, day in self.definitions if mark and (day is None or day < mark)]
        return came[-1] if came else self.definitions[0].book


def histories_of(records: Iterable[Record], ruled: Iterable[Ruling]) -> dict[str, BookHistory]:
    """Return the history of each portfolio, by name.

    Parameters
    ----------
    records : iterable of Record
        Everything on the reference and trades topics.
    ruled : iterable of Ruling
        What must become of each.
    """
    counts = {Outcome.APPLIED, Outcome.MARK}
    counting = {ruling.place for ruling in ruled if ruling.outcome in counts}
    histories: dict[str, BookHistory] = {}
    marks: dict[dt.date, int] = {}
    days: dict[tuple[str, int], dt.date] = {}
    for record in sorted(
        records, key=lambda record: (record.topic, record.partition, record.offset)
    ):
        place = record.topic, record.partition
        if (*place, record.offset) not in counting:
            continue
        message = read_message(record)
        match message:
            case Mark():
                days[place] = message.date
                marks.setdefault(message.date, message.event_time_ns)
            case Portfolio():
                history = histories.setdefault(message.portfolio, BookHistory(marks=marks))
                history.definitions.append(Defined(message, days.get(place)))
            case Trade():
                history = histories.setdefault(message.portfolio, BookHistory(marks=marks))
                history.messages.append(SentTrade(message, days.get(place)))
            case _:
                pass
    return histories


class Held(NamedTuple):
    """Quantity of each instrument, cash among them, and average cost of what is no cash."""

    quantity: dict[str, Fraction]
    average: dict[str, Fraction]


class Contained(NamedTuple):
    """Contents of a balance: timed trades, corporate actions, and trades without a time."""

    until_ns: int
    acts_until: Day
    untimed_until: Day
    closed_until: dt.date = dt.date.min

    def has(self, entry: _Order | EffectiveAdjustment) -> bool:
        """Return whether it contains a trade, split or dividend."""
        if isinstance(entry, EffectiveAdjustment):
            return self.acts_until is not None and entry.day <= self.acts_until
        if (entry.day or dt.date.min) < self.closed_until:
            return True
        if entry.made_ns:
            return entry.made_ns <= self.until_ns
        return self.untimed_until is not None and (entry.day or dt.date.min) <= self.untimed_until

    def with_all_of(self, other: Contained) -> Contained:
        """Return what contains both."""
        return Contained(
            max(self.until_ns, other.until_ns),
            max(filter(None, (self.acts_until, other.acts_until)), default=None),
            max(filter(None, (self.untimed_until, other.untimed_until)), default=None),
            max(self.closed_until, other.closed_until),
        )


class _Order(NamedTuple):
    """A trade in some version, and what its first version says of when it was made."""

    trade: Trade
    made_ns: int
    day: Day


class _Statement(NamedTuple):
    book: Portfolio
    contained: Contained
    day: Day


def holdings(
    history: BookHistory, instruments: Mapping[str, Instrument], acts: CorporateActions
) -> Held:
    """Return what a book holds.

    Parameters
    ----------
    history : BookHistory
        Up to the moment that is asked for.
    instruments : mapping of str to Instrument
        Reference data by id.
    acts : CorporateActions
        Splits and dividends that are in effect, in order.

    Raises
    ------
    ReferenceInputError
        If amounts of money were traded in a book that was restated in another base currency.
    """
    opening, *sessions = _sessions(history)
    [last] = opening
    _refuse_other_currencies(history, instruments, is_restated=bool(sessions))
    path = _Path(instruments, acts)
    path.state(last.book)
    cash, paid = last, last.contained
    for statements in sessions:
        final = statements[-1]
        naming = [statement for statement in statements if path.names_cash(statement.book)]
        if naming and naming[-1] is not final:
            cash, paid, path.earned = naming[-1], naming[-1].contained, {}
        barrier = _mark_behind(history, final.day)
        taken = [act for act in acts.taken if barrier is None or act.day <= barrier]
        for entry in _in_order(_versions(history.messages, until=barrier), taken):
            if final.contained.has(entry):
                path.move(entry, held=not last.contained.has(entry), pays=not paid.has(entry))
        path.state(final.book)
        paid = paid.with_all_of(final.contained)
        if naming and naming[-1] is final:
            cash, paid, path.earned = final, final.contained, {}
        last = final
    versions = _versions(history.messages)
    for entry in _in_order(versions, acts.taken):
        if not last.contained.has(entry):
            path.move(entry, held=True, pays=not paid.has(entry))
    settled = [order.trade for order in versions if not cash.contained.has(order)]
    base = history.definitions[-1].book.base_currency
    return Held(path.quantity | path.cash_from(cash.book, settled, base), path.average)


# -- what was said, and when ----------------------------------------------------------------------


def _sessions(history: BookHistory) -> list[list[_Statement]]:
    """Return the opening, then the statements of each session."""
    sessions: list[list[_Statement]] = []
    before: Portfolio | None = None
    for book, day in history.definitions:
        silent = book.as_of_ns is None and book.as_of_day is None
        if before is None or not silent or book.positions != before.positions:
            contained = _contained(history, book, day, is_opening=before is None)
            statement = _Statement(book, contained, day)
            if len(sessions) > 1 and sessions[-1][-1].day == day:
                sessions[-1].append(statement)
            else:
                sessions.append([statement])
        before = book
    return sessions


def _contained(history: BookHistory, book: Portfolio, day: Day, *, is_opening: bool) -> Contained:
    if book.as_of_day is not None:
        until_ns = ((book.as_of_day - EPOCH).days + 1) * DAY_NS - 1
        acts_until: Day = max(book.as_of_day, dt.date.min + ONE_DAY) - ONE_DAY
    elif book.as_of_ns is None:
        barrier = _mark_behind(history, day)
        until_ns = 0 if is_opening else NO_END if barrier is None else history.marks[barrier]
        acts_until = day
    else:
        until_ns, acts_until = book.as_of_ns, day
        if day is not None and until_ns <= history.marks[day]:
            acts_until = min(EPOCH + dt.timedelta(days=until_ns // DAY_NS), day) - ONE_DAY
    if is_opening:
        return Contained(until_ns, acts_until, None)
    closed = closed_until(history.marks, day)
    return Contained(until_ns, acts_until, acts_until or dt.date.min, closed)


def _mark_behind(history: BookHistory, day: Day) -> Day:
    """Return the first mark after the session that follows a day; None before it comes."""
    return min((mark for mark in history.marks if day is None or mark > day), default=None)


def _versions(messages: Iterable[SentTrade], until: Day = None) -> list[_Order]:
    """Return the trades that count: newest versions, in the order of the first ones.

    Only messages that came before the mark ``until`` are taken; None: all.
    """
    first: dict[str, SentTrade] = {}
    newest: dict[str, Trade] = {}
    for sent in messages:
        if until is None or sent.day is None or sent.day < until:
            first.setdefault(sent.trade.trade_id, sent)
            newest[sent.trade.trade_id] = sent.trade
    return [
        _Order(newest[name], sent.trade.event_time_ns, sent.day)
        for name, sent in first.items()
        if newest[name].action is not TradeAction.CANCEL
    ]


def _in_order(
    trades: Sequence[_Order], taken: Sequence[EffectiveAdjustment]
) -> Iterator[_Order | EffectiveAdjustment]:
    """Yield trades with each act before what came after its mark."""
    waiting = list(taken)
    for order in trades:
        while waiting and order.day is not None and waiting[0].day <= order.day:
            yield waiting.pop(0)
        yield order
    yield from waiting


def _refuse_other_currencies(
    history: BookHistory, instruments: Mapping[str, Instrument], *, is_restated: bool
) -> None:
    bases = {defined.book.base_currency for defined in history.definitions}
    closed = closed_until(history.marks, max(history.marks, default=None))
    money = [
        sent.trade.instrument
        for sent in history.messages
        if is_restated or (sent.day or dt.date.min) < closed
        if sent.trade.instrument.startswith(CASH)
        or instruments[sent.trade.instrument].asset_class in MONEY
    ]
    if money and len(bases) > 1:
        raise ReferenceInputError(f"{money[0]} was traded in one of {', '.join(sorted(bases))}")


# -- what is held ---------------------------------------------------------------------------------


class _Path:
    """Positions at average cost, and what futures and dividends have earned on them."""

    def __init__(self, instruments: Mapping[str, Instrument], acts: CorporateActions) -> None:
        self._instruments = instruments
        self._acts = acts
        self.quantity: dict[str, Fraction] = {}
        self.average: dict[str, Fraction] = {}
        self.earned: dict[str, Fraction] = {}

    def state(self, book: Portfolio) -> None:
        """Hold the positions of a statement, without its cash."""
        others = [held for held in book.positions if not self._is_cash(held.instrument)]
        self.quantity = {held.instrument: Fraction(held.quantity) for held in others}
        self.average = {held.instrument: Fraction(held.entry_price) for held in others}

    def names_cash(self, book: Portfolio) -> bool:
        """Return whether a statement names any cash."""
        return any(self._is_cash(held.instrument) for held in book.positions)

    def _is_cash(self, name: str) -> bool:
        if name.startswith(CASH):
            return True
        return self._instruments[name].asset_class is AssetClass.CASH

    def move(self, entry: _Order | EffectiveAdjustment, *, held: bool, pays: bool) -> None:
        """Let an entry move what is held, and what is earned on it."""
        if isinstance(entry, EffectiveAdjustment):
            cash, amount = self._acts.received(entry, self.quantity)
            self._earn(cash, amount if pays else Fraction(0))
            for name, ratio in self._acts.ratios(entry).items() if held else ():
                if name in self.quantity:
                    self.quantity[name] *= ratio
                    self.average[name] /= ratio
        elif held and not self._is_cash(entry.trade.instrument):
            realised = self._trade(entry.trade)
            instrument = self._instruments[entry.trade.instrument]
            if pays and instrument.asset_class is AssetClass.FUTURE:
                currency, parts = in_major(instrument.currency)
                self._earn(CASH + currency, realised * Fraction(instrument.multiplier) / parts)

    def _earn(self, cash: str, amount: Fraction) -> None:
        self.earned[cash] = self.earned.get(cash, Fraction(0)) + amount

    def _trade(self, trade: Trade) -> Fraction:
        """Move a position and return the gain on what was closed."""
        name, amount, price = trade.instrument, Fraction(trade.quantity), Fraction(trade.price)
        before, average = self.quantity.get(name, Fraction(0)), self.average.get(name, price)
        self.quantity[name] = after = before + amount
        if before * amount >= 0:
            spent = before * average + amount * price
            self.average[name] = spent / after if after else price
            return Fraction(0)
        closed = -amount if abs(amount) <= abs(before) else before
        self.average[name] = average if before * after > 0 else price
        return closed * (price - average)

    def cash_from(
        self, book: Portfolio, settled: Iterable[Trade], base_currency: str
    ) -> dict[str, Fraction]:
        """Return the cash of a statement after trades, with what was earned."""
        total: dict[str, Fraction] = {
            held.instrument: Fraction(held.quantity)
            for held in book.positions
            if self._is_cash(held.instrument)
        }
        moved = [*self.earned.items()]
        for trade in settled:
            moved += self._settled(trade, base_currency)
        for name, amount in moved:
            total[name] = total.get(name, Fraction(0)) + amount
        return total

    def _settled(self, trade: Trade, base_currency: str) -> Iterator[tuple[str, Fraction]]:
        """Yield what a trade moves in cash at once: nothing for a future."""
        paid = Fraction(trade.quantity) * Fraction(trade.price)
        if self._is_cash(trade.instrument):
            yield trade.instrument, Fraction(trade.quantity)
            yield CASH + base_currency, -paid
            return
        instrument = self._instruments[trade.instrument]
        if instrument.asset_class in MONEY:
            yield CASH + base_currency, -paid
        elif instrument.asset_class is not AssetClass.FUTURE:
            currency, parts = in_major(instrument.currency)
            yield CASH + currency, -paid * Fraction(instrument.multiplier) / parts
