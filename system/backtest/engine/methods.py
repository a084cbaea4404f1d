"""Ways to state a VaR: the official historical simulation and its challengers.

========== =============================================================================
hs         the product's estimator, ``hs/ceil/simple``, on the last n returns
hs250      the same on the last 250
ewma-fhs   the last n scenario P&Ls, each scaled by today's over its own day's volatility
           (exponentially weighted, 0.94; Barone-Adesi, Giannopoulos & Vosper 1999)
normal     mean and standard deviation of the n scenario P&Ls, normal quantile
student-t  location, scale and degrees of freedom of the n scenario P&Ls by maximum
           likelihood, Student's quantile; none where the likelihood has no maximum
========== =============================================================================

All start from the same scenario P&L of today's positions. Only ``hs`` and ``hs250`` state
official numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from system.backtest.engine.scenarios import ScenarioBlock
from system.backtest.statistics.distributions import (
    normal_pdf,
    normal_quantile,
    student_cdf,
    student_pdf,
    student_quantile,
)
from system.backtest.statistics.student import fitted_student, largest_equal_count
from system.risk.arrays import Float64Matrix, Float64Vector, IndexVector
from system.risk.breach import exceeds
from system.risk.confidence import Confidence, Tail, tail_of
from system.risk.errors import NonFinitePnlError
from system.risk.historical import tail_mean_loss

LONG_WINDOW: Final = 250
EWMA_DECAY: Final = 0.94
EWMA_WARM_UP: Final = 100
"""Days before the window that the first volatility is taken from; 0.94^100 = 0.2 %."""


class Method(StrEnum):
    """VaR estimators that a backtest can judge."""

    HS = "hs"
    HS250 = "hs250"
    EWMA_FHS = "ewma-fhs"
    NORMAL = "normal"
    STUDENT_T = "student-t"

    def scenario_count(self, window: int) -> int:
        """Return n, the number of scenarios that the VaR is taken from."""
        return LONG_WINDOW if self is Method.HS250 else window

    def history_count(self, window: int) -> int:
        """Return the number of returns that are needed up to the as-of close."""
        warm_up = EWMA_WARM_UP if self is Method.EWMA_FHS else 0
        return self.scenario_count(window) + warm_up

    @property
    def is_official(self) -> bool:
        """Return whether the number is the product's own estimator."""
        return self in (Method.HS, Method.HS250)

    @property
    def takes_a_scenario(self) -> bool:
        """Return whether the VaR is the loss in one scenario, k-th worst."""
        return self not in (Method.NORMAL, Method.STUDENT_T)


