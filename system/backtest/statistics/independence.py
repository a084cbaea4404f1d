"""Tests of breach independence: Christoffersen's and Haas's.

Rules for what the literature leaves open (decision 0036):

* A sequence of T days has T - 1 transitions, one of T days in s stretches T - s: none leads over
  a hole. Conditional coverage adds the ratio for T days and the ratio for the transitions.
* A row of the transition table that is empty adds nothing: without any breach (or with
  one on the last day only) the ratio is 0 and the p-value 1.
* Without a breach Haas's statistic is that of one wait longer than T, 1 degree of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from system.backtest.statistics.coverage import (
    no_breach_ratio,
    pof_ratios,
    wait_ratios,
    x_log_y,
)
from system.backtest.statistics.distributions import chi_square_survival
from system.backtest.statistics.hits import Stretches, as_matrix, gaps, stretches_of
from system.backtest.statistics.results import HypothesisResult
from system.risk.arrays import BoolMatrix, BoolVector, Float64Vector

INDEPENDENCE_NULL: Final = "a breach is as likely after a breach as after a calm day"
CONDITIONAL_NULL: Final = "breaches are independent of the day before, with 1 - confidence"
WAITS_NULL: Final = "every wait between breaches fits 1 - confidence"
MIXED_NULL: Final = "number of breaches and every wait between them fit 1 - confidence"


@dataclass(frozen=True, slots=True)
class Transitions:
    """Counts of transitions between calm days and breaches: ``n01`` breaches follow a calm day."""

    n00: int
    n01: int
    n10: int
    n11: int

    @property
    def has_empty_cell(self) -> bool:
        """True if some transition never happened."""
        return 0 in (self.n00, self.n01, self.n10, self.n11)


def transitions(hits: BoolVector, stretches: Stretches | None = None) -> Transitions:
    """Return the transitions of one sequence of breaches, shape (day_count,).

    None leads from one stretch to the next: the days on both sides of a hole are no neighbours.
    """
    counts = _transition_counts(as_matrix(hits), stretches)
    return Transitions(*(int(count[0]) for count in counts))


def christoffersen_independence(counts: Transitions) -> HypothesisResult:
    """Return Christoffersen's test of independence, from the transition counts.

    Parameters
    ----------
    counts : Transitions
        Of one sequence.

    Returns
    -------
    HypothesisResult
        Likelihood ratio of a first-order Markov chain against independence,
        asymptotically chi-square with 1 degree of freedom. At T = 126 its true 95 %
        critical value is about 2.3, not 3.84.

    Examples
    --------
    >>> result = christoffersen_independence(Transitions(932, 53, 53, 4))
    >>> round(result.statistic, 5)
    0.25866
    """
    ratio = _ratio_of(counts)
    note = "a transition that never happened adds 0 to the ratio" if counts.has_empty_cell else ""
    return HypothesisResult(
        "christoffersen_independence",
        INDEPENDENCE_NULL,
        ratio,
        chi_square_survival(ratio, 1),
        1,
        note=note,
    )


def christoffersen_conditional_coverage(
    counts: Transitions, *, breach_count: int, day_count: int, tail_probability: float
) -> HypothesisResult:
    """Return Christoffersen's test of coverage and independence together.

    Parameters
    ----------
    counts : Transitions
        Of the sequence.
    breach_count, day_count : int
        x and T, over all days.
    tail_probability : float
        p = 1 - confidence.

    Returns
    -------
    HypothesisResult
        Sum of both likelihood ratios, asymptotically chi-square with 2 degrees of freedom.
    """
    covered = float(pof_ratios(np.array([float(breach_count)]), day_count, tail_probability)[0])
    ratio = covered + _ratio_of(counts)
    return HypothesisResult(
        "christoffersen_conditional_coverage",
        CONDITIONAL_NULL,
        ratio,
        chi_square_survival(ratio, 2),
        2,
    )


def haas_independence(
    hits: BoolVector, tail_probability: float, stretches: Stretches | None = None
) -> HypothesisResult:
    """Return Haas's test of the times between failures.

    Parameters
    ----------
    hits : ndarray of bool, shape (day_count,)
        True is a breach.
    tail_probability : float
        p = 1 - confidence.

    Returns
    -------
    HypothesisResult
        Sum of the likelihood ratios of all waits (Haas 2001), asymptotically chi-square
        with as many degrees of freedom as there are breaches. It rejects too often where
        waits are short: look at the simulated p-value.
    """
    name = "haas_time_between_failures"
    return _haas(hits, tail_probability, stretches, name, WAITS_NULL, extra_dof=0)


def haas_mixed(
    hits: BoolVector, tail_probability: float, stretches: Stretches | None = None
) -> HypothesisResult:
    """Return Haas's mixed test: proportion of failures and times between them.

    Parameters
    ----------
    hits : ndarray of bool, shape (day_count,)
        True is a breach.
    tail_probability : float
        p = 1 - confidence.

    Returns
    -------
    HypothesisResult
        Sum of both, asymptotically chi-square with one degree of freedom more.
    """
    return _haas(hits, tail_probability, stretches, "haas_mixed", MIXED_NULL, extra_dof=1)


def independence_statistics(hits: BoolMatrix, stretches: Stretches | None = None) -> Float64Vector:
    """Return the independence ratio of each row."""
    return _ratios(*_transition_counts(hits, stretches))


def conditional_coverage_statistics(
    hits: BoolMatrix, tail_probability: float, stretches: Stretches | None = None
) -> Float64Vector:
    """Return the conditional-coverage ratio of each row."""
    counts = hits.sum(axis=1).astype(np.float64)
    covered = pof_ratios(counts, hits.shape[1], tail_probability)
    together: Float64Vector = covered + independence_statistics(hits, stretches)
    return together


def haas_independence_statistics(
    hits: BoolMatrix, tail_probability: float, stretches: Stretches | None = None
) -> Float64Vector:
    """Return the sum of the waits' ratios of each row; each stretch begins with a wait."""
    waits = gaps(hits, stretches)
    ratios = wait_ratios(waits.days, tail_probability)
    sums = np.bincount(waits.sequence, weights=ratios, minlength=len(hits))
    without = no_breach_ratio(hits.shape[1], tail_probability)
    return np.where(hits.any(axis=1), sums, without)


