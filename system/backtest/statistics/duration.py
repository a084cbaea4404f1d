"""Christoffersen and Pelletier's duration test: breaches that remember the last one.

Days between breaches are fitted by a Weibull law with hazard a^b b d^(b-1). Shape b = 1
has no memory; b < 1 means that breaches come in clusters. The first duration is censored
unless the first day is a breach, the last one unless the last day is. With N uncensored
durations and S(b) = sum d^b over all of them, the scale that fits best is
a^b = N / S(b), which leaves one equation in b; its left side falls with b::

    N / b + sum ln d (uncensored) - N S'(b) / S(b) = 0

Durations that are all equal and uncensored fit ever better as b grows: no maximum.
Days are whole, the Weibull law is not: even without memory the ratio is larger than its
chi-square law says (at T = 4246 and 95 % its 95 % quantile is near 8, not 3.84). The
simulated p-value knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from system.backtest.statistics.distributions import chi_square_survival
from system.backtest.statistics.hits import Stretches, as_matrix, gaps, stretches_of
from system.backtest.statistics.results import HypothesisResult
from system.risk.arrays import BoolMatrix, BoolVector, Float64Vector, IndexVector

NULL: Final = "the wait for the next breach does not depend on how long ago the last one was"
MIN_DURATIONS: Final = 2
LOWEST_SHAPE: Final = 1e-3
HIGHEST_SHAPE: Final = 50.0
BISECTIONS: Final = 45
"""Halvings of the interval of ln b: its width, ln(5e4), ends below 1e-12."""


@dataclass(frozen=True, slots=True, eq=False)
class _Durations:
    """Durations of all sequences, one after the other."""

    sequence: IndexVector
    log_days: Float64Vector
    uncensored: Float64Vector
    sequence_count: int

    def total(self, weights: Float64Vector) -> Float64Vector:
        """Return the sum of ``weights`` per sequence."""
        sums = np.bincount(self.sequence, weights=weights, minlength=self.sequence_count)
        return sums.astype(np.float64)

    def power_sums(self, shape: Float64Vector) -> tuple[Float64Vector, Float64Vector]:
        """Return S(b) / max d^b and S'(b) / max d^b per sequence."""
        peak = np.full(self.sequence_count, -np.inf)
        np.maximum.at(peak, self.sequence, self.log_days)
        powers = np.exp(shape[self.sequence] * (self.log_days - peak[self.sequence]))
        return self.total(powers), self.total(powers * self.log_days)


def weibull_duration(hits: BoolVector, stretches: Stretches | None = None) -> HypothesisResult:
    """Return the duration test of one sequence of breaches.

    Parameters
    ----------
    hits : ndarray of bool, shape (day_count,)
        True is a breach.
    stretches : Stretches, optional
        Of the days; a wait that reaches a hole is censored there.

    Returns
    -------
    HypothesisResult
        Likelihood ratio of Weibull against exponential durations, asymptotically
        chi-square with 1 degree of freedom; ``note`` has the fitted shape. None where
        there are fewer than 2 durations or no complete one, and where the fit has no
        maximum below shape 50.

    Notes
    -----
    Christoffersen & Pelletier (2004), continuous durations, scale profiled out.
    """
    ratios, shapes = _fitted(as_matrix(hits), stretches)
    ratio, shape = float(ratios[0]), float(shapes[0])
    if np.isnan(ratio):
        note = "fewer than two durations, no complete one, or a fit without a maximum"
        return HypothesisResult("weibull_duration", NULL, None, None, 1, note=note)
    kind = "clusters" if shape < 1.0 else "spaced more evenly than by chance"
    note = f"fitted shape {shape:.3f} (below 1: clusters): {kind}"
    p_value = chi_square_survival(ratio, 1)
    return HypothesisResult("weibull_duration", NULL, ratio, p_value, 1, note=note)


def duration_statistics(hits: BoolMatrix, stretches: Stretches | None = None) -> Float64Vector:
    """Return the likelihood ratio of each row, NaN where it does not exist."""
    return _fitted(hits, stretches)[0]