def expected_rate(method: Method, *, window: int, confidence: Confidence) -> float | None:
    """Return the breach rate of a method on independent returns, None where it is not known.

    Parameters
    ----------
    method : Method
        Of the VaR.
    window : int
        As asked for.
    confidence : Confidence
        Exact.

    Returns
    -------
    float or None
        Historical simulation: k / (n + 1) under any continuous law. Normal: under the
        normal law, where estimation error makes it Student's.
    """
    count = method.scenario_count(window)
    if method.is_official:
        return tail_of(count, confidence).rank / (count + 1)
    if method is Method.NORMAL:
        quantile = normal_quantile(float(confidence.tail_probability))
        return student_cdf(quantile / math.sqrt(1.0 + 1.0 / count), count - 1)
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Forecasts:
    """Forecasts of one method at consecutive as-of closes; losses positive, base currency.

    Parameters
    ----------
    var, expected_shortfall : ndarray of float64, shape (day_count,)
        Losses of the book; NaN on a day whose P&Ls the method has no law for.
    component_var : ndarray of float64, shape (day_count, position_count)
        Adds up to ``var``.
    scenario : ndarray of intp, shape (day_count,), or None
        0-based scenario behind the VaR, within each day's last n; None for a fitted law.
    below, up_to : ndarray of float64, shape (day_count,)
        Forecast probability of a P&L below, and at most, the next day's.
    equal_count : ndarray of intp, shape (day_count,), or None
        Largest number of equal scenario P&Ls; only where the method needs it.
    """

    var: Float64Vector
    expected_shortfall: Float64Vector
    component_var: Float64Matrix
    scenario: IndexVector | None
    below: Float64Vector
    up_to: Float64Vector
    equal_count: IndexVector | None = None

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return consecutive forecasts of one method as one."""
        scenarios = [part.scenario for part in parts if part.scenario is not None]
        equal = [part.equal_count for part in parts if part.equal_count is not None]
        return cls(
            var=np.concatenate([part.var for part in parts]),
            expected_shortfall=np.concatenate([part.expected_shortfall for part in parts]),
            component_var=np.concatenate([part.component_var for part in parts]),
            scenario=np.concatenate(scenarios) if scenarios else None,
            below=np.concatenate([part.below for part in parts]),
            up_to=np.concatenate([part.up_to for part in parts]),
            equal_count=np.concatenate(equal) if equal else None,
        )


def forecasts(
    method: Method, block: ScenarioBlock, next_pnl: Float64Vector, confidence: Confidence
) -> Forecasts:
    """Return what a method states for each day of a block.

    Parameters
    ----------
    method : Method
        Of the VaR.
    block : ScenarioBlock
        With `Method.history_count` scenarios per day.
    next_pnl : ndarray of float64, shape (day_count,)
        P&L of the day after; only for where it falls on the forecast.
    confidence : Confidence
        Exact.

    Raises
    ------
    TooFewScenariosError
        If n * (1 - confidence) < 1.
    NonFinitePnlError
        If a scenario P&L overflows.
    """
    pnl = block.pnl()
    _refuse_non_finite(pnl)
    return _STATED[method](block, pnl, next_pnl, confidence)


def ranked_losses(
    pnl: Float64Matrix, tail: Tail
) -> tuple[Float64Vector, Float64Vector, IndexVector]:
    """Return VaR, expected shortfall and VaR scenario of each row of scenario P&L.

    Parameters
    ----------
    pnl : ndarray of float64, shape (day_count, scenario_count)
        Gains positive, oldest scenario first.
    tail : Tail
        Of ``scenario_count`` scenarios.

    Returns
    -------
    tuple of ndarray, each of shape (day_count,)
        Of equal P&Ls the older ranks worse, as in `system.risk.historical.tail_order`.
    """
    worst, order = worst_scenarios(pnl, tail.rank)
    var: Float64Vector = 0.0 - worst[:, -1]
    shortfall = np.array([tail_mean_loss(row, tail) for row in worst])
    return var, shortfall, order[:, -1]


def worst_scenarios(pnl: Float64Matrix, rank: int) -> tuple[Float64Matrix, npt.NDArray[np.intp]]:
    """Return the ``rank`` worst P&Ls of each row and their scenarios, worst first.

    Parameters
    ----------
    pnl : ndarray of float64, shape (day_count, scenario_count)
        Gains positive, oldest scenario first.
    rank : int
        How many, in [1, scenario_count].

    Returns
    -------
    tuple of ndarray, each of shape (day_count, rank)
        Of equal P&Ls the older comes first.
    """
    order = np.argsort(pnl, axis=1, kind="stable")[:, :rank]
    return np.take_along_axis(pnl, order, axis=1), order


def _historical(
    block: ScenarioBlock, pnl: Float64Matrix, next_pnl: Float64Vector, confidence: Confidence
) -> Forecasts:
    var, shortfall, scenario = ranked_losses(pnl, tail_of(pnl.shape[1], confidence))
    below, up_to = _empirical(pnl, next_pnl)
    return Forecasts(var, shortfall, block.losses_in(scenario), scenario, below, up_to)


def _filtered(
    block: ScenarioBlock, pnl: Float64Matrix, next_pnl: Float64Vector, confidence: Confidence
) -> Forecasts:
    scale = _volatility_ratios(pnl)
    filtered = pnl[:, EWMA_WARM_UP:] * scale
    var, shortfall, scenario = ranked_losses(filtered, tail_of(filtered.shape[1], confidence))
    below, up_to = _empirical(filtered, next_pnl)
    own_scale = np.take_along_axis(scale, scenario[:, None], axis=1)
    components = block.losses_in(scenario + EWMA_WARM_UP) * own_scale
    return Forecasts(var, shortfall, components, scenario, below, up_to)


def _volatility_ratios(pnl: Float64Matrix) -> Float64Matrix:
    """Return tomorrow's volatility over that of each day after the warm-up; 1 where it is 0."""
    variance = np.mean(pnl[:, :EWMA_WARM_UP] ** 2, axis=1)
    own = np.empty((len(pnl), pnl.shape[1] - EWMA_WARM_UP))
    for day in range(pnl.shape[1]):
        if day >= EWMA_WARM_UP:
            own[:, day - EWMA_WARM_UP] = variance
        variance = EWMA_DECAY * variance + (1.0 - EWMA_DECAY) * pnl[:, day] ** 2
    positive = own > 0.0
    return np.where(positive, np.sqrt(variance[:, None] / np.where(positive, own, 1.0)), 1.0)


