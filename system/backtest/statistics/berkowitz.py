"""Berkowitz's tail test: whether the forecast distribution fits beyond the VaR.

Where on the forecast distribution each P&L fell, as a normal score z, is standard normal
if the forecast is right. Scores above the quantile c = z(p) are censored to "not in the
tail"; mean and deviation of a normal law are fitted to what is left, and the likelihood
ratio against (0, 1) is asymptotically chi-square with 2 degrees of freedom.

With t = 1 / deviation and m = mean / deviation the log-likelihood is concave (Olsen 1978),
so Newton's method with halved steps finds its one maximum::

    N ln t - sum (t z - m)^2 / 2 + M ln Phi(m - t c)        N in the tail, M censored
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from system.backtest.statistics.distributions import chi_square_survival, normal_quantile
from system.backtest.statistics.results import HypothesisResult
from system.risk.arrays import Float64Matrix, Float64Vector

NULL: Final = "P&L beyond the VaR follows the forecast distribution"
NEWTON_STEPS: Final = 60
HALVINGS: Final = 40
CONVERGED: Final = 1e-10
LARGEST_PRECISION: Final = 1e6
"""A fitted deviation of a millionth means that scores do not vary: no fit."""

_erfc = np.vectorize(math.erfc, otypes=[np.float64])


@dataclass(frozen=True, slots=True, eq=False)
class _Tail:
    """Sufficient statistics of censored normal scores, one entry per sample."""

    count: Float64Vector
    total: Float64Vector
    square: Float64Vector
    censored: Float64Vector
    cut: float

    def log_likelihood(self, precision: Float64Vector, shift: Float64Vector) -> Float64Vector:
        """Return the log-likelihood without its constant; -inf where precision <= 0."""
        fitted = np.maximum(precision, 1e-300)
        squares = fitted**2 * self.square - 2.0 * fitted * shift * self.total
        squares = squares + self.count * shift**2
        log_normal = _log_cdf(shift - fitted * self.cut)
        value = self.count * np.log(fitted) - 0.5 * squares + self.censored * log_normal
        return np.where(precision > 0.0, value, -np.inf)

    def newton_step(
        self, precision: Float64Vector, shift: Float64Vector
    ) -> tuple[Float64Vector, Float64Vector]:
        """Return the step of Newton's method in (precision, shift)."""
        argument = shift - precision * self.cut
        hazard = np.exp(-0.5 * argument**2 - _log_cdf(argument)) / math.sqrt(2.0 * math.pi)
        bend = -hazard * (argument + hazard) * self.censored
        slope = hazard * self.censored
        g_t = self.count / precision - precision * self.square + shift * self.total
        g_t = g_t - slope * self.cut
        g_m = precision * self.total - self.count * shift + slope
        h_tt = -self.count / precision**2 - self.square + bend * self.cut**2
        h_tm = self.total - bend * self.cut
        h_mm = -self.count + bend
        determinant = h_tt * h_mm - h_tm**2
        safe = np.where(np.abs(determinant) < 1e-300, 1.0, determinant)
        return (h_tm * g_m - h_mm * g_t) / safe, (h_tm * g_t - h_tt * g_m) / safe


def berkowitz_tail(scores: Float64Vector, tail_probability: float) -> HypothesisResult:
    """Return Berkowitz's tail test of one sequence of normal scores.

    Parameters
    ----------
    scores : ndarray of float64, shape (day_count,)
        z with Phi(z) = forecast probability of a P&L at most as large as the day's.
    tail_probability : float
        p = 1 - confidence: the tail is what lies below z(p).

    Returns
    -------
    HypothesisResult
        Asymptotically chi-square with 2 degrees of freedom. Without a score in the tail
        the ratio is -2 T ln(1 - p). None where the scores in the tail do not vary and
        nothing is censored.

    Notes
    -----
    Berkowitz (2001).
    """
    ratio = float(berkowitz_statistics(scores[None], tail_probability)[0])
    if math.isnan(ratio):
        note = "all scores are equal: no normal law fits best"
        return HypothesisResult("berkowitz_tail", NULL, None, None, 2, note=note)
    in_tail = int((scores < normal_quantile(tail_probability)).sum())
    p_value = chi_square_survival(ratio, 2)
    note = f"{in_tail} of {len(scores)} scores in the tail"
    return HypothesisResult("berkowitz_tail", NULL, ratio, p_value, 2, note=note)


def berkowitz_statistics(scores: Float64Matrix, tail_probability: float) -> Float64Vector:
    """Return the likelihood ratio of each row of normal scores, NaN where none exists."""
    tail = _tail(scores, normal_quantile(tail_probability))
    ones, zeros = np.ones(len(scores)), np.zeros(len(scores))
    given = tail.log_likelihood(ones, zeros)
    precision, shift = _best(tail)
    best = np.maximum(tail.log_likelihood(precision, shift), given)
    best = np.where(tail.count == 0.0, 0.0, best)
    fits = (precision < LARGEST_PRECISION) | (tail.count == 0.0)
    return np.where(fits, np.maximum(2.0 * (best - given), 0.0), np.nan)


def randomised_scores(
    low: Float64Vector, high: Float64Vector, rng: np.random.Generator
) -> Float64Vector:
    """Return normal scores of probabilities drawn evenly between ``low`` and ``high``.

    Parameters
    ----------
    low, high : ndarray of float64, shape (day_count,)
        P(X < x) and P(X <= x) of the forecast; equal for a continuous one. An empirical
        forecast has steps; drawn within its step a probability is uniform again.
    rng : numpy.random.Generator
        The source of chance.
    """
    drawn = low + (high - low) * rng.random(len(low))
    bounded = np.clip(drawn, 1e-300, 1.0 - 2.0**-53)
    return np.array([normal_quantile(probability) for probability in bounded.tolist()])


def _tail(scores: Float64Matrix, cut: float) -> _Tail:
    in_tail = scores < cut
    kept = np.where(in_tail, scores, 0.0)
    count = in_tail.sum(axis=1).astype(np.float64)
    return _Tail(
        count=count,
        total=kept.sum(axis=1),
        square=(kept**2).sum(axis=1),
        censored=scores.shape[1] - count,
        cut=cut,
    )


def _best(tail: _Tail) -> tuple[Float64Vector, Float64Vector]:
    """Return precision and shift of largest likelihood, all samples side by side."""
    precision, shift = np.ones(len(tail.count)), np.zeros(len(tail.count))
    value = tail.log_likelihood(precision, shift)
    for _ in range(NEWTON_STEPS):
        step_t, step_m = tail.newton_step(precision, shift)
        length = np.ones(len(precision))
        for _ in range(HALVINGS):
            reached = tail.log_likelihood(precision + length * step_t, shift + length * step_m)
            worse = ~(reached >= value)
            if not worse.any():
                break
            length = np.where(worse, 0.5 * length, length)
        gained = np.where(worse, 0.0, reached - value)
        precision = np.where(worse, precision, precision + length * step_t)
        shift = np.where(worse, shift, shift + length * step_m)
        value = value + gained
        if float(gained.max(initial=0.0)) < CONVERGED:
            break
    return precision, shift


def _log_cdf(value: Float64Vector) -> Float64Vector:
    """Return ln Phi(value), by its asymptotic form far in the left tail."""
    near = np.maximum(value, -30.0)
    far = np.minimum(value, -30.0)
    inside = np.log(0.5 * _erfc(-near / math.sqrt(2.0)))
    outside = -0.5 * far**2 - np.log(-far * math.sqrt(2.0 * math.pi)) - 1.0 / far**2
    return np.where(value < -30.0, outside, inside)
