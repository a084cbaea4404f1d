"""Scenario P&L of many as-of days at once, with the bits of one day at a time.

The kernel of `system.risk` adds weight times factor row, one row after the other, from
0.0. Here the same two operations run for all days side by side: entry (day, scenario) of
the running total is multiplied and added to in the same order, so it has the same bits
(decision 0035). The factor rows are those of `system.risk.scenarios.factors`, computed once for
the whole history: a return does not depend on the day it is looked at from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from system.backtest.engine.days import foreign_currencies
from system.contracts.currencies import unit_of
from system.risk.arrays import BoolVector, Float64Matrix, Float64Vector, IndexVector
from system.risk.currency import major_currency
from system.risk.errors import NonPositiveCloseError
from system.risk.listing import Listing
from system.risk.scenarios.factors import price_moves
from system.risk.scenarios.window import ScenarioWindow, fx_series


@dataclass(frozen=True, slots=True, eq=False)
class FactorHistory:
    """Factor rows over a whole history; see `system.risk.scenarios.factors.ScenarioFactors`.

    Parameters
    ----------
    rows : ndarray of float64, shape (row_count, day_count - 1), C-contiguous
        Position by position: r(1 + f), then f; column j ends on day j + 1.
    row_position : ndarray of intp, shape (row_count,)
        Position that each row belongs to, ascending.
    row_is_fx : ndarray of bool, shape (row_count,)
        Whether the row is f.
    position_count : int
        Number of positions.
    """

    rows: Float64Matrix
    row_position: IndexVector
    row_is_fx: BoolVector
    position_count: int


def base_rates(
    window: ScenarioWindow, listings: Sequence[Listing], base_currency: str
) -> dict[str, Float64Vector]:
    """Return base currency per unit of each major currency of a book, per day.

    Parameters
    ----------
    window : ScenarioWindow
        With the rates of the book, named `fx_series`.
    listings : sequence of Listing
        The instruments.
    base_currency : str
        ISO code.

    Raises
    ------
    NonPositiveCloseError
        If a rate is at or below zero; names currency and date.
    """
    rates = {base_currency: np.ones(len(window.dates))}
    for currency in foreign_currencies(listings, base_currency):
        series = window.row(fx_series(currency))
        positive = series > 0.0
        if not positive.all():
            day = int(np.argmin(positive))
            raise NonPositiveCloseError(fx_series(currency), window.dates[day], float(series[day]))
        rates[currency] = series
    return rates


def unit_rates(listings: Sequence[Listing], rates: dict[str, Float64Vector]) -> Float64Matrix:
    """Return base currency per unit of each position's own currency, GBp too.

    Parameters
    ----------
    listings : sequence of Listing
        The positions; at least one.
    rates : dict of str to ndarray
        From `base_rates`.

    Returns
    -------
    ndarray of float64, shape (position_count, day_count)
        As `system.risk.currency.rate_to_base` has it.
    """
    return np.array(
        [
            rates[unit.currency] / unit.parts
            for unit in (unit_of(listing.currency) for listing in listings)
        ]
    )


def factor_history(
    window: ScenarioWindow,
    listings: Sequence[Listing],
    rates: dict[str, Float64Vector],
    base_currency: str,
) -> FactorHistory:
    """Return the factor rows of a book over every day of a window.

    Parameters
    ----------
    window : ScenarioWindow
        Closes of the book.
    listings : sequence of Listing
        Canonical order.
    rates : dict of str to ndarray
        From `base_rates`.
    base_currency : str
        ISO code.

    Raises
    ------
    NonPositiveCloseError
        If a relative return would start or end at a close at or below zero.
    """
    rows: list[Float64Vector] = []
    positions: list[int] = []
    is_fx: list[bool] = []
    for position, listing in enumerate(listings):
        currency = major_currency(listing.currency)
        rate = rates[currency]
        fx = None if currency == base_currency else _rate_moves(rate)
        own = [] if listing.is_money else [_own_moves(window, listing)]
        both = own if fx is None else [*(moves * (1.0 + fx) for moves in own), fx]
        rows += both
        positions += [position] * len(both)
        is_fx += [False] * len(own) + [True] * (fx is not None)
    return FactorHistory(
        rows=np.array(rows, dtype=np.float64).reshape(len(rows), len(window.dates) - 1),
        row_position=np.array(positions, dtype=np.intp),
        row_is_fx=np.array(is_fx, dtype=np.bool_),
        position_count=len(listings),
    )


def currency_moves(rates: dict[str, Float64Vector], base_currency: str) -> dict[str, Float64Vector]:
    """Return X'/X - 1 of each foreign currency, shape (day_count - 1,)."""
    return {
        name: _rate_moves(rate_values)
        for name, rate_values in rates.items()
        if name != base_currency
    }