def _normal(
    block: ScenarioBlock, pnl: Float64Matrix, next_pnl: Float64Vector, confidence: Confidence
) -> Forecasts:
    tail_probability = float(confidence.tail_probability)
    count = pnl.shape[1]
    quantile = normal_quantile(tail_probability)
    mean = pnl.mean(axis=1)
    deviation = pnl.std(axis=1, ddof=1)
    safe = np.where(deviation > 0.0, deviation, 1.0)
    slope = -quantile * (pnl - mean[:, None]) / ((count - 1) * safe[:, None])
    score = (next_pnl - mean) / safe
    placed = np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in score.tolist()])
    return Forecasts(
        var=-mean - quantile * deviation,
        expected_shortfall=-mean + deviation * normal_pdf(quantile) / tail_probability,
        component_var=block.weighted_losses(1.0 / count - slope),
        scenario=None,
        below=placed,
        up_to=placed,
    )


def _student(
    block: ScenarioBlock, pnl: Float64Matrix, next_pnl: Float64Vector, confidence: Confidence
) -> Forecasts:
    tail_probability = float(confidence.tail_probability)
    fit = fitted_student(pnl)
    measures = {dof: _student_measures(dof, tail_probability) for dof in np.unique(fit.dof)}
    quantile, spread = np.array([measures[dof] for dof in fit.dof]).T
    centred = pnl - fit.location[:, None]
    safe = np.where(fit.scale > 0.0, fit.scale, 1.0)
    slope = -quantile[:, None] * fit.weights * centred / (pnl.shape[1] * safe[:, None])
    share = fit.weights / fit.weights.sum(axis=1, keepdims=True)
    score = (next_pnl - fit.location) / safe
    placed = np.array(
        [student_cdf(value, int(dof)) for value, dof in zip(score.tolist(), fit.dof, strict=True)]
    )
    return Forecasts(
        var=-fit.location - quantile * fit.scale,
        expected_shortfall=-fit.location + spread * fit.scale,
        component_var=block.weighted_losses(share - slope),
        scenario=None,
        below=placed,
        up_to=placed,
        equal_count=largest_equal_count(pnl),
    )


def _student_measures(dof: int, tail_probability: float) -> tuple[float, float]:
    """Return quantile and tail mean (as a loss) of the standard law."""
    quantile = student_quantile(tail_probability, int(dof))
    spread = (dof + quantile * quantile) / (dof - 1)
    return quantile, student_pdf(quantile, int(dof)) * spread / tail_probability


def _empirical(pnl: Float64Matrix, next_pnl: Float64Vector) -> tuple[Float64Vector, Float64Vector]:
    """Return the step of the next P&L among n + 1 equally likely ranks; equal as for a breach."""
    ranks = pnl.shape[1] + 1
    below = exceeds(next_pnl[:, None], pnl).sum(axis=1) / ranks
    up_to = ((~exceeds(pnl, next_pnl[:, None])).sum(axis=1) + 1) / ranks
    return below, up_to


def _refuse_non_finite(pnl: Float64Matrix) -> None:
    finite = np.isfinite(pnl)
    if not finite.all():
        day, scenario = np.argwhere(~finite)[0]
        raise NonFinitePnlError(int(scenario), float(pnl[day, scenario]))


_Stated = Callable[[ScenarioBlock, Float64Matrix, Float64Vector, Confidence], Forecasts]
_STATED: Final[Mapping[Method, _Stated]] = {
    Method.HS: _historical,
    Method.HS250: _historical,
    Method.EWMA_FHS: _filtered,
    Method.NORMAL: _normal,
    Method.STUDENT_T: _student,
}
