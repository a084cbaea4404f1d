"""Expected end-of-day numbers, computed from the inputs by the references.

Nothing here reads the product's state: positions come from the books and the trades on
the topic, closes from the wheels, arithmetic from ``validation.references``.

A mark closes a day on the calendar of the marks. A book's scenario days are the dates of
that calendar on which one of its series has a close; a series without one today is
valued at its last.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

from system.contracts.messages import (
    Instrument,
    Portfolio,
    Trade,
    TradeAction,
)
from validation.checkers.end_of_day import EndOfDay
from validation.references.carrying import SessionTable
from validation.references.exact import Number, ReferenceInputError, exact, exact_breach
from validation.references.held_options import ReferenceTerms
from validation.references.revaluation import (
    CurrentMarket,
    ReferencePosition,
    current_market,
    needed_series,
    value,
)
from validation.references.snapshot import ReferenceSnapshot, reference_snapshot
from validation.references.stand_ins import covered
from validation.rules.corporate_actions import NO_ACTS, CorporateActions
from validation.rules.sessions import carrying_of
from validation.rules.statements import BookHistory, Defined, SentTrade, holdings

CASH = "cash:"
ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class ExpectedMarket:
    """Closes that the stream was fed, and the days on which marks were sent.

    Parameters
    ----------
    closes : mapping
        Per instrument, and per ``fx:CCY`` in units per EUR, its close per date.
    instruments : mapping of str to Instrument
        Reference data by id.
    calendar : sequence of date
        Every day before and within the replay that may be a scenario day, in order.
    acts : CorporateActions
        Splits and dividends that the closes are restated for.
    sessions : mapping of str to SessionTable
        Of each exchange that an instrument names and whose table was sent.
    """

    closes: Mapping[str, Mapping[dt.date, Number]]
    instruments: Mapping[str, Instrument]
    calendar: Sequence[dt.date]
    acts: CorporateActions = NO_ACTS
    sessions: Mapping[str, SessionTable] = field(default_factory=dict)

    def under(self, acts: CorporateActions, *, until: dt.date) -> ExpectedMarket:
        """Return the market under what took effect up to a day's mark; this one's under none."""
        taken = [effective for effective in acts.taken if effective.day <= until]
        if not taken:
            return self
        stands = replace(acts, taken=taken)
        known = {name: self.on_calendar(name) for name in self.closes}
        return replace(self, closes=stands.restated(known), acts=stands)

    def on_calendar(self, series: str) -> dict[dt.date, Number]:
        """Return the closes of a series on the days of the calendar."""
        closes = self.closes[series]
        return {day: closes[day] for day in self.calendar if day in closes}

    def last_close(self, series: str, day: dt.date) -> Number:
        """Return the newest close of a series up to a day of the calendar.

        Raises
        ------
        ReferenceInputError
            If it has none.
        """
        closes = self.on_calendar(series)
        last = max((date for date in closes if date <= day), default=None)
        if last is None:
            raise ReferenceInputError(f"{series} has no close up to {day}")
        return closes[last]

    def has_close(self, series: str, day: dt.date) -> bool:
        """Return whether a series has a close up to a day of the calendar."""
        return series in self.closes and any(date <= day for date in self.on_calendar(series))


def effective_trades(messages: Sequence[Trade]) -> tuple[Trade, ...]:
    """Return the trades that count: each id once, in its newest version, not cancelled.

    Parameters
    ----------
    messages : sequence of Trade
        As they lie on the topic, only those that were accepted.
    """
    newest: dict[str, Trade] = {}
    for trade in messages:
        if trade.trade_id not in newest or trade.version > newest[trade.trade_id].version:
            newest[trade.trade_id] = trade
    return tuple(trade for trade in newest.values() if trade.action is not TradeAction.CANCEL)


def positions_after(
    portfolio: Portfolio,
    trades: Sequence[Trade],
    instruments: Mapping[str, Instrument],
    acts: CorporateActions = NO_ACTS,
) -> tuple[ReferencePosition, ...]:
    """Return what a portfolio that was not restated holds after its trades, with its cash.

    Parameters
    ----------
    portfolio : Portfolio
        The book and its opening positions.
    trades : sequence of Trade
        Those that count, from ``effective_trades``, of any portfolio.
    instruments : mapping of str to Instrument
        Reference data by id.
    acts : CorporateActions, optional
        Splits and dividends that are in effect.
    """
    name = portfolio.portfolio
    own = [
        SentTrade(trade, acts.arrived.get(trade.trade_id))
        for trade in trades
        if trade.portfolio == name
    ]
    opening = Defined(portfolio, acts.opened.get(name))
    return held_positions(BookHistory([opening], own), instruments, acts)


def held_positions(
    history: BookHistory, instruments: Mapping[str, Instrument], acts: CorporateActions
) -> tuple[ReferencePosition, ...]:
    """Return what a portfolio holds, with its cash, as the references value it.

    Parameters
    ----------
    history : BookHistory
        Its definitions and trades.
    instruments : mapping of str to Instrument
        Reference data by id.
    acts : CorporateActions
        Splits and dividends that are in effect.
    """
    held = holdings(
        history, instruments, replace(acts, instruments=acts.instruments or instruments)
    )
    return tuple(
        _position(name, amount, held.average.get(name, Fraction(0)), instruments)
        for name, amount in held.quantity.items()
        if amount != 0
    )


def expected_end_of_day(
    portfolio: Portfolio,
    held: Sequence[ReferencePosition],
    market: ExpectedMarket,
    day: dt.date,
) -> ReferenceSnapshot:
    """Return the exact risk of a book at one close.

    Parameters
    ----------
    portfolio : Portfolio
        Its window, confidence and base currency are used.
    held : sequence of ReferencePosition
        What it holds at that close.
    market : ExpectedMarket
        Closes and calendar.
    day : date
        The day that is closed.
    """
    proxies = {
        name: instrument.proxy
        for name, instrument in market.instruments.items()
        if instrument.proxy
    }
    series = needed_series(held, portfolio.base_currency)
    known = {*series, *(proxies[name] for name in series if name in proxies)} & market.closes.keys()
    full = covered(
        held,
        {name: market.on_calendar(name) for name in sorted(known)},
        proxies,
        base_currency=portfolio.base_currency,
        as_of=day,
        window=portfolio.window,
    )
    return reference_snapshot(
        full.positions,
        full.closes,
        as_of=day,
        window=portfolio.window,
        confidence=portfolio.confidence,
        base_currency=portfolio.base_currency,
        now=_market_on(held, portfolio, market, day),
        carrying=carrying_of(portfolio, held, market.instruments, market.sessions),
    )


@dataclass(frozen=True)
class Restated:
    """Changes of a book after its first definition.

    Parameters
    ----------
    definitions : sequence of Defined
        In order, with the last day that was closed when each came.
    marks : mapping of date to int
        Event times of all marks.
    """

    definitions: Sequence[Defined] = ()
    marks: Mapping[dt.date, int] = field(default_factory=dict)


NEVER_RESTATED: Final = Restated()


def _is_before(day: dt.date | None, mark: dt.date | None) -> bool:
    """Return whether what came behind a day came before a mark."""
    return mark is not None and (day is None or day < mark)


def expected_days(
    portfolio: Portfolio,
    trades_by_day: Mapping[dt.date, Sequence[Trade]],
    market: ExpectedMarket,
    days: Sequence[dt.date],
    acts: CorporateActions = NO_ACTS,
    restated: Restated = NEVER_RESTATED,
) -> dict[tuple[str, dt.date], EndOfDay]:
    """Return what each end of day must state.

    Parameters
    ----------
    portfolio : Portfolio
        The book, in its first definition.
    trades_by_day : mapping of date to sequence of Trade
        Trade messages by the day whose mark came first after them.
    market : ExpectedMarket
        Closes and calendar.
    days : sequence of date
        The marks, in order. The first has no P&L: nothing was stated before it.
    acts : CorporateActions, optional
        Splits and dividends that ever take effect.
    restated : Restated, optional
        Its later definitions.
    """
    days_by_book: dict[tuple[str, dt.date], EndOfDay] = {}
    name, opened = portfolio.portfolio, acts.opened.get(portfolio.portfolio)
    sent: list[SentTrade] = []
    last: dt.date | None = None
    before: tuple[Portfolio, tuple[ReferencePosition, ...], ReferenceSnapshot] | None = None
    for day in days:
        trades = (trade for trade in trades_by_day.get(day, ()) if trade.portfolio == name)
        sent += (SentTrade(trade, last) for trade in trades)
        came = [
            definition for definition in restated.definitions if _is_before(definition.day, day)
        ]
        passed = {mark: ns for mark, ns in restated.marks.items() if mark < day}
        history = BookHistory([Defined(portfolio, opened), *came], sent, passed)
        book = history.settings(last)
        stands = market.under(acts, until=day - ONE_DAY)
        held = held_positions(history, market.instruments, stands.acts)
        risk = expected_end_of_day(book, held, stands, day)
        pnl = breach = None
        if before is not None and before[0].base_currency == book.base_currency:
            pnl = _value(book, before[1], stands, day) - before[2].nav
            breach = exact_breach(pnl, before[2].var)
        days_by_book[name, day] = _stated(risk, pnl, breach)
        behind = market.under(acts, until=day).acts
        before = book, held_positions(history, market.instruments, behind), risk
        last = day
    return days_by_book


def _stated(risk: ReferenceSnapshot, pnl: Fraction | None, breach: bool | None) -> EndOfDay:
    return EndOfDay(
        nav=float(risk.nav),
        var=float(risk.var),
        expected_shortfall=float(risk.expected_shortfall),
        hypothetical_pnl=None if pnl is None else float(pnl),
        breach=breach,
        scenario_date=risk.scenario_date,
        components={name: float(part) for name, part in risk.components.items()},
    )


def _value(
    portfolio: Portfolio,
    held: Sequence[ReferencePosition],
    market: ExpectedMarket,
    day: dt.date,
) -> Fraction:
    """Return what positions are worth at a close."""
    now = _market_on(held, portfolio, market, day)
    moment = current_market(held, now, portfolio.base_currency)
    return sum((value(position, moment) for position in held), Fraction(0))


def _market_on(
    held: Sequence[ReferencePosition], portfolio: Portfolio, market: ExpectedMarket, day: dt.date
) -> CurrentMarket:
    series = needed_series(held, portfolio.base_currency)
    options = {position.instrument: position.option for position in held if position.option}
    own = set(options)
    # Without any close of it a volatility is held constant, and has no level to state.
    spared = own | {terms.volatility_series for terms in options.values()}
    needed = {name for name in series | own if name not in spared or market.has_close(name, day)}
    closes = {name: exact(market.last_close(name, day)) for name in needed}
    return CurrentMarket.at(closes, day, market.closes)


def _position(
    name: str, quantity: Fraction, entry: Fraction, instruments: Mapping[str, Instrument]
) -> ReferencePosition:
    if name.startswith(CASH):
        return ReferencePosition(name, "cash", name.removeprefix(CASH), quantity)
    known = instruments[name]
    return ReferencePosition(
        name,
        str(known.asset_class),
        known.currency,
        quantity,
        entry,
        Fraction(known.multiplier),
        str(known.return_type),
        option=terms_of(known),
    )


def terms_of(instrument: Instrument) -> ReferenceTerms | None:
    """Return the terms of an option as the references take them, None for anything else."""
    terms = instrument.option
    if terms is None:
        return None
    return ReferenceTerms(
        underlying=terms.underlying,
        right=str(terms.right),
        strike=terms.strike,
        expiry=terms.expiry,
        volatility=terms.volatility,
        rate=terms.rate,
        dividend_yield=terms.dividend_yield,
        volatility_series=terms.volatility_series or "",
        volatility_shift=str(terms.volatility_shift),
    )