def _fitted(hits: BoolMatrix, stretches: Stretches | None) -> tuple[Float64Vector, Float64Vector]:
    """Return likelihood ratio and Weibull shape per row, NaN where there is no fit."""
    durations = _durations(hits, stretches)
    complete = durations.total(durations.uncensored)
    ones = np.ones(len(hits))
    enough = (durations.total(np.ones(len(durations.sequence))) >= MIN_DURATIONS) & (complete > 0)
    shape = _best_shape(durations, complete)
    ratio = 2.0 * (
        _log_likelihood(durations, complete, shape) - _log_likelihood(durations, complete, ones)
    )
    fits = enough & (shape < 0.999 * HIGHEST_SHAPE) & (shape > 1.001 * LOWEST_SHAPE)
    return np.where(fits, np.maximum(ratio, 0.0), np.nan), np.where(fits, shape, np.nan)


def _durations(hits: BoolMatrix, stretches: Stretches | None) -> _Durations:
    parts = stretches_of(hits, stretches)
    if len(parts) == 1:
        return _waits(hits)
    waits = [group for part in parts for group in (_waits(part), _calm(part))]
    return _Durations(
        sequence=np.concatenate([group.sequence for group in waits]),
        log_days=np.concatenate([group.log_days for group in waits]),
        uncensored=np.concatenate([group.uncensored for group in waits]),
        sequence_count=len(hits),
    )


def _calm(hits: BoolMatrix) -> _Durations:
    """Return stretches without a breach: waits that are open at both ends."""
    calm = np.flatnonzero(~hits.any(axis=1))
    log_days = np.full(len(calm), np.log(hits.shape[1]))
    return _Durations(calm, log_days, np.zeros(len(calm)), len(hits))


def _waits(hits: BoolMatrix) -> _Durations:
    """Return the durations of one stretch, censored where they reach an end of it."""
    sequence_count, day_count = hits.shape
    breach_gaps = gaps(hits)
    is_first = np.concatenate(([True], np.diff(breach_gaps.sequence) != 0))[: len(breach_gaps.days)]
    starts_with_breach = hits[breach_gaps.sequence, 0]
    keep = ~(is_first & starts_with_breach)
    has_breach = hits.any(axis=1)
    last_breach = day_count - np.argmax(hits[:, ::-1], axis=1)
    open_end = np.flatnonzero(has_breach & ~hits[:, -1])
    days = np.concatenate(
        (breach_gaps.days[keep], (day_count - last_breach[open_end]).astype(float))
    )
    censored = np.concatenate((is_first[keep], np.ones(len(open_end), dtype=np.bool_)))
    return _Durations(
        sequence=np.concatenate((breach_gaps.sequence[keep], open_end)),
        log_days=np.log(days),
        uncensored=(~censored).astype(np.float64),
        sequence_count=sequence_count,
    )


def _best_shape(durations: _Durations, complete: Float64Vector) -> Float64Vector:
    """Return the root in b per sequence by bisection of ln b; the ends where there is none."""
    log_sum = durations.total(durations.uncensored * durations.log_days)
    low = np.full(durations.sequence_count, np.log(LOWEST_SHAPE))
    high = np.full(durations.sequence_count, np.log(HIGHEST_SHAPE))
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        sums, slopes = durations.power_sums(np.exp(middle))
        rising = complete / np.exp(middle) + log_sum > complete * slopes / np.maximum(sums, 1e-300)
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    shape: Float64Vector = np.exp(0.5 * (low + high))
    return shape


def _log_likelihood(
    durations: _Durations, complete: Float64Vector, shape: Float64Vector
) -> Float64Vector:
    """Return N ln N - N ln S(b) + N ln b + (b - 1) sum ln d - N, with S free of overflow."""
    peak = np.full(durations.sequence_count, 0.0)
    np.maximum.at(peak, durations.sequence, durations.log_days)
    sums, _ = durations.power_sums(shape)
    log_sum = durations.total(durations.uncensored * durations.log_days)
    log_s = np.log(np.maximum(sums, 1e-300)) + shape * peak
    log_n = np.log(np.maximum(complete, 1.0))
    likelihood: Float64Vector = (
        complete * (log_n - log_s + np.log(shape) - 1.0) + (shape - 1.0) * log_sum
    )
    return likelihood
