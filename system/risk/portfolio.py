"""The risk of one portfolio: one kernel, from exposures and factors to every number."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from system.risk.arrays import BoolMatrix, Float64Matrix, Float64Vector, IndexVector, read_only
from system.risk.confidence import Confidence, Tail, tail_of
from system.risk.historical import (
    loss,
    mean_loss_of,
    tail_mean_loss,
    tail_order,
    worst_pnl,
)
from system.risk.kernel import weighted_row_sum
from system.risk.scenarios.factors import PositionExposures, ScenarioFactors

SMOOTHING_RANKS: Final = 3
"""The smoothed share looks this many order statistics to each side of the VaR scenario."""

ADDITIVITY_TOLERANCE: Final = 1e-9
"""Largest gap between VaR and the sum of its components, relative to their absolute sum."""

EPSILON: Final = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True, eq=False)
class PositionGroups:
    """A partition of the positions, for instance by asset class.

    Parameters
    ----------
    names : tuple of str
        Ascending.
    members : ndarray of bool, shape (group_count, position_count)
        Each position in exactly one group.
    """

    names: tuple[str, ...]
    members: BoolMatrix


def position_groups(labels: Sequence[str]) -> PositionGroups:
    """Return the groups of positions with equal labels; one label per position, in order."""
    names = tuple(sorted(set(labels)))
    members = np.array([[label == name for label in labels] for name in names], dtype=np.bool_)
    return PositionGroups(names, members.reshape(len(names), len(labels)))


@dataclass(frozen=True, slots=True)
class GroupRisk:
    """Stand-alone risk of one group of positions: losses, positive, base currency."""

    name: str
    var: float
    expected_shortfall: float


@dataclass(frozen=True, slots=True, eq=False)
class PortfolioRisk:
    """Risk of one portfolio; amounts in base currency, losses positive, one day.

    Parameters
    ----------
    pnl : ndarray of float64, shape (scenario_count,)
        Scenario P&L, gains positive, oldest scenario first.
    scenario_dates : tuple of date
        Of each scenario.
    var, expected_shortfall : float
        Losses of the portfolio.
    tail_rank : int
        k, 1-based: the VaR is the k-th worst P&L.
    tail : ndarray of intp, shape (k,)
        Scenarios in the tail, worst first, ties older first; the last is the VaR scenario.
    component_var : ndarray of float64, shape (position_count,)
        Loss of each position in the VaR scenario; adds up to ``var``.
    component_es : ndarray of float64, shape (position_count,)
        Tail-mean loss of each position; adds up to ``expected_shortfall``.
    smoothed_share : ndarray of float64, shape (position_count,), or None
        Part of each position in the losses of ranks k-3..k+3, adds up to 1; None where
        these losses do not add up to more than 0, or to less than a share can be taken of
        (*not meaningful*).
    groups : tuple of GroupRisk
        Stand-alone risk of each group.
    diversification : float
        Sum of the groups' VaR minus ``var``; can be negative.
    """

    pnl: Float64Vector
    scenario_dates: tuple[dt.date, ...]
    var: float
    expected_shortfall: float
    tail_rank: int
    tail: IndexVector
    component_var: Float64Vector
    component_es: Float64Vector
    smoothed_share: Float64Vector | None
    groups: tuple[GroupRisk, ...]
    diversification: float

    @property
    def var_scenario(self) -> int:
        """Return the 0-based index of the scenario whose loss is the VaR."""
        return int(self.tail[-1])

    @property
    def var_scenario_date(self) -> dt.date:
        """Return the date of the scenario whose loss is the VaR."""
        return self.scenario_dates[self.var_scenario]

    @property
    def is_finite(self) -> bool:
        """Return whether all that is stated is a number: sums of huge ones may not be."""
        totals = [self.var, self.expected_shortfall, self.diversification]
        for group in self.groups:
            totals += (group.var, group.expected_shortfall)
        return (
            all(map(math.isfinite, totals))
            and bool(np.isfinite(self.component_var).all())
            and bool(np.isfinite(self.component_es).all())
        )

    @property
    def es_share(self) -> Float64Vector | None:
        """Return each position's part of expected shortfall, None where that is <= 0."""
        if self.expected_shortfall <= 0.0:
            return None
        share: Float64Vector = self.component_es / self.expected_shortfall
        return share if np.isfinite(share).all() else None


def scenario_pnl(exposures: PositionExposures, factors: ScenarioFactors) -> Float64Vector:
    """Return the P&L of the whole portfolio in each scenario, gains positive.

    Parameters
    ----------
    exposures : PositionExposures
        At current prices and rates.
    factors : ScenarioFactors
        Of the same positions.

    Returns
    -------
    ndarray of float64, shape (scenario_count,)
        Base currency; factor rows added in canonical order (`weighted_row_sum`).
    """
    return weighted_row_sum(exposures.weights(factors), factors.rows)


