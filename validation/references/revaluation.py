"""A market, and what a book is worth in it, in exact arithmetic.

Each scenario is a little market of its own: every price and every FX rate is moved, and
each position is valued in it from scratch. Nothing is linearised or weighted. The value of an
option is an integral in double precision (`validation.references.integrals`); from there on it
is taken as the exact number that it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Self

from validation.references.exact import Number, ReferenceInputError, exact
from validation.references.held_options import (
    OptionState,
    ReferenceTerms,
    option_moved,
    option_now,
)
from validation.references.minor_units import in_major

PRICED: Final = ("equity", "etf", "future")
MONEY: Final = ("cash", "fx")
OPTION: Final = "option"


@dataclass(frozen=True)
class ReferencePosition:
    """A position as its owner would write it down.

    Parameters
    ----------
    instrument : str
        Also the name of its closes.
    asset_class : str
        equity, etf, future, option, fx or cash.
    currency : str
        ISO code, or that of a minor unit.
    quantity : number
        Signed; for fx and cash the amount of ``currency``.
    entry_price : number
        Of futures: the price that their P&L is counted from. Else not read.
    multiplier : number
        Units of currency per quantity and point of price.
    return_type : str
        relative or absolute.
    option : ReferenceTerms, optional
        Of an option, and of nothing else.

    Raises
    ------
    ReferenceInputError
        If the asset class or the return type is unknown, or an option has no terms; names
        the instrument.
    """

    instrument: str
    asset_class: str
    currency: str
    quantity: Number
    entry_price: Number = 0
    multiplier: Number = 1
    return_type: str = "relative"
    option: ReferenceTerms | None = None

    def __post_init__(self) -> None:
        if self.asset_class not in (*PRICED, *MONEY, OPTION):
            msg = f"asset class {self.asset_class!r} of {self.instrument} is not known"
            raise ReferenceInputError(msg)
        if (self.asset_class == OPTION) != (self.option is not None):
            msg = f"{self.instrument} ({self.asset_class}): an option, and nothing else, has terms"
            raise ReferenceInputError(msg)
        if self.return_type not in ("relative", "absolute"):
            msg = f"return type {self.return_type!r} of {self.instrument} is not known"
            raise ReferenceInputError(msg)


@dataclass(frozen=True)
class CurrentMarket:
    """Current prices per instrument, and current units for 1 EUR per currency.

    Of options: ``day`` is what time to expiry counts from; those that have a price of their
    own have it among ``prices``; what is over stands at the ``closes`` of its underlying.
    """

    prices: Mapping[str, Number]
    quotes: Mapping[str, Number] = field(default_factory=dict)
    day: dt.date | None = None
    closes: Mapping[str, Mapping[dt.date, Number]] = field(default_factory=dict)

    @classmethod
    def at(
        cls,
        closes: Mapping[str, Fraction],
        day: dt.date | None = None,
        history: Mapping[str, Mapping[dt.date, Number]] | None = None,
    ) -> Self:
        """Return the market of one day's closes, FX series among them."""
        quotes = {
            name.removeprefix("fx:"): close
            for name, close in closes.items()
            if name.startswith("fx:")
        }
        return cls(closes, quotes, day, history or {})


@dataclass(frozen=True)
class Market:
    """Prices in each instrument's currency, and base currency per unit of each currency.

    ``options`` are those of the book; ``units`` the quantity times the multiplier of each
    position.
    """

    prices: Mapping[str, Fraction]
    rates: Mapping[str, Fraction]
    units: Mapping[str, Fraction]
    options: Mapping[str, OptionState]


def value(position: ReferencePosition, market: Market) -> Fraction:
    """Return what a position adds to NAV in one market, base currency."""
    rate = market.rates[position.currency]
    units = market.units[position.instrument]
    if position.asset_class in MONEY:
        return units * rate
    if position.option is not None:
        return units * market.options[position.instrument].premium * rate
    price = market.prices[position.instrument]
    if position.asset_class == "future":
        price -= exact(position.entry_price)
    return units * price * rate


