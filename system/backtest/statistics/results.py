"""Result of a statistical test: asymptotic and simulated p-values."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from system.risk.arrays import Float64Vector


@dataclass(frozen=True, slots=True)
class HypothesisResult:
    """The outcome of one test.

    Parameters
    ----------
    name : str
        Short, unique among the tests of a backtest.
    null : str
        What is true if the test has nothing to find, in words.
    statistic : float or None
        None where it does not exist for these data; ``note`` says why.
    p_value : float or None
        From the law that holds for many days (or exact, where the name says so).
    dof : int or None
        Degrees of freedom of that law, where it is a chi-square or Student's.
    p_value_simulated : float or None
        From the simulated law for this number of days, breaches independent with
        probability 1 - confidence.
    p_value_rolling : float or None
        From the simulated law for this number of days, if returns were independent and
        the rolling estimator was right: what the estimator itself brings about.
    note : str
        How an edge of the data was treated, or what to keep in mind.
    """

    name: str
    null: str
    statistic: float | None
    p_value: float | None
    dof: int | None = None
    p_value_simulated: float | None = None
    p_value_rolling: float | None = None
    note: str = ""

    def with_simulated(
        self, independent: float | None, rolling: float | None = None
    ) -> HypothesisResult:
        """Return the same result with its simulated p-values."""
        return replace(self, p_value_simulated=independent, p_value_rolling=rolling)


def exceedance_p_value(observed: float | None, simulated: Float64Vector) -> float | None:
    """Return how often a simulated statistic is at least as large as the observed one.

    Parameters
    ----------
    observed : float or None
        None gives None.
    simulated : ndarray of float64, shape (simulation_count,)
        Statistics under the null; NaN where a simulated sample has none: left out.

    Returns
    -------
    float or None
        (1 + number at least as large) / (1 + number), never 0 (Davison & Hinkley 1997,
        equation 4.11); None where no simulated sample has the statistic.
    """
    defined = simulated[~np.isnan(simulated)]
    if observed is None or not len(defined):
        return None
    slack = 1e-9 * max(1.0, abs(observed))
    return (1 + int((defined >= observed - slack).sum())) / (1 + len(defined))


def finite_or_none(value: float) -> float | None:
    """Return the value, None where it is NaN or infinite."""
    return float(value) if math.isfinite(value) else None
