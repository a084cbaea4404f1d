"""Options inside scenarios: what moves them, where they stand, and full revaluation.

With S the spot of the underlying, v the volatility and p(S, v) the option's value, each
scenario gives the premium the change ``p(S', v') - p(S, v)``: time does not advance, rates
stay. Times 1 + f, the FX move of the same scenario, that change is the option's row among the
factors (decision 0025), so that every number of a book with options comes from the one
kernel.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from system.risk.arrays import BoolVector, Float64Matrix, Float64Vector
from system.risk.errors import NoScenarioValueError
from system.risk.listing import Listing
from system.risk.options.black_scholes import (
    DAYS_PER_YEAR,
    VOLATILITY_POINT,
    EuropeanOption,
    Greeks,
    OptionArrays,
    PriceStanding,
    implied_volatility,
    option_greeks,
    option_value,
    price_standing,
)
from system.risk.options.moves import OptionMoves, terms_of
from system.risk.scenarios.factors import ScenarioFactors


@dataclass(frozen=True, slots=True)
class OptionMark:
    """What one option is marked with.

    Parameters
    ----------
    listing : Listing
        The option.
    days : int
        Calendar days to expiry; below 0: it has expired.
    spot : float
        Of the underlying; of an expired option, its close on the last day.
    price : float
        Of the option itself where it has one; NaN where it is marked by its model.
    volatility : float or None
        That of the model, where it is not that of the reference data; of an option with a price
        of its own, the one to use where the price implies none.
    """

    listing: Listing
    days: int
    spot: float
    price: float = float("nan")
    volatility: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OptionMarks:
    """The options of a book at one set of prices; vectors have shape (option_count,).

    Parameters
    ----------
    listings : tuple of Listing
        Canonical order.
    options : OptionArrays
        Their terms, at the time to expiry that is left.
    days : tuple of int
        Calendar days to expiry.
    spot, volatility : ndarray of float64
        Of the underlying; per year.
    premium : ndarray of float64
        What positions are marked at, option's currency per unit.
    is_implied : ndarray of bool
        Whether the volatility is that of the option's own price, now or at another moment.
    is_live : ndarray of bool
        Whether scenarios move it: it has not expired.
    is_outside_model : ndarray of bool
        Whether it is worth a price of its own that implies no volatility: scenarios then change
        that price by what the model changes at ``volatility``.
    """

    listings: tuple[Listing, ...]
    options: OptionArrays
    days: tuple[int, ...]
    spot: Float64Vector
    volatility: Float64Vector
    premium: Float64Vector
    is_implied: BoolVector
    is_live: BoolVector
    is_outside_model: BoolVector

    def greeks(self) -> Greeks:
        """Return the Greeks of 1.0 of quantity; 0 once expired."""
        greeks = option_greeks(self.options, spot=self.spot, volatility=self.volatility)
        live = self.is_live.astype(np.float64)
        return Greeks(
            greeks.delta * live,
            greeks.gamma * live,
            greeks.vega * live,
            greeks.theta * live,
            greeks.rho * live,
        )


def option_marks(marks: Sequence[OptionMark]) -> OptionMarks:
    """Return some options valued at one set of prices.

    Parameters
    ----------
    marks : sequence of OptionMark
        In canonical order.

    Returns
    -------
    OptionMarks
        An option with a price of its own is worth that, its volatility is the implied
        one; where the price implies none, that of the mark or of the reference data.
        Without a price it is worth what its reference volatility makes it. On its last
        day, and after it, it is worth its intrinsic value whatever its price.
    """
    implied = [_implied(mark) for mark in marks]
    solved = [
        _stated(mark) if volatility is None else volatility
        for mark, volatility in zip(marks, implied, strict=True)
    ]
    options = OptionArrays.of([european(mark) for mark in marks])
    spot = np.array([mark.spot for mark in marks], dtype=np.float64)
    volatility = np.array(solved, dtype=np.float64)
    is_implied = np.array([value is not None for value in implied], dtype=np.bool_)
    is_quoted = np.array([_is_quoted(mark) for mark in marks], dtype=np.bool_)
    is_stated = np.array([mark.volatility is not None for mark in marks], dtype=np.bool_)
    quoted = np.array([mark.price for mark in marks], dtype=np.float64)
    model = option_value(options, spot=spot, volatility=volatility)
    return OptionMarks(
        listings=tuple(mark.listing for mark in marks),
        options=options,
        days=tuple(mark.days for mark in marks),
        spot=spot,
        volatility=volatility,
        premium=np.where(is_quoted, quoted, model),
        is_implied=is_implied | is_stated,
        is_live=np.array([mark.days >= 0 for mark in marks], dtype=np.bool_),
        is_outside_model=is_quoted & ~is_implied,
    )


def revalued(
    factors: ScenarioFactors, moves: OptionMoves | None, marks: OptionMarks
) -> ScenarioFactors:
    """Return the factors with each option's row from full revaluation in every scenario.

    Parameters
    ----------
    factors : ScenarioFactors
        Of the book; not modified.
    moves : OptionMoves or None
        Of the same book and window; None without options.
    marks : OptionMarks
        Where its options stand.

    Returns
    -------
    ScenarioFactors
        ``factors`` itself where there are no options.

    Raises
    ------
    NoScenarioValueError
        If a scenario moves a spot or a volatility to zero or below; names the option and
        the date.
    """
    if moves is None:
        return factors
    spot, volatility = _moved(factors, moves, marks)
    now = option_value(marks.options, spot=marks.spot, volatility=marks.volatility)
    then = option_value(marks.options.as_columns(), spot=spot, volatility=volatility)
    return _with_rows(factors, moves, (then - now[:, None]) * marks.is_live[:, None])


def delta_gamma_vega(
    factors: ScenarioFactors, moves: OptionMoves, marks: OptionMarks
) -> ScenarioFactors:
    """Return the factors with each option's row from its delta, gamma and vega alone.

    Parameters
    ----------
    factors, moves, marks
        As for `revalued`.

    Returns
    -------
    ScenarioFactors
        An approximation, to be shown beside full revaluation with the gap.

    Raises
    ------
    NoScenarioValueError
        As `revalued`.
    """
    spot, volatility = _moved(factors, moves, marks)
    greeks = marks.greeks()
    spot_change = spot - marks.spot[:, None]
    points = (volatility - marks.volatility[:, None]) / VOLATILITY_POINT
    change = (
        greeks.delta[:, None] * spot_change
        + 0.5 * greeks.gamma[:, None] * np.square(spot_change)
        + greeks.vega[:, None] * points
    )
    return _with_rows(factors, moves, change)


def shifted(now: Float64Vector, move: Float64Matrix, is_absolute: BoolVector) -> Float64Matrix:
    """Return the level of each option's spot or volatility in each scenario.

    Parameters
    ----------
    now : ndarray of float64, shape (option_count,)
        Present levels.
    move : ndarray of float64, shape (option_count, scenario_count)
        Simple returns, or changes.
    is_absolute : ndarray of bool, shape (option_count, 1)
        Whether a move is a change.

    Returns
    -------
    ndarray of float64, shape (option_count, scenario_count)
        Not checked for being above zero.
    """
    level = now[:, None]
    return np.where(is_absolute, level + move, level * (1.0 + move))


def _is_quoted(mark: OptionMark) -> bool:
    return mark.days > 0 and bool(np.isfinite(mark.price))


def european(mark: OptionMark) -> EuropeanOption:
    """Return the terms of an option at the time to expiry that is left to it."""
    terms = terms_of(mark.listing)
    years = max(0, mark.days) / DAYS_PER_YEAR
    return EuropeanOption(terms.right, terms.strike, years, terms.rate, terms.dividend_yield)


def _stated(mark: OptionMark) -> float:
    """Return the volatility of an option whose own price implies none."""
    return terms_of(mark.listing).volatility if mark.volatility is None else mark.volatility


def _implied(mark: OptionMark) -> float | None:
    """Return the volatility that an option's own price implies, None where there is none."""
    if not _is_quoted(mark):
        return None
    option = european(mark)
    if price_standing(option, price=mark.price, spot=mark.spot) is not PriceStanding.INSIDE:
        return None
    return implied_volatility(option, price=mark.price, spot=mark.spot)


def _moved(
    factors: ScenarioFactors, moves: OptionMoves, marks: OptionMarks
) -> tuple[Float64Matrix, Float64Matrix]:
    """Return spot and volatility of each option in each scenario."""
    spot = shifted(marks.spot, moves.spot_move, moves.spot_is_absolute)
    volatility = shifted(marks.volatility, moves.volatility_move, moves.volatility_is_absolute)
    dates = factors.scenario_dates
    _refuse_non_positive("spot", spot, marks, dates)
    _refuse_non_positive("volatility", volatility, marks, dates)
    return spot, volatility


def _refuse_non_positive(
    what: str, values: Float64Matrix, marks: OptionMarks, dates: tuple[dt.date, ...]
) -> None:
    wrong = ~(values > 0.0)
    if wrong.any():
        option, scenario = np.argwhere(wrong)[0]
        name = marks.listings[option].instrument_id
        raise NoScenarioValueError(name, what, dates[scenario], float(values[option, scenario]))


def _with_rows(
    factors: ScenarioFactors, moves: OptionMoves, change: Float64Matrix
) -> ScenarioFactors:
    rows = factors.rows.copy()
    rows[moves.row] = change * moves.fx
    return replace(factors, rows=rows)
