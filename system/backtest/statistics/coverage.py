"""Number of breaches: proportion of failures, time until the first, exact tests, zones.

Notation: x breaches in T days, p = 1 - confidence. Throughout 0 log 0 = 0, so every
likelihood ratio exists for 0 and for T breaches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

import numpy as np

from system.backtest.statistics.distributions import binomial_probabilities, chi_square_survival
from system.backtest.statistics.hits import gaps
from system.backtest.statistics.results import HypothesisResult
from system.risk.arrays import BoolMatrix, Float64Vector

POF_NULL: Final = "the breach probability is 1 - confidence"
TUFF_NULL: Final = "the wait for the first breach fits 1 - confidence"
GREEN_BELOW: Final = 0.95
RED_FROM: Final = 0.9999
TIE_TOLERANCE: Final = 1e-7
"""Two binomial probabilities this close, relative, are one and the same (as R has it)."""


def kupiec_pof(breach_count: int, day_count: int, tail_probability: float) -> HypothesisResult:
    """Return Kupiec's proportion-of-failures test, two-sided.

    Parameters
    ----------
    breach_count : int
        x, in [0, day_count].
    day_count : int
        T, at least 1.
    tail_probability : float
        p = 1 - confidence, in (0, 1/2).

    Returns
    -------
    HypothesisResult
        Likelihood ratio, asymptotically chi-square with 1 degree of freedom; exists for
        every x: -2 T ln(1 - p) at x = 0, -2 T ln p at x = T.

    Notes
    -----
    Kupiec (1995). "Accepted" says little: at T = 126 and 95 % every x in 3..11 is.

    Examples
    --------
    >>> round(kupiec_pof(57, 1043, 0.05).statistic, 5)
    0.46147
    """
    counts = np.array([float(breach_count)])
    ratio = float(pof_ratios(counts, day_count, tail_probability)[0])
    return HypothesisResult("kupiec_pof", POF_NULL, ratio, chi_square_survival(ratio, 1), 1)


def kupiec_tuff(
    first_breach_rank: int | None, day_count: int, tail_probability: float
) -> HypothesisResult:
    """Return Kupiec's time-until-first-failure test.

    Parameters
    ----------
    first_breach_rank : int or None
        v, the day of the first breach, counted from 1; None if there is none.
    day_count : int
        T.
    tail_probability : float
        p = 1 - confidence, in (0, 1/2).

    Returns
    -------
    HypothesisResult
        Likelihood ratio, asymptotically chi-square with 1 degree of freedom. Without a
        breach the wait is known to be longer than T: the ratio is then -2 T ln(1 - p).

    Examples
    --------
    >>> round(kupiec_tuff(58, 1043, 0.05).statistic, 4)
    1.7354
    """
    if first_breach_rank is None:
        ratio = no_breach_ratio(day_count, tail_probability)
        note = f"no breach in {day_count} days: the wait is longer than that"
    else:
        ratio = float(wait_ratios(np.array([float(first_breach_rank)]), tail_probability)[0])
        note = ""
    p_value = chi_square_survival(ratio, 1)
    return HypothesisResult("kupiec_tuff", TUFF_NULL, ratio, p_value, 1, note=note)


def pof_ratios(
    breach_counts: Float64Vector, day_count: int, tail_probability: float
) -> Float64Vector:
    """Return the proportion-of-failures likelihood ratio of each count of breaches."""
    rate = breach_counts / day_count
    calm = day_count - breach_counts
    ratio: Float64Vector = 2.0 * (
        x_log_y(breach_counts, rate / tail_probability)
        + x_log_y(calm, (1.0 - rate) / (1.0 - tail_probability))
    )
    return np.maximum(ratio, 0.0)


def wait_ratios(waits: Float64Vector, tail_probability: float) -> Float64Vector:
    """Return the likelihood ratio of each wait for a breach, in days, from 1 on."""
    ratio: Float64Vector = -2.0 * (
        math.log(tail_probability)
        + (waits - 1.0) * math.log1p(-tail_probability)
        + np.log(waits)
        - x_log_y(waits - 1.0, 1.0 - 1.0 / waits)
    )
    return np.maximum(ratio, 0.0)


def no_breach_ratio(day_count: int, tail_probability: float) -> float:
    """Return the likelihood ratio of a wait that is not over after ``day_count`` days."""
    return -2.0 * day_count * math.log1p(-tail_probability)


def pof_statistics(hits: BoolMatrix, tail_probability: float) -> Float64Vector:
    """Return the proportion-of-failures ratio of each row."""
    counts = hits.sum(axis=1).astype(np.float64)
    return pof_ratios(counts, hits.shape[1], tail_probability)


def tuff_statistics(hits: BoolMatrix, tail_probability: float) -> Float64Vector:
    """Return the time-until-first-failure ratio of each row."""
    has_breach = hits.any(axis=1)
    waits = hits.argmax(axis=1).astype(np.float64) + 1.0
    without = no_breach_ratio(hits.shape[1], tail_probability)
    return np.where(has_breach, wait_ratios(waits, tail_probability), without)


def first_breach_rank(hits: BoolMatrix) -> int | None:
    """Return the day of the first breach of a single sequence, from 1; None without one."""
    days = gaps(hits).days
    return int(days[0]) if len(days) else None


class Alternative(StrEnum):
    """Alternative hypothesis that a small p-value supports."""

    MORE = "more breaches than 1 - confidence"
    OTHER = "another breach probability than 1 - confidence"


def exact_binomial(
    breach_count: int,
    day_count: int,
    tail_probability: float,
    *,
    alternative: Alternative = Alternative.MORE,
) -> HypothesisResult:
    """Return the exact binomial test of the number of breaches.

    Parameters
    ----------
    breach_count, day_count : int
        x and T.
    tail_probability : float
        p = 1 - confidence.
    alternative : Alternative
        One-sided P(X >= x), or two-sided: all counts at most as probable as x.

    Returns
    -------
    HypothesisResult
        ``statistic`` is x; ``p_value`` is exact for independent breaches at every T.
    """
    pmf = binomial_probabilities(day_count, tail_probability)
    if alternative is Alternative.MORE:
        p_value = math.fsum(pmf[breach_count:].tolist())
    else:
        bound = pmf[breach_count] * (1.0 + TIE_TOLERANCE)
        p_value = math.fsum(pmf[pmf <= bound].tolist())
    name = "binomial_exact" if alternative is Alternative.MORE else "binomial_two_sided"
    note = f"exact; a small p-value speaks for {alternative}"
    return HypothesisResult(name, POF_NULL, float(breach_count), min(1.0, p_value), note=note)


def mid_p_binomial(
    breach_count: int,
    day_count: int,
    tail_probability: float,
    *,
    alternative: Alternative = Alternative.MORE,
) -> HypothesisResult:
    """Return the binomial test in which the observed count weighs one half.

    Parameters
    ----------
    breach_count, day_count : int
        x and T.
    tail_probability : float
        p = 1 - confidence.
    alternative : Alternative
        One-sided P(X > x) + P(X = x) / 2, or twice the smaller side of these.

    Returns
    -------
    HypothesisResult
        ``statistic`` is x. The mean of a mid-p value under the null is 1/2; its size is
        near the level, but not below it for certain (Lancaster 1961).
    """
    pmf = binomial_probabilities(day_count, tail_probability)
    half = 0.5 * float(pmf[breach_count])
    upper = math.fsum([half, *pmf[breach_count + 1 :].tolist()])
    if alternative is Alternative.MORE:
        p_value = upper
    else:
        p_value = 2.0 * min(upper, math.fsum([half, *pmf[:breach_count].tolist()]))
    name = "binomial_mid_p" if alternative is Alternative.MORE else "binomial_mid_p_two_sided"
    note = f"exact; a small p-value speaks for {alternative}"
    return HypothesisResult(name, POF_NULL, float(breach_count), min(1.0, p_value), note=note)


class Zone(StrEnum):
    """Zones of the Basel Committee's traffic light (1996)."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True)
