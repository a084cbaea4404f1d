"""Greeks of a book: per position, per underlying and in sum, base currency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from system.risk.arrays import BoolVector, Float64Vector, IndexVector
from system.risk.listing import Listing
from system.risk.options.black_scholes import Greeks
from system.risk.valuation import Valuation

SPOT_PERCENT: Final = 0.01
"""Gamma is shown in cash as the change of delta cash per this part of the spot."""


@dataclass(frozen=True, slots=True)
class UnderlyingSensitivity:
    """Greeks of all positions that depend on one underlying, base currency.

    Parameters
    ----------
    underlying : str
        Instrument.
    spot : float
        Its price, in its own currency.
    delta, gamma : float
        Per 1.0 of spot, and the change of delta per 1.0 of spot.
    delta_cash : float
        Gain per 100 % of the spot: delta times spot.
    gamma_cash : float
        Change of ``delta_cash`` per 1 % of the spot, of gamma alone.
    vega, theta, rho : float
        Per volatility point, per calendar day, per 1 % of interest.
    """

    underlying: str
    spot: float
    delta: float
    delta_cash: float
    gamma: float
    gamma_cash: float
    vega: float
    theta: float
    rho: float


def position_greeks(
    unit: Greeks, worth: Valuation, units: Float64Vector, positions: IndexVector
) -> Greeks:
    """Return the Greeks of the option positions in base currency.

    Parameters
    ----------
    unit : Greeks
        Of 1.0 of quantity of each option, shape (option_count,), option's currency.
    worth : Valuation
        Of the whole book: its rates.
    units : ndarray of float64, shape (position_count,)
        Quantity times multiplier.
    positions : ndarray of intp, shape (option_count,)
        0-based indexes of the options.

    Returns
    -------
    Greeks
        Shape (option_count,); units as in `Greeks`, amounts in base currency.
    """
    scale = units[positions] * worth.rate[positions]
    return Greeks(
        unit.delta * scale,
        unit.gamma * scale,
        unit.vega * scale,
        unit.theta * scale,
        unit.rho * scale,
    )


def underlying_sensitivities(
    listings: Sequence[Listing],
    worth: Valuation,
    options: Greeks,
    positions: IndexVector,
    spot: Float64Vector,
    is_live: BoolVector,
) -> tuple[UnderlyingSensitivity, ...]:
    """Return the Greeks by underlying; a share or future is its own underlying.

    Parameters
    ----------
    listings : sequence of Listing
        The book in canonical order; money has no underlying.
    worth : Valuation
        Of the same positions.
    options : Greeks
        Of the option positions, base currency (`position_greeks`).
    positions : ndarray of intp, shape (option_count,)
        0-based indexes of the options.
    spot : ndarray of float64, shape (option_count,)
        Of their underlyings.
    is_live : ndarray of bool, shape (option_count,)
        An option that has expired stands at a close of old: it is asked for the spot of its
        underlying only where nothing else is held on that.

    Returns
    -------
    tuple of UnderlyingSensitivity
        By name; sums rounded once.
    """
    parts: dict[str, list[tuple[float, ...]]] = {}
    spots: dict[str, float] = {}
    for index, listing in enumerate(listings):
        if not listing.is_money and listing.option is None:
            name = listing.instrument_id
            spots[name] = float(worth.price[index])
            parts.setdefault(name, []).append((float(worth.delta[index]), 0.0, 0.0, 0.0, 0.0))
    for row in np.argsort(~is_live, kind="stable").tolist():
        index = int(positions[row])
        option = listings[index].option
        assert option is not None, f"{listings[index].instrument_id} is no option"
        name = option.underlying.instrument_id
        spots.setdefault(name, float(spot[row]))
        parts.setdefault(name, []).append(_row(options, row))
    return tuple(_underlying(name, spots[name], parts[name]) for name in sorted(parts))


@dataclass(frozen=True, slots=True)
class SummedSensitivity:
    """Sums over underlyings of what adds up; units as in `UnderlyingSensitivity`."""

    delta_cash: float
    gamma_cash: float
    vega: float
    theta: float
    rho: float


def summed_sensitivities(parts: Sequence[UnderlyingSensitivity]) -> SummedSensitivity:
    """Return the sums over underlyings, base currency, rounded once."""
    return SummedSensitivity(
        delta_cash=math.fsum(part.delta_cash for part in parts),
        gamma_cash=math.fsum(part.gamma_cash for part in parts),
        vega=math.fsum(part.vega for part in parts),
        theta=math.fsum(part.theta for part in parts),
        rho=math.fsum(part.rho for part in parts),
    )


def _row(greeks: Greeks, row: int) -> tuple[float, ...]:
    columns = (greeks.delta, greeks.gamma, greeks.vega, greeks.theta, greeks.rho)
    return tuple(float(np.nan_to_num(column[row], nan=0.0)) for column in columns)


def _underlying(name: str, spot: float, parts: list[tuple[float, ...]]) -> UnderlyingSensitivity:
    delta, gamma, vega, theta, rho = (math.fsum(column) for column in zip(*parts, strict=True))
    return UnderlyingSensitivity(
        underlying=name,
        spot=spot,
        delta=delta,
        delta_cash=delta * spot,
        gamma=gamma,
        gamma_cash=gamma * spot * spot * SPOT_PERCENT,
        vega=vega,
        theta=theta,
        rho=rho,
    )
