"""P&L of an option explained: how much came of delta, gamma, vega, time and currency."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from system.risk.options.black_scholes import (
    VOLATILITY_POINT,
    EuropeanOption,
    OptionArrays,
    option_greeks,
)


@dataclass(frozen=True, slots=True)
class OptionState:
    """Where an option stands at one moment.

    Parameters
    ----------
    premium, spot : float
        Option's currency per unit.
    volatility : float
        Per year.
    rate : float
        Base currency per unit of the option's currency.
    days : int
        Calendar days to expiry.
    """

    premium: float
    spot: float
    volatility: float
    rate: float
    days: int


@dataclass(frozen=True, slots=True)
class ExplainedOptionPnl:
    """P&L of one option position between two moments, base currency, gains positive.

    Parameters
    ----------
    actual : float
        units x (premium' X' - premium X).
    delta, gamma, vega, theta : float
        Each Greek at the first moment times the move since, at the first moment's rate;
        gamma one half times the square of it.
    fx : float
        units x premium' x (X' - X): what the rate's move did to the value and to the P&L.
    unexplained : float
        ``actual`` less all parts: higher orders, interest, and quotes that follow no model.
    """

    actual: float
    delta: float
    gamma: float
    vega: float
    theta: float
    fx: float
    unexplained: float


def explained_option_pnl(
    before: OptionState, after: OptionState, *, option: EuropeanOption, units: float
) -> ExplainedOptionPnl:
    """Return the P&L of an option position, part by part.

    Parameters
    ----------
    before, after : OptionState
        The two moments.
    option : EuropeanOption
        Its terms, with the time to expiry of ``before``.
    units : float
        Quantity times multiplier, held all the time; long positive.

    Returns
    -------
    ExplainedOptionPnl
        The parts and ``unexplained`` add up to ``actual``, to rounding.

    Examples
    --------
    >>> from system.contracts.messages import OptionRight
    >>> call = EuropeanOption(OptionRight.CALL, strike=100.0, years=0.0)
    >>> start = OptionState(premium=5.0, spot=105.0, volatility=0.2, rate=1.0, days=0)
    >>> end = OptionState(premium=6.0, spot=106.0, volatility=0.2, rate=1.1, days=0)
    >>> parts = explained_option_pnl(start, end, option=call, units=10.0)
    >>> parts.delta, round(parts.fx, 9), round(parts.unexplained, 9)
    (10.0, 6.0, 0.0)
    """
    greeks = option_greeks(
        OptionArrays.of([option]),
        spot=np.array([before.spot]),
        volatility=np.array([before.volatility]),
    )
    scale = units * before.rate
    move = after.spot - before.spot
    points = (after.volatility - before.volatility) / VOLATILITY_POINT
    actual = units * (after.premium * after.rate - before.premium * before.rate)
    delta = scale * float(greeks.delta[0]) * move
    gamma = scale * 0.5 * float(greeks.gamma[0]) * move * move
    vega = scale * float(greeks.vega[0]) * points
    theta = scale * float(greeks.theta[0]) * (before.days - after.days)
    fx = units * after.premium * (after.rate - before.rate)
    rest = math.fsum([actual, -delta, -gamma, -vega, -theta, -fx])
    return ExplainedOptionPnl(actual, delta, gamma, vega, theta, fx, rest)
