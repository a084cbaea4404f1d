"""P&L attribution: whether the risk factors explain the P&L of the book.

The risk-theoretical P&L of a day is what the scenario formula gives for the moves that
happened; the hypothetical P&L is the revaluation of the same positions. The Basel
Committee's test (MAR32) compares them by rank correlation and by the largest distance of
their distributions, and judges by thresholds, not by p-values.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from system.risk.arrays import Float64Vector

SPEARMAN_GREEN_FROM: Final = 0.80
SPEARMAN_RED_BELOW: Final = 0.70
KS_GREEN_TO: Final = 0.09
KS_RED_ABOVE: Final = 0.12
MIN_DAYS: Final = 2


class AttributionZone(StrEnum):
    """Zones of MAR32."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class AttributionResult:
    """Agreement of risk-theoretical P&L with hypothetical P&L.

    Parameters
    ----------
    spearman : float or None
        Rank correlation; None where one of both does not vary.
    kolmogorov_smirnov : float
        Largest distance of the two empirical distribution functions.
    largest_gap : float
        Largest absolute difference on one day, base currency.
    zone : AttributionZone or None
        The worse of both; None where the correlation does not exist.
    """

    spearman: float | None
    kolmogorov_smirnov: float
    largest_gap: float
    zone: AttributionZone | None


def pnl_attribution(theoretical: Float64Vector, hypothetical: Float64Vector) -> AttributionResult:
    """Return the P&L attribution test of a span of days.

    Parameters
    ----------
    theoretical, hypothetical : ndarray of float64, shape (day_count,)
        Gains positive, base currency; at least two days.
    """
    assert len(theoretical) == len(hypothetical) >= MIN_DAYS
    spearman = spearman_correlation(theoretical, hypothetical)
    distance = ks_distance(theoretical, hypothetical)
    return AttributionResult(
        spearman,
        distance,
        float(np.abs(theoretical - hypothetical).max()),
        None if spearman is None else _zone(spearman, distance),
    )


def spearman_correlation(first: Float64Vector, second: Float64Vector) -> float | None:
    """Return the correlation of ranks, ties at their mean rank; None without variation.

    Examples
    --------
    >>> round(spearman_correlation(np.array([1.0, 2, 3, 4]), np.array([10.0, 30, 20, 40])), 12)
    0.8
    """
    ranks = [mean_ranks(values) - 0.5 * (len(values) + 1) for values in (first, second)]
    lengths = [float(np.sqrt(rank @ rank)) for rank in ranks]
    if 0.0 in lengths:
        return None
    return float(ranks[0] @ ranks[1]) / (lengths[0] * lengths[1])


def ks_distance(first: Float64Vector, second: Float64Vector) -> float:
    """Return the two-sample Kolmogorov-Smirnov distance, in [0, 1]."""
    points = np.concatenate((first, second))
    shares = [
        np.searchsorted(np.sort(values), points, side="right") / len(values)
        for values in (first, second)
    ]
    return float(np.abs(shares[0] - shares[1]).max())


def mean_ranks(values: Float64Vector) -> Float64Vector:
    """Return ranks from 1 on, equal values at the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Float64Vector = (last - 0.5 * (counts - 1))[inverse]
    return ranks


def _zone(spearman: float, distance: float) -> AttributionZone:
    if spearman < SPEARMAN_RED_BELOW or distance > KS_RED_ABOVE:
        return AttributionZone.RED
    if spearman >= SPEARMAN_GREEN_FROM and distance <= KS_GREEN_TO:
        return AttributionZone.GREEN
    return AttributionZone.AMBER
