"""What each end of day must state, worked out from the inputs by the references.

Nothing here reads the product's state: positions come from the books and the trades on
the topic, closes from the wheels, arithmetic from ``validation.references``.

A mark closes a day on the calendar of the marks. A book's scenario days are the dates of
that calendar on which each of its series has a close; a series without one today is
valued at its last.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from system.contracts.messages import (
    MONEY,
    AssetClass,
    Instrument,
    OpeningPosition,
    Portfolio,
    Trade,
    TradeAction,
)
from validation.adjustment_rules import Taken
from validation.adjustments import NO_ACTS, Acts
from validation.checkers.end_of_day import EndOfDay
from validation.references.exact import Number, exact, exact_breach
from validation.references.held_options import ReferenceTerms
from validation.references.minor_units import in_major
from validation.references.revaluation import (
    CurrentMarket,
    ReferencePosition,
    current_market,
    needed_series,
    value,
)
from validation.references.snapshot import ReferenceSnapshot, reference_snapshot
from validation.references.stand_ins import completed, window_suffices

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
    acts : Acts
        Splits and dividends that the closes are restated for.
    """

    closes: Mapping[str, Mapping[dt.date, Number]]
    instruments: Mapping[str, Instrument]
    calendar: Sequence[dt.date]
    acts: Acts = NO_ACTS

    def under(self, acts: Acts, *, until: dt.date) -> ExpectedMarket:
        """Return the market under what took effect up to a day's mark; this one's under none."""
        taken = [one for one in acts.taken if one.day <= until]
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
        """Return the newest close of a series up to a day of the calendar."""
        closes = self.on_calendar(series)
        return closes[max(date for date in closes if date <= day)]

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
    return tuple(one for one in newest.values() if one.action is not TradeAction.CANCEL)


