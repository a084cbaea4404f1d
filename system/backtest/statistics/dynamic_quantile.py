"""Engle and Manganelli's dynamic quantile test: breaches that could be foretold.

The hit h_t = 1{breach} - p is regressed on what was known at the close before: a constant,
the last four hits, the VaR and the squared P&L of the day before. Under the null nothing
explains it, and the squared length of its projection, over p (1 - p), is chi-square with
as many degrees of freedom as there are independent columns.

On a dollar book the squared P&L is 10^8 times the hits: columns are scaled to length one
and the projection is taken from an orthogonal basis. A pseudo-inverse of the plain normal
equations drops columns here without a word.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from system.backtest.statistics.distributions import chi_square_survival
from system.backtest.statistics.hits import Stretches, as_matrix
from system.backtest.statistics.results import HypothesisResult
from system.risk.arrays import BoolMatrix, BoolVector, Float64Matrix, Float64Vector, IndexVector

NULL: Final = "nothing known the close before foretells a breach"
LAG_COUNT: Final = 4
RANK_TOLERANCE: Final = 1e-10
"""Smallest singular value of scaled columns, relative to the largest, that counts."""
SEQUENCES_PER_BLOCK: Final = 32


def dynamic_quantile(
    hits: BoolVector,
    *,
    var: Float64Vector,
    pnl: Float64Vector,
    tail_probability: float,
    stretches: Stretches | None = None,
) -> HypothesisResult:
    """Return the dynamic quantile test, four lags, VaR and lagged squared P&L.

    Parameters
    ----------
    hits : ndarray of bool, shape (day_count,)
        True is a breach.
    var : ndarray of float64, shape (day_count,)
        VaR stated the close before each day, loss positive, base currency.
    pnl : ndarray of float64, shape (day_count,)
        P&L of each day, gains positive, base currency.
    tail_probability : float
        p = 1 - confidence.
    stretches : Stretches, optional
        Of the days. The first four days of each have no four days before them and are not
        explained.

    Returns
    -------
    HypothesisResult
        Asymptotically chi-square with as many degrees of freedom as independent columns
        (7, unless some are constant). None with fewer than 8 days that have four before them.

    Notes
    -----
    Engle & Manganelli (2004). The scale of VaR and P&L does not matter.
    """
    days = Stretches.unbroken(len(hits)) if stretches is None else stretches
    if not enough_days(days):
        note = f"{len(hits)} days are too few: {min_days()} in a row are needed"
        return HypothesisResult("dynamic_quantile", NULL, None, None, note=note)
    fixed = _fixed_columns(var, pnl, days)
    statistics, ranks = _projections(as_matrix(hits), fixed, tail_probability, days)
    ratio, dof = float(statistics[0]), int(ranks[0])
    full = LAG_COUNT + 3
    note = "" if dof == full else f"{full - dof} of {full} columns repeat others"
    p_value = chi_square_survival(ratio, dof)
    return HypothesisResult("dynamic_quantile", NULL, ratio, p_value, dof, note=note)


def dynamic_quantile_statistics(
    hits: BoolMatrix,
    *,
    var: Float64Vector,
    pnl: Float64Vector,
    tail_probability: float,
    stretches: Stretches | None = None,
) -> Float64Vector:
    """Return the statistic of each row, with the VaR and P&L of the observed days.

    Parameters
    ----------
    hits : ndarray of bool, shape (sequence_count, day_count)
        True is a breach.
    var, pnl : ndarray of float64, shape (day_count,)
        As for `dynamic_quantile`.
    tail_probability : float
        p = 1 - confidence.
    stretches : Stretches, optional
        As for `dynamic_quantile`.
    """
    days = Stretches.unbroken(len(var)) if stretches is None else stretches
    fixed = _fixed_columns(var, pnl, days)
    blocks = [
        _projections(hits[first : first + SEQUENCES_PER_BLOCK], fixed, tail_probability, days)[0]
        for first in range(0, len(hits), SEQUENCES_PER_BLOCK)
    ]
    return np.concatenate(blocks)


def min_days() -> int:
    """Return the smallest number of days with more rows than columns after the lags."""
    return 2 * LAG_COUNT + 4


def enough_days(stretches: Stretches) -> bool:
    """Return whether there are more days with four before them than columns."""
    return len(_explained_days(stretches)) >= min_days() - LAG_COUNT


def _explained_days(stretches: Stretches) -> IndexVector:
    """Return the days that have ``LAG_COUNT`` days of their own stretch before them."""
    return np.concatenate(
        [np.arange(part.start + LAG_COUNT, part.stop) for part in stretches.slices]
    ).astype(np.intp)


def _fixed_columns(var: Float64Vector, pnl: Float64Vector, stretches: Stretches) -> Float64Matrix:
    """Return constant, VaR and lagged squared P&L, shape (explained_day_count, 3)."""
    days = _explained_days(stretches)
    scaled = pnl / max(float(np.abs(pnl).max()), 1e-300)
    return np.stack((np.ones(len(days)), var[days], scaled[days - 1] ** 2), axis=1)


def _projections(
    hits: BoolMatrix, fixed: Float64Matrix, tail_probability: float, stretches: Stretches
) -> tuple[Float64Vector, IndexVector]:
    """Return statistic and number of independent columns per row of hits."""
    centred = hits - tail_probability
    days = _explained_days(stretches)
    lagged = [centred[:, days - lag] for lag in range(1, LAG_COUNT + 1)]
    shared = np.broadcast_to(fixed, (len(hits), *fixed.shape))
    columns = np.concatenate((shared, np.stack(lagged, axis=2)), axis=2)
    lengths = np.sqrt((columns**2).sum(axis=1, keepdims=True))
    scaled = columns / np.where(lengths == 0.0, 1.0, lengths)
    basis, singular, _ = np.linalg.svd(scaled, full_matrices=False)
    counts = singular > RANK_TOLERANCE * singular[:, :1]
    coordinates = np.einsum("bij,bi->bj", basis, centred[:, days])
    explained = np.where(counts, coordinates**2, 0.0).sum(axis=1)
    scale = tail_probability * (1.0 - tail_probability)
    return explained / scale, counts.sum(axis=1)