def _rate_moves(rate: Float64Vector) -> Float64Vector:
    moves: Float64Vector = rate[1:] / rate[:-1] - 1.0
    return moves


def _own_moves(window: ScenarioWindow, listing: Listing) -> Float64Vector:
    """Return the price moves of an instrument; nothing for an option, whose row is of a day."""
    if listing.option is not None:
        return np.zeros(len(window.dates) - 1)
    return price_moves(window, listing)


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioBlock:
    """Scenarios of consecutive as-of days, each with its own window and weights.

    Parameters
    ----------
    factors : FactorHistory
        Of the book.
    weights : ndarray of float64, shape (day_count, row_count)
        Base currency, at the prices and rates of each as-of close.
    first_column : int
        Column of the oldest scenario of the first day; one further for each day.
    scenario_count : int
        Scenarios per day.
    """

    factors: FactorHistory
    weights: Float64Matrix
    first_column: int
    scenario_count: int
    own: Mapping[int, Float64Matrix] = field(default_factory=dict)

    @property
    def day_count(self) -> int:
        """Return the number of as-of days."""
        return len(self.weights)

    def windows(self, row: int) -> Float64Matrix:
        """Return one factor row as a view, shape (day_count, scenario_count)."""
        if row in self.own:
            return self.own[row][:, :-1]
        last = self.first_column + self.day_count + self.scenario_count - 1
        return sliding_window_view(
            self.factors.rows[row, self.first_column : last], self.scenario_count
        )

    def pnl(self) -> Float64Matrix:
        """Return the P&L of the book, shape (day_count, scenario_count), gains positive."""
        total = np.zeros((self.day_count, self.scenario_count))
        term = np.empty_like(total)
        for row in range(len(self.factors.rows)):
            np.multiply(self.windows(row), self.weights[:, row, None], out=term)
            total += term
        return total

    def realised(self) -> Float64Vector:
        """Return the P&L by the moves of the day after each as-of close, shape (day_count,)."""
        first = self.first_column + self.scenario_count
        moves = self.factors.rows[:, first : first + self.day_count]
        total = np.zeros(self.day_count)
        for row in range(len(moves)):
            move = self.own[row][:, -1] if row in self.own else moves[row]
            total += move * self.weights[:, row]
        return total

    def days(self, first: int, count: int) -> ScenarioBlock:
        """Return the block of some of its days, from the 0-based ``first`` on."""
        part = slice(first, first + count)
        own = {row: moves[part] for row, moves in self.own.items()}
        weights, column = self.weights[part], self.first_column + first
        return ScenarioBlock(self.factors, weights, column, self.scenario_count, own)

    def rows_of(self, day: int) -> Float64Matrix:
        """Return the factor rows of one day, shape (row_count, scenario_count)."""
        column = self.first_column + day
        rows = self.factors.rows[:, column : column + self.scenario_count].copy()
        for row, moves in self.own.items():
            rows[row] = moves[day, :-1]
        return rows

    def losses_in(self, scenarios: IndexVector) -> Float64Matrix:
        """Return each position's loss in one scenario per day, shape (day_count, positions).

        Parameters
        ----------
        scenarios : ndarray of intp, shape (day_count,)
            0-based, within each day's window.
        """
        columns = self.first_column + np.arange(self.day_count) + scenarios
        moved = self.factors.rows[:, columns].T.copy()
        for row, moves in self.own.items():
            moved[:, row] = moves[np.arange(self.day_count), scenarios]
        return self._by_position(moved * self.weights)

    def weighted_losses(self, coefficients: Float64Matrix) -> Float64Matrix:
        """Return the weighted sum of each position's losses, shape (day_count, positions).

        Parameters
        ----------
        coefficients : ndarray of float64, shape (day_count, scenario_count)
            Weight of each scenario.
        """
        moved = np.empty((self.day_count, len(self.factors.rows)))
        for row in range(len(self.factors.rows)):
            moved[:, row] = np.einsum("ts,ts->t", coefficients, self.windows(row))
        return self._by_position(moved * self.weights)

    def _by_position(self, row_pnl: Float64Matrix) -> Float64Matrix:
        losses = np.zeros((self.day_count, self.factors.position_count))
        is_fx, position = self.factors.row_is_fx, self.factors.row_position
        losses[:, position[~is_fx]] -= row_pnl[:, ~is_fx]
        if is_fx.any():
            losses[:, position[is_fx]] -= row_pnl[:, is_fx]
        return losses