def positions_after(
    portfolio: Portfolio,
    trades: Sequence[Trade],
    instruments: Mapping[str, Instrument],
    acts: Acts = NO_ACTS,
) -> tuple[ReferencePosition, ...]:
    """Return what a portfolio holds after its trades, with what they cost in cash.

    The entry price of a future is the mean over all it was bought and sold at, so its
    value holds what it realised; its cash leg is therefore none.

    Parameters
    ----------
    portfolio : Portfolio
        The book and its opening positions.
    trades : sequence of Trade
        Those that count, from ``effective_trades``, of any portfolio.
    instruments : mapping of str to Instrument
        Reference data by id.
    acts : Acts, optional
        Splits and dividends that are in effect.
    """
    quantity: dict[str, Fraction] = {}
    cost: dict[str, Fraction] = {}
    own = [trade for trade in trades if trade.portfolio == portfolio.portfolio]
    for entry in [*portfolio.positions, *acts.in_order(portfolio.portfolio, own)]:
        if isinstance(entry, Taken):
            _act(entry, quantity, acts)
            continue
        name, amount, price = _moved(entry)
        quantity[name] = quantity.get(name, Fraction(0)) + amount
        cost[name] = cost.get(name, Fraction(0)) + amount * price
    for currency, paid in [
        *(_paid(trade, instruments, portfolio.base_currency) for trade in own),
        *_closed_futures(quantity, cost, instruments),
    ]:
        quantity[CASH + currency] = quantity.get(CASH + currency, Fraction(0)) - paid
    return tuple(
        _position(name, amount, cost.get(name, Fraction(0)) / amount, instruments)
        for name, amount in quantity.items()
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
    proxies = {name: one.proxy for name, one in market.instruments.items() if one.proxy}
    series = needed_series(held, portfolio.base_currency)
    known = {*series, *(proxies[name] for name in series if name in proxies)} & market.closes.keys()
    full = completed(
        held,
        {name: market.on_calendar(name) for name in sorted(known)},
        proxies,
        base_currency=portfolio.base_currency,
        suffices=window_suffices(day, portfolio.window),
    )
    return reference_snapshot(
        full.positions,
        full.closes,
        as_of=day,
        window=portfolio.window,
        confidence=portfolio.confidence,
        base_currency=portfolio.base_currency,
        now=_market_on(held, portfolio, market, day),
    )


def expected_days(
    portfolio: Portfolio,
    trades_by_day: Mapping[dt.date, Sequence[Trade]],
    market: ExpectedMarket,
    days: Sequence[dt.date],
    acts: Acts = NO_ACTS,
) -> dict[tuple[str, dt.date], EndOfDay]:
    """Return what each end of day must state.

    Parameters
    ----------
    portfolio : Portfolio
        The book.
    trades_by_day : mapping of date to sequence of Trade
        Trade messages by the day whose mark came first after them.
    market : ExpectedMarket
        Closes and calendar.
    days : sequence of date
        The marks, in order. The first has no P&L: nothing was stated before it.
    acts : Acts, optional
        Splits and dividends that ever take effect.
    """
    found: dict[tuple[str, dt.date], EndOfDay] = {}
    sent: list[Trade] = []
    before: tuple[tuple[ReferencePosition, ...], ReferenceSnapshot] | None = None
    for day in days:
        sent += trades_by_day.get(day, ())
        trades = effective_trades(sent)
        stands = market.under(acts, until=day - ONE_DAY)
        held = positions_after(portfolio, trades, market.instruments, stands.acts)
        risk = expected_end_of_day(portfolio, held, stands, day)
        pnl = None if before is None else _value(portfolio, before[0], stands, day) - before[1].nav
        breach = None if pnl is None or before is None else exact_breach(pnl, before[1].var)
        found[portfolio.portfolio, day] = _stated(risk, pnl, breach)
        behind = market.under(acts, until=day).acts
        before = positions_after(portfolio, trades, market.instruments, behind), risk
    return found


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
    return sum((value(one, moment) for one in held), Fraction(0))


def _market_on(
    held: Sequence[ReferencePosition], portfolio: Portfolio, market: ExpectedMarket, day: dt.date
) -> CurrentMarket:
    series = needed_series(held, portfolio.base_currency)
    own = {one.instrument for one in held if one.option and market.has_close(one.instrument, day)}
    closes = {name: exact(market.last_close(name, day)) for name in series | own}
    return CurrentMarket.at(closes, day, market.closes)


def _act(entry: Taken, quantity: dict[str, Fraction], acts: Acts) -> None:
    """Let a split or dividend take effect on what is held; what it cost stays as it is."""
    for name, ratio in acts.ratios(entry).items():
        if name in quantity:
            quantity[name] *= ratio
    cash, amount = acts.received(entry, quantity)
    if amount != 0:
        quantity[cash] = quantity.get(cash, Fraction(0)) + amount


def _moved(entry: OpeningPosition | Trade) -> tuple[str, Fraction, Fraction]:
    price = entry.entry_price if isinstance(entry, OpeningPosition) else entry.price
    return entry.instrument, Fraction(entry.quantity), Fraction(price)


def _paid(
    trade: Trade, instruments: Mapping[str, Instrument], base_currency: str
) -> tuple[str, Fraction]:
    """Return the currency and amount that a trade costs; a future costs nothing."""
    instrument = instruments[trade.instrument]
    amount = Fraction(trade.quantity) * Fraction(trade.price)
    if instrument.asset_class in MONEY:
        return base_currency, amount
    major, parts = in_major(instrument.currency)
    if instrument.asset_class is AssetClass.FUTURE:
        return major, Fraction(0)
    return major, amount * Fraction(instrument.multiplier) / parts


def _closed_futures(
    quantity: Mapping[str, Fraction],
    cost: Mapping[str, Fraction],
    instruments: Mapping[str, Instrument],
) -> list[tuple[str, Fraction]]:
    """Return what futures that are no longer held have cost, by currency."""
    gone = [instruments[name] for name, amount in quantity.items() if amount == 0]
    paid = []
    for future in (one for one in gone if one.asset_class is AssetClass.FUTURE):
        major, parts = in_major(future.currency)
        paid.append((major, cost[future.instrument] * Fraction(future.multiplier) / parts))
    return paid


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
