"""Backtests of expected shortfall: Acerbi and Szekely's, and exceedance residuals.

X is the P&L of a day, VaR and ES are the losses stated the close before (positive), I = 1
on a breach, p = 1 - confidence, T days of which N are breaches::

    Z1 = sum(X I / ES) / N + 1          Z2 = sum(X I / ES) / (T p) + 1

Both are 0 in expectation if ES is right, and negative if it is too small: that is the
side that is tested. Their law depends on the tail, so it is simulated, for a law that is
named: Z2 hardly cares which (Acerbi & Szekely 2014), Z1 does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from system.backtest.statistics.distributions import (
    normal_pdf,
    normal_quantile,
    student_cdf,
    student_pdf,
    student_quantile,
)
from system.backtest.statistics.hits import CELLS_PER_BLOCK
from system.backtest.statistics.results import HypothesisResult
from system.risk.arrays import BoolVector, Float64Matrix, Float64Vector

Z1_NULL: Final = "losses on breach days are as large as expected shortfall says"
Z2_NULL: Final = "breaches are as many, and as large, as expected shortfall says"
RESIDUAL_NULL: Final = "losses beyond VaR exceed expected shortfall by nothing on average"
MIN_RESIDUALS: Final = 2


class TailLaw(StrEnum):
    """A law of P&L that the Z statistics are simulated under; ES and VaR are its own."""

    NORMAL = "normal"
    STUDENT_3 = "student-t3"
    STUDENT_5 = "student-t5"

    @property
    def dof(self) -> int | None:
        """Return the degrees of freedom, None for the normal law."""
        return {"student-t3": 3, "student-t5": 5}.get(self.value)

    def quantile_and_shortfall(self, tail_probability: float) -> tuple[float, float]:
        """Return VaR and expected shortfall of the law, losses positive."""
        dof = self.dof
        if dof is None:
            quantile = normal_quantile(tail_probability)
            return -quantile, normal_pdf(quantile) / tail_probability
        quantile = student_quantile(tail_probability, dof)
        spread = (dof + quantile * quantile) / (dof - 1)
        return -quantile, student_pdf(quantile, dof) * spread / tail_probability

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> Float64Matrix:
        """Return independent P&Ls."""
        dof = self.dof
        return rng.standard_normal(shape) if dof is None else rng.standard_t(dof, shape)


def shortfall_ratios(
    hits: BoolVector, pnl: Float64Vector, expected_shortfall: Float64Vector
) -> Float64Vector:
    """Return X / ES on the days of breaches, shape (breach_count,); negative.

    Parameters
    ----------
    hits : ndarray of bool, shape (day_count,)
        True is a breach.
    pnl : ndarray of float64, shape (day_count,)
        Gains positive.
    expected_shortfall : ndarray of float64, shape (day_count,)
        Stated the close before; loss positive.
    """
    ratios: Float64Vector = pnl[hits] / expected_shortfall[hits]
    return ratios


def acerbi_szekely_z1(
    hits: BoolVector, pnl: Float64Vector, expected_shortfall: Float64Vector
) -> HypothesisResult:
    """Return Acerbi and Szekely's first test: how large losses are, given a breach.

    Parameters
    ----------
    hits : ndarray of bool, shape (day_count,)
        True is a breach.
    pnl, expected_shortfall : ndarray of float64, shape (day_count,)
        Gains positive; loss positive, stated the close before. Base currency.

    Returns
    -------
    HypothesisResult
        None without a breach, or where ES is not above zero on one.
    """
    problem = _problem(hits, expected_shortfall)
    if problem or not hits.any():
        note = problem or "no breach: nothing to average"
        return HypothesisResult("acerbi_szekely_z1", Z1_NULL, None, None, note=note)
    ratios = shortfall_ratios(hits, pnl, expected_shortfall)
    z1 = math.fsum(ratios.tolist()) / len(ratios) + 1.0
    return HypothesisResult("acerbi_szekely_z1", Z1_NULL, z1, None, note=_SIDE)


def acerbi_szekely_z2(
    hits: BoolVector,
    pnl: Float64Vector,
    expected_shortfall: Float64Vector,
    tail_probability: float,
) -> HypothesisResult:
    """Return Acerbi and Szekely's second test: number and size of losses together.

    Parameters
    ----------
    hits : ndarray of bool, shape (day_count,)
        True is a breach.
    pnl, expected_shortfall : ndarray of float64, shape (day_count,)
        Gains positive; loss positive, stated the close before. Base currency.
    tail_probability : float
        p = 1 - confidence.

    Returns
    -------
    HypothesisResult
        1.0 without a breach; None where ES is not above zero on one.
    """
    problem = _problem(hits, expected_shortfall)
    if problem:
        return HypothesisResult("acerbi_szekely_z2", Z2_NULL, None, None, note=problem)
    ratios = shortfall_ratios(hits, pnl, expected_shortfall)
    z2 = math.fsum(ratios.tolist()) / (len(hits) * tail_probability) + 1.0
    note = _SIDE if len(ratios) else f"no breach: the largest value there is; {_SIDE}"
    return HypothesisResult("acerbi_szekely_z2", Z2_NULL, z2, None, note=note)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedZ:
    """Z1 and Z2 of simulated samples, shape (simulation_count,); Z1 NaN without a breach."""

    z1: Float64Vector
    z2: Float64Vector


def simulated_z(
    law: TailLaw,
    rng: np.random.Generator,
    *,
    tail_probability: float,
    day_count: int,
    simulation_count: int,
) -> SimulatedZ:
    """Return Z statistics of samples from a law whose VaR and ES are known.

    Parameters
    ----------
    law : TailLaw
        Of the P&L.
    rng : numpy.random.Generator
        The source of chance.
    tail_probability : float
        p = 1 - confidence.
    day_count, simulation_count : int
        Days per sample; samples.
    """
    var, shortfall = law.quantile_and_shortfall(tail_probability)
    per_block = max(1, CELLS_PER_BLOCK // day_count)
    sums, counts = [], []
    for first in range(0, simulation_count, per_block):
        pnl = law.draw(rng, (min(per_block, simulation_count - first), day_count))
        is_breach = pnl < -var
        sums.append(np.where(is_breach, pnl, 0.0).sum(axis=1) / shortfall)
        counts.append(is_breach.sum(axis=1))
    return z_of(np.concatenate(sums), np.concatenate(counts), day_count * tail_probability)


def z_of(
    ratio_sums: Float64Vector, breach_counts: Float64Vector, expected_count: float
) -> SimulatedZ:
    """Return Z1 and Z2 from sums of X / ES over breaches, numbers of breaches, and T p."""
    z1 = np.where(breach_counts > 0, ratio_sums / np.maximum(breach_counts, 1), np.nan) + 1.0
    return SimulatedZ(z1=z1, z2=ratio_sums / expected_count + 1.0)


def exceedance_residuals(
    hits: BoolVector,
    pnl: Float64Vector,
    expected_shortfall: Float64Vector,
    rng: np.random.Generator,
    *,
    bootstrap_count: int = 4_000,
) -> HypothesisResult:
    """Return the test of McNeil and Frey that losses beyond VaR do not exceed ES on average.

    Parameters
    ----------
    hits : ndarray of bool, shape (day_count,)
        True is a breach.
    pnl, expected_shortfall : ndarray of float64, shape (day_count,)
        Gains positive; loss positive, stated the close before. Base currency.
    rng : numpy.random.Generator
        For the bootstrap.
    bootstrap_count : int
        Resamples of the centred residuals.

    Returns
    -------
    HypothesisResult
        Student's t of the residuals (loss - ES) / ES, tested against positive means;
        ``p_value_simulated`` is the bootstrap's. None with fewer than two breaches, with
        residuals that are all equal, or where ES is not above zero.

    Notes
    -----
    McNeil & Frey (2000) scale by the volatility forecast; here ES is the scale, because a
    historical simulation has no volatility.
    """
    problem = _problem(hits, expected_shortfall)
    residuals = -shortfall_ratios(hits, pnl, expected_shortfall) - 1.0 if not problem else None
    if residuals is None or len(residuals) < MIN_RESIDUALS or np.ptp(residuals) == 0.0:
        note = problem or "fewer than two different breaches: no spread to compare with"
        return HypothesisResult("exceedance_residuals", RESIDUAL_NULL, None, None, note=note)
    observed = float(_student(residuals[None])[0])
    centred = residuals - residuals.mean()
    draws = rng.integers(0, len(centred), (bootstrap_count, len(centred)))
    resampled = _student(centred[draws])
    defined = resampled[~np.isnan(resampled)]
    as_large = int((defined >= observed).sum())
    dof = len(residuals) - 1
    return HypothesisResult(
        "exceedance_residuals",
        RESIDUAL_NULL,
        observed,
        1.0 - student_cdf(observed, dof),
        dof,
        p_value_simulated=(1 + as_large) / (1 + len(defined)),
        note=f"mean residual {residuals.mean():+.3f} of ES; the simulated p-value is a bootstrap",
    )


_SIDE: Final = "negative: expected shortfall is too small"


def _problem(hits: BoolVector, expected_shortfall: Float64Vector) -> str:
    if (expected_shortfall[hits] <= 0.0).any():
        return "expected shortfall is not above zero on a day with a breach"
    return ""


def _student(samples: Float64Matrix) -> Float64Vector:
    """Return the t statistic of each row against mean 0, NaN where a row does not vary."""
    count = samples.shape[1]
    spread = samples.std(axis=1, ddof=1)
    varies = spread > 0.0
    mean = samples.mean(axis=1)
    return np.where(varies, math.sqrt(count) * mean / np.where(varies, spread, 1.0), np.nan)
