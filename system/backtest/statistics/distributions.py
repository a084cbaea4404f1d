"""The few distribution functions that the tests need, each from a finite sum.

All degrees of freedom here are whole numbers, so the chi-square and Student survival
functions are finite sums of positive terms (Abramowitz & Stegun 26.4.4, 26.4.5, 26.7.3,
26.7.4): no series is cut off and no continued fraction has to converge.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import Final

import numpy as np

from system.risk.arrays import Float64Vector

_NORMAL: Final = NormalDist()
_BISECTIONS: Final = 200
_WIDEST_QUANTILE: Final = 1e9
"""Student quantiles are searched for in this interval to both sides of 0."""


def normal_pdf(value: float) -> float:
    """Return the standard normal density."""
    return math.exp(-0.5 * value * value) / math.sqrt(2.0 * math.pi)


def normal_cdf(value: float) -> float:
    """Return P(Z <= value), accurate in both tails.

    Examples
    --------
    >>> round(normal_cdf(-1.6448536269514722), 15)
    0.05
    """
    return 0.5 * math.erfc(-value / math.sqrt(2.0))


def normal_quantile(probability: float) -> float:
    """Return z with P(Z <= z) = ``probability``, in (0, 1)."""
    return _NORMAL.inv_cdf(probability)


def chi_square_survival(value: float, dof: int) -> float:
    """Return P(X > value) of a chi-square variable.

    Parameters
    ----------
    value : float
        At least 0; infinity gives 0.
    dof : int
        At least 1.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> round(chi_square_survival(3.841458820694124, 1), 12)
    0.05
    """
    assert dof >= 1, dof
    if value <= 0.0:
        return 1.0
    if math.isinf(value):
        return 0.0
    half = 0.5 * value
    is_odd = dof % 2 == 1
    first = 0.5 if is_odd else 0.0
    terms = [
        math.exp((first + step) * math.log(half) - half - math.lgamma(first + step + 1.0))
        for step in range(dof // 2)
    ]
    head = math.erfc(math.sqrt(half)) if is_odd else 0.0
    return min(1.0, math.fsum([head, *terms]))


def student_cdf(value: float, dof: int) -> float:
    """Return P(T <= value) of Student's t.

    Parameters
    ----------
    value : float
        Any finite number.
    dof : int
        At least 1.

    Returns
    -------
    float
        In [0, 1]; absolute accuracy about 1e-15.

    Examples
    --------
    >>> round(student_cdf(-2.353363434801823, 3), 12)
    0.05
    """
    assert dof >= 1, dof
    angle = math.atan(value / math.sqrt(dof))
    cosine = math.cos(angle)
    square = cosine * cosine
    term = cosine if dof % 2 else 1.0
    terms = []
    for step in range(3 if dof % 2 else 2, dof + 1, 2):
        terms.append(term)
        term *= square * (step - 1) / step
    series = math.sin(angle) * math.fsum(terms)
    if dof % 2:
        return 0.5 + (angle + series) / math.pi
    return 0.5 + 0.5 * series


@cache
def student_quantile(probability: float, dof: int) -> float:
    """Return t with P(T <= t) = ``probability``, to the last digits that bisection finds."""
    low, high = -_WIDEST_QUANTILE, _WIDEST_QUANTILE
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if student_cdf(middle, dof) < probability:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def student_pdf(value: float, dof: int) -> float:
    """Return the density of Student's t."""
    log_constant = math.lgamma((dof + 1) / 2) - math.lgamma(dof / 2)
    log_density = log_constant - 0.5 * math.log(dof * math.pi)
    return math.exp(log_density - 0.5 * (dof + 1) * math.log1p(value * value / dof))


def binomial_probabilities(trial_count: int, probability: float) -> Float64Vector:
    """Return P(X = x) for x = 0..n.

    Parameters
    ----------
    trial_count : int
        n, at least 1.
    probability : float
        Of a success, in (0, 1).

    Returns
    -------
    ndarray of float64, shape (trial_count + 1,)
        Adds up to 1 within rounding.
    """
    log_odds = (math.log(probability), math.log1p(-probability))
    whole = math.lgamma(trial_count + 1)
    return np.array(
        [
            math.exp(
                whole
                - math.lgamma(count + 1)
                - math.lgamma(trial_count - count + 1)
                + count * log_odds[0]
                + (trial_count - count) * log_odds[1]
            )
            for count in range(trial_count + 1)
        ]
    )


def binomial_cdf(count: int, trial_count: int, probability: float) -> float:
    """Return P(X <= count), summed from the smaller tail."""
    pmf = binomial_probabilities(trial_count, probability)
    lower, upper = pmf[: count + 1].tolist(), pmf[count + 1 :].tolist()
    if len(lower) <= len(upper):
        return min(1.0, math.fsum(lower))
    return max(0.0, 1.0 - math.fsum(upper))