def portfolio_risk(
    exposures: PositionExposures,
    factors: ScenarioFactors,
    *,
    confidence: Confidence,
    groups: PositionGroups,
) -> PortfolioRisk:
    """Return VaR, expected shortfall and their attribution for one portfolio.

    Parameters
    ----------
    exposures : PositionExposures
        At current prices and rates, base currency.
    factors : ScenarioFactors
        Of the same positions, in the same order.
    confidence : Confidence
        Exact probability in (1/2, 1).
    groups : PositionGroups
        The partition that stand-alone risk is shown for.

    Returns
    -------
    PortfolioRisk
        All from one P&L vector and one ranking of the scenarios.

    Raises
    ------
    TooFewScenariosError
        If ``scenario_count * (1 - confidence) < 1``.
    NonFinitePnlError
        If a scenario P&L overflows; names the scenario.

    Notes
    -----
    Component VaR is each position's loss in the VaR scenario, which is the derivative of
    the empirical VaR; it adds up to VaR exactly, which is asserted.
    """
    weights = exposures.weights(factors)
    pnl = weighted_row_sum(weights, factors.rows)
    count = factors.scenario_count
    tail = tail_of(count, confidence)
    worst = tail_order(pnl, min(count, tail.rank + SMOOTHING_RANKS))
    terms = factors.of_scenarios(worst) * weights
    losses = _position_losses(terms, factors, len(exposures.instrument_ids))
    in_tail = worst[: tail.rank]
    worst_amounts = pnl[in_tail].tolist()
    var = loss(worst_amounts[-1])
    var_row = tail.rank - 1
    component_var = losses[var_row]
    _assert_additive(component_var, var, component_var if factors.is_plain else terms[var_row])
    shortfall = mean_loss_of(worst_amounts, tail)
    standalone = (
        (GroupRisk(groups.names[0], var, shortfall),)  # one group is the portfolio
        if len(groups.names) == 1
        else _group_risks(weights, factors, groups, tail)
    )
    return PortfolioRisk(
        pnl=pnl,
        scenario_dates=factors.scenario_dates,
        var=var,
        expected_shortfall=shortfall,
        tail_rank=tail.rank,
        tail=in_tail,
        component_var=component_var,
        component_es=weighted_row_sum(_tail_weights(tail), losses[: tail.rank]),
        smoothed_share=_smoothed_share(losses, tail.rank),
        groups=standalone,
        diversification=math.fsum([*(group.var for group in standalone), -var]),
    )


def position_pnl(exposures: PositionExposures, factors: ScenarioFactors) -> Float64Matrix:
    """Return the P&L of each position in each scenario, gains positive.

    Parameters
    ----------
    exposures : PositionExposures
        At current prices and rates.
    factors : ScenarioFactors
        Of the same positions.

    Returns
    -------
    ndarray of float64, shape (scenario_count, position_count)
        Base currency: V'X' - VX of each position.
    """
    terms = factors.rows.T * exposures.weights(factors)
    pnl: Float64Matrix = -_position_losses(terms, factors, len(exposures.instrument_ids))
    return pnl


def _position_losses(
    terms: Float64Matrix, factors: ScenarioFactors, positions: int
) -> Float64Matrix:
    """Return the loss of each position, shape (scenarios, positions), from the gain of each row."""
    if factors.is_plain:
        losses: Float64Matrix = 0.0 - terms
        return losses
    losses = np.zeros((len(terms), positions))
    is_fx = factors.row_is_fx
    losses[:, factors.row_position[~is_fx]] -= terms[:, ~is_fx]
    if is_fx.any():
        losses[:, factors.row_position[is_fx]] -= terms[:, is_fx]
    return losses


@lru_cache(maxsize=64)
def _tail_weights(tail: Tail) -> Float64Vector:
    weights = np.full(tail.rank, 1.0 / tail.mass)
    weights[-1] = tail.last_weight / tail.mass
    return read_only(weights)


def _smoothed_share(losses: Float64Matrix, rank: int) -> Float64Vector | None:
    """Return shares in the losses of ranks k-3..k+3, those outside [1, n] left out."""
    first = max(0, rank - 1 - SMOOTHING_RANKS)
    smoothed = np.add.reduce(losses[first:], axis=0)
    total = math.fsum(smoothed.tolist())
    if total <= 0.0:
        return None
    share: Float64Vector = smoothed / total
    # The sum is finite, so the losses are, and over 1 or more they stay so.
    return share if 1.0 <= total < math.inf or np.isfinite(share).all() else None


def _group_risks(
    weights: Float64Vector,
    factors: ScenarioFactors,
    groups: PositionGroups,
    tail: Tail,
) -> tuple[GroupRisk, ...]:
    row_members = groups.members[:, factors.row_position]
    return tuple(
        _group_risk(name, weighted_row_sum(weights[rows], factors.rows[rows]), tail)
        for name, rows in zip(groups.names, map(np.flatnonzero, row_members), strict=True)
    )


def _group_risk(name: str, pnl: Float64Vector, tail: Tail) -> GroupRisk:
    worst = worst_pnl(pnl, tail.rank)
    return GroupRisk(name, var=loss(worst[-1]), expected_shortfall=tail_mean_loss(worst, tail))


def _assert_additive(components: Float64Vector, total: float, terms: Float64Vector) -> None:
    """Refuse components that miss the total by more than tolerance and rounding.

    Where price and currency move against each other, the rounding of a position's two
    terms outlives their sum; each addition rounds by at most half a unit in the last place
    of what has been added up.
    """
    parts = components.tolist()
    gap = abs(math.fsum(parts) - total)
    if gap <= 0.5 * ADDITIVITY_TOLERANCE * abs(total):
        return  # less than the bound below, because the components' sizes add up to |total| or more
    size = math.fsum(map(abs, parts))
    moved = size if terms is components else math.fsum(map(abs, terms.tolist()))
    bound = ADDITIVITY_TOLERANCE * size + len(terms) * EPSILON * moved
    assert gap <= bound, f"components miss VaR {total} by {gap}, more than {bound}"
