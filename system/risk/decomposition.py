"""VaR taken apart by full recomputation: without each position, and books under a desk."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from system.risk.arrays import Float64Vector
from system.risk.confidence import Confidence, tail_of
from system.risk.historical import historical_var, loss, tail_mean_loss, tail_order, worst_pnl
from system.risk.kernel import weighted_row_sum
from system.risk.scenarios.factors import PositionExposures, ScenarioFactors


def incremental_var(
    exposures: PositionExposures, factors: ScenarioFactors, *, confidence: Confidence
) -> Float64Vector:
    """Return by how much each position raises the VaR of the book: VaR with it less without.

    Parameters
    ----------
    exposures : PositionExposures
        At current prices and rates, base currency.
    factors : ScenarioFactors
        Of the same positions, options revalued.
    confidence : Confidence
        Exact probability in (1/2, 1).

    Returns
    -------
    ndarray of float64, shape (position_count,)
        Base currency; negative for a hedge. They do not add up to VaR.

    Raises
    ------
    TooFewScenariosError
        If ``scenario_count * (1 - confidence) < 1``.
    NonFinitePnlError
        If a scenario P&L overflows; names the scenario.

    Notes
    -----
    Each is two full recomputations by the kernel, over the same scenarios: the bits that the
    book without the position has.
    """
    weights = exposures.weights(factors)
    whole = historical_var(weighted_row_sum(weights, factors.rows), confidence=confidence)
    without = []
    for position in range(len(exposures.instrument_ids)):
        kept = np.flatnonzero(factors.row_position != position)
        pnl = weighted_row_sum(weights[kept], np.ascontiguousarray(factors.rows[kept]))
        without.append(historical_var(pnl, confidence=confidence))
    return whole - np.array(without, dtype=np.float64)


def marginal_var(component_var: Float64Vector, quantity: Float64Vector) -> Float64Vector:
    """Return the change of VaR per 1.0 of quantity of each position, for a small change.

    Parameters
    ----------
    component_var : ndarray of float64, shape (position_count,)
        Loss of each position in the VaR scenario, base currency.
    quantity : ndarray of float64, shape (position_count,)
        Signed, not 0.

    Returns
    -------
    ndarray of float64, shape (position_count,)
        Base currency per unit. Exact while the same scenario stays the VaR scenario; an
        option's is of its quantity, not of its underlying's price.
    """
    marginal: Float64Vector = component_var / quantity
    return marginal


@dataclass(frozen=True, slots=True)
class MemberRisk:
    """One book under a desk: stand-alone risk, and its loss in the desk's VaR scenario."""

    name: str
    var: float
    expected_shortfall: float
    component_var: float


@dataclass(frozen=True, slots=True, eq=False)
class DeskRisk:
    """Risk of several books together; amounts in the desk's currency, losses positive.

    Parameters
    ----------
    pnl : ndarray of float64, shape (scenario_count,)
        Of all books, gains positive: a desk is a member of the next desk above by it.
    var, expected_shortfall : float
        Of the sum.
    tail_rank : int
        k, 1-based.
    scenario_date : date
        Of the VaR scenario.
    members : tuple of MemberRisk
        By name; ``component_var`` adds up to ``var``.
    diversification : float
        Sum of the members' VaR less ``var``; can be negative.
    """

    pnl: Float64Vector
    var: float
    expected_shortfall: float
    tail_rank: int
    scenario_date: dt.date
    members: tuple[MemberRisk, ...]
    diversification: float


def desk_risk(
    pnl: Mapping[str, Float64Vector],
    scenario_dates: Sequence[dt.date],
    *,
    confidence: Confidence,
) -> DeskRisk:
    """Return the risk of several books from their P&L under the same scenarios.

    Parameters
    ----------
    pnl : mapping of str to ndarray of float64, shape (scenario_count,)
        By book; one currency, gains positive, oldest scenario first. Not empty.
    scenario_dates : sequence of date
        Of each scenario, the same for all.
    confidence : Confidence
        Exact probability in (1/2, 1).

    Raises
    ------
    TooFewScenariosError
        If ``scenario_count * (1 - confidence) < 1``.
    NonFinitePnlError
        If a P&L overflows; names the scenario.
    """
    assert pnl, "a desk without a book has no risk"
    names = sorted(pnl)
    rows = np.array([pnl[name] for name in names], dtype=np.float64)
    total = weighted_row_sum(np.ones(len(names)), rows)
    tail = tail_of(len(total), confidence)
    worst = tail_order(total, tail.rank)
    scenario = int(worst[-1])
    var = loss(total[scenario])
    members = []
    for name, row in zip(names, rows, strict=True):
        own = worst_pnl(row, tail.rank)
        members.append(
            MemberRisk(name, loss(own[-1]), tail_mean_loss(own, tail), loss(row[scenario]))
        )
    return DeskRisk(
        pnl=total,
        var=var,
        expected_shortfall=tail_mean_loss(total[worst], tail),
        tail_rank=tail.rank,
        scenario_date=scenario_dates[scenario],
        members=tuple(members),
        diversification=math.fsum([*(member.var for member in members), -var]),
    )