def current_market(
    positions: Sequence[ReferencePosition], now: CurrentMarket, base_currency: str
) -> Market:
    """Return the market that a book is in now.

    Raises
    ------
    ReferenceInputError
        If a price or a quote is missing or is no number; names it.
    """
    quotes = {fx_name(currency): exact(quote) for currency, quote in now.quotes.items()}
    prices = {}
    for position in positions:
        if position.asset_class in PRICED:
            if position.instrument not in now.prices:
                msg = f"no current price of {position.instrument}"
                raise ReferenceInputError(msg)
            prices[position.instrument] = exact(now.prices[position.instrument])
    rates = {
        position.currency: _rate(position.currency, base_currency, quotes) for position in positions
    }
    units = {position.instrument: _units(position) for position in positions}
    return Market(prices, rates, units, _options(positions, now))


def moved_market(
    now: Market,
    positions: Sequence[ReferencePosition],
    before: Mapping[str, Fraction],
    after: Mapping[str, Fraction],
    base_currency: str,
) -> Market:
    """Return today's market after the moves between two historical days.

    Parameters
    ----------
    now : Market
        Today's.
    positions : sequence of ReferencePosition
        The book.
    before, after : mapping of str to Fraction
        Closes of the two days, FX series among them.
    base_currency : str
        ISO code.

    Raises
    ------
    ReferenceInputError
        If a close is missing, or not above zero where a ratio of it is taken.
    """
    prices = {
        position.instrument: _shocked(position, now.prices[position.instrument], before, after)
        for position in positions
        if position.asset_class in PRICED
    }
    rates = {
        currency: rate
        * _rate(currency, base_currency, after)
        / _rate(currency, base_currency, before)
        for currency, rate in now.rates.items()
    }
    options = {
        name: option_moved(name, option, before, after) for name, option in now.options.items()
    }
    return Market(prices, rates, now.units, options)


def needed_series(positions: Sequence[ReferencePosition], base_currency: str) -> set[str]:
    """Return the names of the series that a book needs: prices, and FX where it is foreign.

    Of an option that is what it is on and what moves its volatility, not its own.
    """
    behind = {name for position in positions if position.option for name in position.option.series}
    priced = behind | {
        position.instrument for position in positions if position.asset_class in PRICED
    }
    majors = {in_major(position.currency)[0] for position in positions}
    foreign = majors - {base_currency}
    quoted = foreign | {base_currency} if foreign else set()
    return priced | {fx_name(currency) for currency in quoted if currency != "EUR"}


def fx_name(currency: str) -> str:
    """Return the name of the series of a currency's units for 1 EUR."""
    return f"fx:{currency}"


def _units(position: ReferencePosition) -> Fraction:
    amount = exact(position.quantity)
    return amount if position.asset_class in MONEY else amount * exact(position.multiplier)


def _options(positions: Sequence[ReferencePosition], now: CurrentMarket) -> dict[str, OptionState]:
    options = {}
    for position in positions:
        if position.option is not None:
            if now.day is None:
                msg = f"no day to count the time to expiry of {position.instrument} from"
                raise ReferenceInputError(msg)
            options[position.instrument] = option_now(
                position.instrument,
                position.option,
                day=now.day,
                prices=now.prices,
                closes=now.closes,
            )
    return options


def _shocked(
    position: ReferencePosition,
    price: Fraction,
    before: Mapping[str, Fraction],
    after: Mapping[str, Fraction],
) -> Fraction:
    first, second = before[position.instrument], after[position.instrument]
    if position.return_type == "absolute":
        return price + second - first
    if first <= 0 or second <= 0:
        msg = f"closes of {position.instrument} are {first} and {second}: no ratio of them"
        raise ReferenceInputError(msg)
    return price * second / first


def _rate(currency: str, base_currency: str, quotes: Mapping[str, Fraction]) -> Fraction:
    """Return base currency per unit of ``currency``, over units for 1 EUR."""
    major, parts = in_major(currency)
    if major == base_currency:
        return Fraction(1, parts)
    return _quote(base_currency, quotes) / _quote(major, quotes) / parts


def _quote(currency: str, quotes: Mapping[str, Fraction]) -> Fraction:
    if currency == "EUR":
        return Fraction(1)
    quote = quotes.get(fx_name(currency))
    if quote is None or quote <= 0:
        msg = f"quote of {currency} is {quote}: it must be there and above zero"
        raise ReferenceInputError(msg)
    return quote