def haas_mixed_statistics(
    hits: BoolMatrix, tail_probability: float, stretches: Stretches | None = None
) -> Float64Vector:
    """Return the mixed ratio of each row."""
    counts = hits.sum(axis=1).astype(np.float64)
    covered = pof_ratios(counts, hits.shape[1], tail_probability)
    waits = haas_independence_statistics(hits, tail_probability, stretches)
    mixed: Float64Vector = covered + waits
    return mixed


def _haas(
    hits: BoolVector,
    tail_probability: float,
    stretches: Stretches | None,
    name: str,
    null: str,
    *,
    extra_dof: int,
) -> HypothesisResult:
    statistics = haas_mixed_statistics if extra_dof else haas_independence_statistics
    ratio = float(statistics(as_matrix(hits), tail_probability, stretches)[0])
    breach_count = int(np.count_nonzero(hits))
    dof = max(1, breach_count) + extra_dof
    note = "" if breach_count else f"no breach in {len(hits)} days: one wait longer than that"
    return HypothesisResult(name, null, ratio, chi_square_survival(ratio, dof), dof, note=note)


def _transition_counts(
    hits: BoolMatrix, stretches: Stretches | None
) -> tuple[Float64Vector, Float64Vector, Float64Vector, Float64Vector]:
    """Return the number of transitions of each kind per row, over all stretches."""
    counts = np.sum([_counted(part) for part in stretches_of(hits, stretches)], axis=0)
    return counts[0], counts[1], counts[2], counts[3]


def _counted(
    hits: BoolMatrix,
) -> tuple[Float64Vector, Float64Vector, Float64Vector, Float64Vector]:
    before, after = hits[:, :-1], hits[:, 1:]
    both = (before & after).sum(axis=1).astype(np.float64)
    left = before.sum(axis=1) - both
    entered = after.sum(axis=1) - both
    calm = float(before.shape[1]) - both - left - entered
    return calm, entered, left, both


def _ratio_of(counts: Transitions) -> float:
    cells = (counts.n00, counts.n01, counts.n10, counts.n11)
    return float(_ratios(*(np.array([float(count)]) for count in cells))[0])


def _ratios(
    n00: Float64Vector, n01: Float64Vector, n10: Float64Vector, n11: Float64Vector
) -> Float64Vector:
    chained = _log_likelihood(n00, n01) + _log_likelihood(n10, n11)
    independent = _log_likelihood(n00 + n10, n01 + n11)
    return np.maximum(2.0 * (chained - independent), 0.0)


def _log_likelihood(calm: Float64Vector, breaches: Float64Vector) -> Float64Vector:
    """Return the largest log-likelihood of breaches among days, 0 for no day at all."""
    days = np.maximum(calm + breaches, 1.0)
    likelihood: Float64Vector = x_log_y(calm, calm / days) + x_log_y(breaches, breaches / days)
    return likelihood
