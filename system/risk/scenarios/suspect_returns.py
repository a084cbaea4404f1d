"""Moves that deserve a look: flagged by name and date, and still counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from system.contracts.messages import AssetClass
from system.risk.listing import Listing
from system.risk.scenarios.factors import price_moves, series_moves
from system.risk.scenarios.window import ScenarioWindow, fx_series

MOVE_BOUNDS: Final[Mapping[AssetClass, float]] = {
    AssetClass.EQUITY: 0.25,
    AssetClass.ETF: 0.15,
    AssetClass.FUTURE: 0.15,
    AssetClass.FX: 0.10,
}
"""Largest daily move, as a fraction of the close before, that is taken without a flag.

``FX`` is the bound of a rate. In the reference rates of the European Central Bank since 1999,
some 40 currencies, 21 daily moves are larger: the franc of 15 January 2015 and crises of the
lira, rouble, krona and real. The pound of 24 June 2016 stays inside.
"""

SPLIT_RATIOS: Final = tuple(
    Fraction(ratio) for ratio in ("3/2", "4/3", "2", "3", "4", "5", "6", "7", "8", "10", "15", "20")
)
"""New shares per old share in common splits; their inverses are reverse splits."""

SPLIT_TOLERANCE: Final = 0.02
"""How far, as a fraction, the price ratio of a probable split may be from the exact one."""


@dataclass(frozen=True, slots=True)
class SuspectMove:
    """One daily move beyond the bound of its asset class.

    Parameters
    ----------
    instrument_id : str
        Which instrument, or which rate by the name of its series (`fx_series`).
    date : date
        On which the move ended.
    move : float
        Simple return, dimensionless.
    split_ratio : Fraction or None
        New shares per old share, where the move matches a common split; below 1 for a
        reverse split. None for a rate.
    """

    instrument_id: str
    date: dt.date
    move: float
    split_ratio: Fraction | None


def suspect_moves(
    window: ScenarioWindow,
    listings: Sequence[Listing],
    *,
    bounds: Mapping[AssetClass, float] = MOVE_BOUNDS,
) -> tuple[SuspectMove, ...]:
    """Return the moves inside a window that are beyond the bound of their asset class.

    Parameters
    ----------
    window : ScenarioWindow
        Closes of at least the priced instruments among ``listings``, and of what their options
        are on; every FX series in it is a rate of the book.
    listings : sequence of Listing
        Instruments; money, absolute returns and classes without a bound are passed over.
    bounds : mapping of AssetClass to float
        Largest unflagged move, as a fraction of the close before.

    Returns
    -------
    tuple of SuspectMove
        By instrument in the order given, then by rate, each by date. The moves still count.

    Raises
    ------
    UnknownSeriesError
        If the window lacks a series; names it.
    NonPositiveCloseError
        If a close or a rate is at or below zero; names series and date.

    Notes
    -----
    A rate is judged as it is quoted, not as a cross: one wild fixing of the base currency is one
    move of one series, not one of every currency in the book. The moves of pence are those
    of the pound.
    """
    priced = dict.fromkeys(_priced(listing) for listing in listings)
    prices = [
        suspect
        for listing in priced
        if listing.asset_class in bounds and not listing.is_money and not listing.is_absolute
        for suspect in _suspect_prices(window, listing, bounds[listing.asset_class])
    ]
    rates = [name for name in window.names if name.startswith(fx_series(""))]
    if AssetClass.FX not in bounds:
        return tuple(prices)
    return (
        *prices,
        *(move for name in rates for move in _suspect_rates(window, name, bounds[AssetClass.FX])),
    )


def split_ratio(move: float) -> Fraction | None:
    """Return the common split that a simple return matches, None where there is none.

    A price that falls below what a float can tell from nothing returns -1.0: no split.

    Examples
    --------
    >>> split_ratio(-0.749), split_ratio(0.98), split_ratio(-0.36)
    (Fraction(4, 1), Fraction(1, 2), None)
    """
    if not -1.0 < move < np.inf:
        return None
    shares = 1.0 / (1.0 + move)
    candidates = [*SPLIT_RATIOS, *(1 / ratio for ratio in SPLIT_RATIOS)]
    nearest = min(candidates, key=lambda ratio: abs(shares / float(ratio) - 1.0))
    return nearest if abs(shares / float(nearest) - 1.0) <= SPLIT_TOLERANCE else None


def _priced(listing: Listing) -> Listing:
    """Return what an option is on, and any other instrument itself."""
    return listing if listing.option is None else listing.option.underlying


def _suspect_prices(window: ScenarioWindow, listing: Listing, bound: float) -> list[SuspectMove]:
    moves = price_moves(window, listing)
    return [
        SuspectMove(
            listing.instrument_id,
            window.scenario_dates[index],
            float(moves[index]),
            split_ratio(float(moves[index])),
        )
        for index in np.flatnonzero(np.abs(moves) > bound)
    ]


def _suspect_rates(window: ScenarioWindow, name: str, bound: float) -> list[SuspectMove]:
    moves = series_moves(window, name, is_absolute=False)
    return [
        SuspectMove(name, window.scenario_dates[index], float(moves[index]), None)
        for index in np.flatnonzero(np.abs(moves) > bound)
    ]
