"""Live coverage by betting: evidence against the VaR that may be looked at every day.

Null: given the past, a breach has probability at most p = 1 - confidence. The e-statistic
of a day is I / p, I = 1 on a breach (Wang, Wang & Ziegel, *E-backtesting*); under the null
its conditional mean is at most 1. A gambler stakes a part b of the wealth on it each day,
chosen before the day::

    wealth(t) = wealth(t-1) * (1 - b(t) + b(t) I(t) / p)

Under the null wealth is a supermartingale from 1: it ever reaches 1 / level with
probability at most ``level``, whenever and however often one looks (Ville). No p-value
that is computed anew each day has that property.

Stake: the one that would have grown fastest if the rate so far were the truth,
b = (rate - p) / (1 - p), in [0, 1/2]; the rate starts at p as if ``PRIOR_BREACHES`` had
been seen in ``PRIOR_BREACHES / p`` days, so that one early breach does not stake half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from system.risk.arrays import BoolMatrix, BoolVector, Float64Matrix, Float64Vector

PRIOR_BREACHES: Final = 5.0
LARGEST_STAKE: Final = 0.5
LEVEL: Final = 0.05
"""Evidence is called a rejection at wealth 1 / LEVEL = 20."""


@dataclass(frozen=True, slots=True, eq=False)
class CoverageEvidence:
    """The e-process of one sequence of breaches; all logarithms are natural.

    Parameters
    ----------
    log_wealth : ndarray of float64, shape (day_count,)
        After each day; 0 is no evidence.
    stake : ndarray of float64, shape (day_count,)
        Part of the wealth that was staked on each day, in [0, 1/2].
    expected_log_wealth : ndarray of float64, shape (day_count,), or None
        What a gambler who knows the rate to be expected would have on average: grows by
        the relative entropy of that rate to p each day. None without an expected rate.
    first_rejection : int or None
        0-based index of the first day with wealth at 1 / level or above.
    level : float
        Of the test.
    """

    log_wealth: Float64Vector
    stake: Float64Vector
    expected_log_wealth: Float64Vector | None
    first_rejection: int | None
    level: float

    @property
    def e_value(self) -> float:
        """Return the wealth after the last day: a valid e-value, whenever one stops."""
        return math.exp(float(self.log_wealth[-1]))

    @property
    def largest_e_value(self) -> float:
        """Return the largest wealth so far; its inverse is an anytime-valid p-value."""
        return math.exp(max(0.0, float(self.log_wealth.max())))

    @property
    def p_value(self) -> float:
        """Return the anytime-valid p-value, 1 / largest wealth."""
        return 1.0 / self.largest_e_value


def coverage_evidence(
    hits: BoolVector,
    tail_probability: float,
    *,
    expected_rate: float | None = None,
    level: float = LEVEL,
) -> CoverageEvidence:
    """Return the evidence against a breach probability of at most 1 - confidence.

    Parameters
    ----------
    hits : ndarray of bool, shape (day_count,)
        True is a breach, oldest first.
    tail_probability : float
        p = 1 - confidence.
    expected_rate : float, optional
        What the estimator brings about if returns are independent, k / (n + 1); the
        evidence to be expected from it is returned beside.
    level : float
        Of the test, in (0, 1).
    """
    log_wealth, stake = _wealth(np.atleast_2d(hits), tail_probability)
    crossed = log_wealth[0] >= -math.log(level)
    expected = None
    if expected_rate is not None:
        days = np.arange(1, len(hits) + 1, dtype=np.float64)
        expected = days * growth_per_day(expected_rate, tail_probability)
    return CoverageEvidence(
        log_wealth=log_wealth[0],
        stake=stake[0],
        expected_log_wealth=expected,
        first_rejection=int(crossed.argmax()) if crossed.any() else None,
        level=level,
    )


def log_wealths(hits: BoolMatrix, tail_probability: float) -> Float64Matrix:
    """Return the logarithm of wealth after each day, for each row."""
    return _wealth(hits, tail_probability)[0]


def growth_per_day(rate: float, tail_probability: float) -> float:
    """Return the expected log growth per day of the best fixed stake against breaches at ``rate``.

    Parameters
    ----------
    rate : float
        True breach probability, in [0, 1).
    tail_probability : float
        p = 1 - confidence.

    Returns
    -------
    float
        Relative entropy of ``rate`` to p, 0 where rate <= p (nothing is staked).

    Examples
    --------
    >>> round(growth_per_day(2 / 31, 0.05), 5)
    0.00204
    """
    if rate <= tail_probability:
        return 0.0
    return rate * math.log(rate / tail_probability) + (1.0 - rate) * math.log(
        (1.0 - rate) / (1.0 - tail_probability)
    )


def days_to_rejection(rate: float, tail_probability: float, level: float = LEVEL) -> float | None:
    """Return after how many days wealth reaches 1 / level on average, None for never.

    Examples
    --------
    >>> round(days_to_rejection(2 / 31, 0.05) / 252, 1)
    5.8
    """
    growth = growth_per_day(rate, tail_probability)
    return -math.log(level) / growth if growth > 0.0 else None


def _wealth(hits: BoolMatrix, tail_probability: float) -> tuple[Float64Matrix, Float64Matrix]:
    """Return log wealth after each day and the stakes, shape of ``hits``."""
    day_count = hits.shape[1]
    seen: Float64Matrix = np.cumsum(hits, axis=1, dtype=np.float64) - hits
    prior_days = PRIOR_BREACHES / tail_probability
    rate = (seen + PRIOR_BREACHES) / (np.arange(day_count) + prior_days)
    stake = np.clip((rate - tail_probability) / (1.0 - tail_probability), 0.0, LARGEST_STAKE)
    growth = np.where(hits, np.log1p(stake * (1.0 / tail_probability - 1.0)), np.log1p(-stake))
    return np.cumsum(growth, axis=1), stake
