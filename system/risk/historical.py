"""Historical-simulation VaR and expected shortfall of one P&L vector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from system.risk.arrays import Float64Vector, IndexVector
from system.risk.confidence import Confidence, Tail, tail_of
from system.risk.errors import NonFinitePnlError

ESTIMATOR: Final = "hs/ceil/simple"
"""Estimator id: historical simulation, rank ceil(n*a), simple returns."""
SORTED_WHOLE: Final = 500
"""Up to so many scenarios sorting all takes less time than looking for the worst first."""


def historical_var(pnl: Float64Vector, *, confidence: Confidence) -> float:
    """Return the historical-simulation VaR of one P&L vector, as a loss.

    Parameters
    ----------
    pnl : ndarray of float64, shape (scenario_count,)
        Profit (+) or loss (-) per scenario, base currency, one day. Not modified.
    confidence : Confidence
        Exact probability in (1/2, 1).

    Returns
    -------
    float
        Base currency. Positive = money lost; never floored at 0.

    Raises
    ------
    TooFewScenariosError
        If ``scenario_count * (1 - confidence) < 1``.
    NonFinitePnlError
        If an entry is NaN or infinite; names the scenario.

    Notes
    -----
    Minus the k-th worst outcome, k = ceil(n * (1 - confidence)): an observed loss, never
    interpolated (Hyndman & Fan 1996, type 1; decision 0020).

    Examples
    --------
    >>> historical_var(np.arange(-3.0, 27.0), confidence=Confidence.parse("0.95"))
    2.0
    """
    rank = tail_of(len(pnl), confidence).rank
    return loss(worst_pnl(pnl, rank)[-1])


def expected_shortfall(pnl: Float64Vector, *, confidence: Confidence) -> float:
    """Return the expected shortfall of one P&L vector, as a loss.

    Parameters
    ----------
    pnl : ndarray of float64, shape (scenario_count,)
        Profit (+) or loss (-) per scenario, base currency, one day. Not modified.
    confidence : Confidence
        Exact probability in (1/2, 1).

    Returns
    -------
    float
        Base currency. Positive = money lost; never floored at 0.

    Raises
    ------
    TooFewScenariosError
        If ``scenario_count * (1 - confidence) < 1``.
    NonFinitePnlError
        If an entry is NaN or infinite; names the scenario.

    Notes
    -----
    The exact tail mean of Acerbi & Tasche (2002): the k-th worst outcome counts with the
    part of it that lies in the tail. "Mean of the worst k" is another number.

    Examples
    --------
    >>> expected_shortfall(np.arange(-3.0, 27.0), confidence=Confidence.parse("0.95"))
    2.6666666666666665
    """
    tail = tail_of(len(pnl), confidence)
    return tail_mean_loss(worst_pnl(pnl, tail.rank), tail)


def var_scenario(pnl: Float64Vector, *, confidence: Confidence) -> int:
    """Return the 0-based index of the scenario whose loss is the VaR.

    Parameters
    ----------
    pnl : ndarray of float64, shape (scenario_count,)
        Profit (+) or loss (-) per scenario, oldest scenario first. Not modified.
    confidence : Confidence
        Exact probability in (1/2, 1).

    Returns
    -------
    int
        Among equal P&Ls the older scenario ranks worse.

    Raises
    ------
    TooFewScenariosError
        If ``scenario_count * (1 - confidence) < 1``.
    NonFinitePnlError
        If an entry is NaN or infinite; names the scenario.
    """
    rank = tail_of(len(pnl), confidence).rank
    return int(tail_order(pnl, rank)[-1])


def tail_order(pnl: Float64Vector, count: int) -> IndexVector:
    """Return the indexes of the ``count`` worst scenarios, worst first.

    Parameters
    ----------
    pnl : ndarray of float64, shape (scenario_count,)
        Profit (+) or loss (-) per scenario, oldest scenario first. Not modified.
    count : int
        How many, in [1, scenario_count].

    Returns
    -------
    ndarray of intp, shape (count,)
        Ordered by P&L, then by index: of equal P&Ls the older scenario comes first.

    Raises
    ------
    NonFinitePnlError
        If an entry is NaN or infinite; names the scenario.
    """
    assert 1 <= count <= len(pnl), f"{count} of {len(pnl)} scenarios"
    check_finite(pnl)
    if len(pnl) <= SORTED_WHOLE:
        return pnl.argsort(kind="stable")[:count]
    threshold = np.partition(pnl, count - 1)[count - 1]
    candidates = np.flatnonzero(pnl <= threshold)
    return candidates[np.argsort(pnl[candidates], kind="stable")[:count]]


def worst_pnl(pnl: Float64Vector, count: int) -> Float64Vector:
    """Return the ``count`` worst P&Ls, worst first.

    Parameters
    ----------
    pnl : ndarray of float64, shape (scenario_count,)
        Profit (+) or loss (-) per scenario. Not modified.
    count : int
        How many, in [1, scenario_count].

    Returns
    -------
    ndarray of float64, shape (count,)
        Unit of ``pnl``.

    Raises
    ------
    NonFinitePnlError
        If an entry is NaN or infinite; names the scenario.
    """
    check_finite(pnl)
    worst = np.partition(pnl, count - 1)[:count]
    worst.sort()
    return worst


def tail_mean_loss(worst: Float64Vector, tail: Tail) -> float:
    """Return the exact tail mean, as a loss, of the ``tail.rank`` worst P&Ls.

    Parameters
    ----------
    worst : ndarray of float64, shape (tail.rank,)
        The worst P&Ls, worst first.
    tail : Tail
        The tail that they fill.

    Returns
    -------
    float
        Unit of ``worst``; the sum is rounded once, so the order of ties does not matter.
    """
    return mean_loss_of(worst.tolist(), tail)


def mean_loss_of(worst: Sequence[float], tail: Tail) -> float:
    """Return the same of a list; see `tail_mean_loss`."""
    *whole, last = worst
    return loss(math.fsum([*whole, tail.last_weight * last]) / tail.mass)


def loss(pnl: float) -> float:
    """Return minus ``pnl``, with one zero: a loss of nothing is 0.0, not -0.0."""
    return 0.0 - float(pnl)


def check_finite(pnl: Float64Vector) -> None:
    """Refuse a P&L vector with a NaN or an infinity.

    Raises
    ------
    NonFinitePnlError
        Names the first such scenario and its value.
    """
    finite = np.isfinite(pnl)
    if not finite.all():
        first = int(np.argmin(finite))
        raise NonFinitePnlError(first, float(pnl[first]))
