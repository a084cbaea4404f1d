"""Value of a book at many closes: the formulas of `system.risk.valuation`, by day.

A future is taken as settled at each as-of close: its value is 0 there, its P&L of the
next day is (price' - price) x multiplier x quantity at the new rate, and it has no FX
exposure beyond that. A file of positions knows no entry prices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from system.backtest.engine.scenarios import FactorHistory
from system.risk.arrays import BoolVector, Float64Matrix, Float64Vector
from system.risk.listing import Listing
from system.risk.scenarios.window import ScenarioWindow


@dataclass(frozen=True, slots=True, eq=False)
class MarkedDays:
    """Prices and rates of a book on consecutive days, shapes (day_count, position_count).

    Parameters
    ----------
    prices : ndarray of float64
        Instrument currency per unit; not read for money.
    unit_rates : ndarray of float64
        Base currency per unit of each position's currency.
    multiplier : ndarray of float64, shape (position_count,)
        Of each position.
    is_future, is_money, is_absolute : ndarray of bool, shape (position_count,)
        Kinds of position.
    """

    prices: Float64Matrix
    unit_rates: Float64Matrix
    multiplier: Float64Matrix
    is_future: BoolVector
    is_money: BoolVector
    is_absolute: BoolVector

    @classmethod
    def of(
        cls,
        window: ScenarioWindow,
        listings: Sequence[Listing],
        unit_rates: Float64Matrix,
        premium: Mapping[str, Float64Vector],
    ) -> Self:
        """Return prices and rates on every day of a window; of options, their premiums."""
        nothing = np.full(len(window.dates), np.nan)
        known = {
            **{listing.instrument_id: nothing for listing in listings if listing.is_money},
            **premium,
        }
        prices = [
            known[name] if name in known else window.row(name)
            for name in (listing.instrument_id for listing in listings)
        ]
        return cls(
            prices=np.array(prices).T,
            unit_rates=unit_rates.T,
            multiplier=np.array([listing.multiplier for listing in listings]),
            is_future=np.array([listing.is_future for listing in listings]),
            is_money=np.array([listing.is_money for listing in listings]),
            is_absolute=np.array([listing.is_absolute for listing in listings]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class DailyValuation:
    """Value and exposure at as-of closes, and value the day after; base currency.

    Each has shape (day_count, position_count). ``value_after`` is that of the positions
    held at the as-of close, at the prices and rates of the next day; ``exposure`` is what the
    whole position is worth at its price, of an option at its premium, and ``units`` the base
    currency per 1.0 of price.
    """

    value: Float64Matrix
    price_exposure: Float64Matrix
    value_after: Float64Matrix
    exposure: Float64Matrix
    units: Float64Matrix

    def weights(self, factors: FactorHistory) -> Float64Matrix:
        """Return the weight of each factor row, shape (day_count, row_count)."""
        position = factors.row_position
        return np.where(
            factors.row_is_fx, self.value[:, position], self.price_exposure[:, position]
        )


def worth(marked: MarkedDays, quantities: Float64Matrix, first: int) -> DailyValuation:
    """Return what positions are worth at consecutive closes and the day after each.

    Parameters
    ----------
    marked : MarkedDays
        Prices and rates.
    quantities : ndarray of float64, shape (day_count, position_count)
        Held at each as-of close.
    first : int
        Day of ``marked`` that is the first as-of close.
    """
    count = len(quantities)
    units = quantities * marked.multiplier
    now, after = slice(first, first + count), slice(first + 1, first + count + 1)
    money = marked.is_money
    price = np.where(money, marked.unit_rates[now], marked.prices[now])
    price_after = np.where(money, marked.unit_rates[after], marked.prices[after])
    delta = units * np.where(money, 1.0, marked.unit_rates[now])
    delta_after = units * np.where(money, 1.0, marked.unit_rates[after])
    exposure = delta * price
    settled = delta_after * (price_after - price)
    return DailyValuation(
        value=np.where(marked.is_future, 0.0, exposure),
        price_exposure=np.where(marked.is_absolute, delta, exposure),
        value_after=np.where(marked.is_future, settled, delta_after * price_after),
        exposure=exposure,
        units=delta,
    )
