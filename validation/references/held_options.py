"""Options inside a book: what each is worth now, and in a market that has moved.

An option with a price of its own is worth that, and its volatility is the one at which the
integral gives it; where none does, its stated volatility moves it in scenarios. Without a price
it is worth what the integral makes of its stated volatility. A
scenario moves spot and volatility; time and rates stay. On its last day an option is worth
what exercise brings, in each scenario too; afterwards what that was at the close of its
last day, whatever else moves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from validation.references.exact import Number, ReferenceInputError, exact
from validation.references.integrals import (
    EuropeanTerms,
    IntegratedGreeks,
    implied_by_integration,
    integrated_greeks,
    integrated_value,
    some_volatility_gives,
)

DAYS_PER_YEAR: Final = 365


@dataclass(frozen=True)
class ReferenceTerms:
    """A European option as reference data describe it.

    Parameters
    ----------
    underlying : str
        Instrument, also the name of its closes; in the option's currency.
    right : str
        ``call`` or ``put``.
    strike : number
        Above zero.
    expiry : date
        Its last day.
    volatility : number
        Per year, above zero: what it is valued with where it has no price.
    rate, dividend_yield : number
        Per year, continuously compounded.
    volatility_series : str
        Whose moves move the volatility in scenarios; empty: it stays.
    volatility_shift : str
        ``relative``: times what the series has grown by; ``absolute``: plus its change.

    Raises
    ------
    ReferenceInputError
        If right or shift is unknown, or strike or volatility is not above zero.
    """

    underlying: str
    right: str
    strike: Number
    expiry: dt.date
    volatility: Number
    rate: Number = 0
    dividend_yield: Number = 0
    volatility_series: str = ""
    volatility_shift: str = "relative"

    def __post_init__(self) -> None:
        known = {"right": ("call", "put"), "volatility_shift": ("relative", "absolute")}
        for field, words in known.items():
            if getattr(self, field) not in words:
                msg = f"{field} {getattr(self, field)!r} of an option is not one of {words}"
                raise ReferenceInputError(msg)
        for field in ("strike", "volatility"):
            if exact(getattr(self, field)) <= 0:
                msg = f"{field} {getattr(self, field)} of an option is not above zero"
                raise ReferenceInputError(msg)

    @property
    def series(self) -> set[str]:
        """Return the names of the series that scenarios move it by."""
        return {self.underlying, self.volatility_series} - {""}


@dataclass(frozen=True)
class OptionState:
    """An option in one market.

    Parameters
    ----------
    terms : ReferenceTerms
        What it promises.
    days : int
        Calendar days to its last one; below 0: it is over.
    spot : Fraction
        Of its underlying.
    volatility : Fraction
        Per year.
    premium : Fraction
        What 1 of it is worth, in its currency.
    beyond_model : Fraction
        Part of that which no volatility explains: a scenario leaves it as it is.
    """

    terms: ReferenceTerms
    days: int
    spot: Fraction
    volatility: Fraction
    premium: Fraction
    beyond_model: Fraction = Fraction(0)

    def greeks(self) -> IntegratedGreeks:
        """Return the Greeks of 1 of it, as textbooks print them; 0 once it is over."""
        if self.days < 0:
            return IntegratedGreeks(0.0, 0.0, 0.0, 0.0, 0.0)
        return integrated_greeks(
            european(self.terms, self.days),
            spot=float(self.spot),
            volatility=float(self.volatility),
        )


def option_now(
    name: str,
    terms: ReferenceTerms,
    *,
    day: dt.date,
    prices: Mapping[str, Number],
    closes: Mapping[str, Mapping[dt.date, Number]],
) -> OptionState:
    """Return an option at current prices.

    Parameters
    ----------
    name : str
        Of the option; its own price, if there is one, stands under it.
    terms : ReferenceTerms
        What it promises.
    day : date
        From which time to expiry counts.
    prices : mapping of str to number
        Current ones.
    closes : mapping of str to mapping of date to number
        What an option that is over was worth at.

    Raises
    ------
    ReferenceInputError
        If its underlying has no price, or its own price hardly depends on its volatility.
    """
    days, stated = (terms.expiry - day).days, exact(terms.volatility)
    if days < 0:
        last = _close_until(terms.underlying, terms.expiry, closes)
        return OptionState(terms, days, last, stated, _paid(terms, last))
    if terms.underlying not in prices:
        msg = f"no current price of {terms.underlying}, which {name} is on"
        raise ReferenceInputError(msg)
    spot = exact(prices[terms.underlying])
    if spot <= 0:
        msg = f"price of {terms.underlying} is {spot}: an option on it needs one above zero"
        raise ReferenceInputError(msg)
    if name not in prices or days == 0:
        return _modelled(OptionState(terms, days, spot, stated, Fraction(0)))
    own = exact(prices[name])
    if not some_volatility_gives(european(terms, days), price=float(own), spot=float(spot)):
        modelled = _modelled(OptionState(terms, days, spot, stated, Fraction(0)))
        return replace(modelled, premium=own, beyond_model=own - modelled.premium)
    try:
        implied = implied_by_integration(european(terms, days), price=float(own), spot=float(spot))
    except ReferenceInputError as error:
        msg = f"{name}: {error}"
        raise ReferenceInputError(msg) from error
    return OptionState(terms, days, spot, exact(implied), own)


def option_moved(
    name: str,
    now: OptionState,
    before: Mapping[str, Fraction],
    after: Mapping[str, Fraction],
) -> OptionState:
    """Return an option after the moves between two historical days.

    Parameters
    ----------
    name : str
        Of the option.
    now : OptionState
        At current prices.
    before, after : mapping of str to Fraction
        Closes of the two days, of its series among them.

    Raises
    ------
    ReferenceInputError
        If a ratio of closes has no meaning, or the moves leave spot or volatility at or below
        zero.
    """
    if now.days < 0:
        return now
    terms, volatility = now.terms, now.volatility
    spot = now.spot * _grown(terms.underlying, before, after)
    series = terms.volatility_series
    if series and terms.volatility_shift == "absolute":
        volatility += after[series] - before[series]
    elif series:
        volatility *= _grown(series, before, after)
    for what, level in (("spot", spot), ("volatility", volatility)):
        if level <= 0:
            msg = f"{what} of {name} would move to {float(level)}"
            raise ReferenceInputError(msg)
    moved = _modelled(replace(now, spot=spot, volatility=volatility))
    return replace(moved, premium=moved.premium + now.beyond_model)


def european(terms: ReferenceTerms, days: int) -> EuropeanTerms:
    """Return what an option promises, with the time that is left."""
    return EuropeanTerms(
        terms.right == "call",
        float(exact(terms.strike)),
        days / DAYS_PER_YEAR,
        float(exact(terms.rate)),
        float(exact(terms.dividend_yield)),
    )


def _modelled(state: OptionState) -> OptionState:
    if state.days == 0:
        return replace(state, premium=_paid(state.terms, state.spot))
    worth = integrated_value(
        european(state.terms, state.days),
        spot=float(state.spot),
        volatility=float(state.volatility),
    )
    return replace(state, premium=exact(worth))


def _paid(terms: ReferenceTerms, spot: Fraction) -> Fraction:
    """Return what exercise brings."""
    gain = spot - exact(terms.strike)
    return max(gain if terms.right == "call" else -gain, Fraction(0))


def _close_until(
    series: str, day: dt.date, closes: Mapping[str, Mapping[dt.date, Number]]
) -> Fraction:
    known = {date: close for date, close in closes.get(series, {}).items() if date <= day}
    if not known:
        msg = f"no close of {series} up to {day}, the last day of an option on it"
        raise ReferenceInputError(msg)
    return exact(known[max(known)])


def _grown(series: str, before: Mapping[str, Fraction], after: Mapping[str, Fraction]) -> Fraction:
    first, second = before[series], after[series]
    if first <= 0 or second <= 0:
        msg = f"closes of {series} are {first} and {second}: no ratio of them"
        raise ReferenceInputError(msg)
    return second / first