class TrafficLight:
    """The zone of a number of breaches, for any confidence and number of days.

    Parameters
    ----------
    zone : Zone
        Green below a cumulative probability of 95 %, red from 99.99 % on.
    cumulative_probability : float
        P(X <= x) if breaches were independent with probability 1 - confidence.
    green_to, yellow_to : int
        Largest number of breaches in the zone; -1 for an empty green zone.
    """

    zone: Zone
    cumulative_probability: float
    green_to: int
    yellow_to: int


def traffic_light(
    breach_count: int, day_count: int, tail_probability: float | Fraction
) -> TrafficLight:
    """Return the zone of ``breach_count`` breaches in ``day_count`` days.

    Parameters
    ----------
    breach_count, day_count : int
        x and T.
    tail_probability : float or Fraction
        p = 1 - confidence.

    Examples
    --------
    >>> light = traffic_light(9, 250, 0.01)
    >>> str(light.zone), light.green_to, light.yellow_to
    ('yellow', 4, 9)
    """
    cumulative = np.minimum(
        np.cumsum(binomial_probabilities(day_count, float(tail_probability))), 1.0
    )
    observed = float(cumulative[breach_count])
    if observed < GREEN_BELOW:
        zone = Zone.GREEN
    else:
        zone = Zone.YELLOW if observed < RED_FROM else Zone.RED
    return TrafficLight(
        zone,
        observed,
        green_to=int(np.searchsorted(cumulative, GREEN_BELOW)) - 1,
        yellow_to=int(np.searchsorted(cumulative, RED_FROM)) - 1,
    )


def x_log_y(x: Float64Vector, y: Float64Vector) -> Float64Vector:
    """Return x ln y with 0 ln 0 = 0, elementwise."""
    product: Float64Vector = x * np.log(np.where(x == 0.0, 1.0, y))
    return product
