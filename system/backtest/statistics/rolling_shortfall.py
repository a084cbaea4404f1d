"""Distribution of Acerbi and Szekely's statistics under a correct rolling estimator.

VaR and ES from n returns have errors of their own; on independent normal returns they
alone push Z1 and Z2 below 0. This is the law to hold an observed value against before the
market is blamed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from system.backtest.statistics.shortfall import SimulatedZ, z_of
from system.risk.arrays import Float64Matrix, Float64Vector
from system.risk.breach import exceeds
from system.risk.confidence import Confidence, Tail, tail_of

CELLS_IN_ALL: Final = 40_000_000
"""Largest number of scenarios over all samples: fewer samples for longer backtests."""
CELLS_PER_BLOCK: Final = 2_000_000
MIN_SAMPLES: Final = 100


def rolling_z(
    rng: np.random.Generator,
    *,
    scenario_count: int,
    confidence: Confidence,
    day_count: int,
    simulation_count: int,
) -> SimulatedZ | None:
    """Return Z1 and Z2 of the rolling estimator on independent normal returns.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of chance.
    scenario_count : int
        n.
    confidence : Confidence
        Exact.
    day_count, simulation_count : int
        Days per sample; samples asked for.

    Returns
    -------
    SimulatedZ or None
        As many samples as `CELLS_IN_ALL` allows, None where these are too few.
    """
    tail = tail_of(scenario_count, confidence)
    affordable = CELLS_IN_ALL // (day_count * scenario_count)
    count = min(simulation_count, affordable)
    if count < MIN_SAMPLES:
        return None
    samples = [_ratios(rng, tail, scenario_count, day_count) for _ in range(count)]
    sums, breaches = np.array(samples).T
    return z_of(sums, breaches, day_count * float(confidence.tail_probability))


def _ratios(
    rng: np.random.Generator, tail: Tail, scenario_count: int, day_count: int
) -> tuple[float, float]:
    """Return the sum of X / ES over breaches, and their number, of one sample."""
    returns = rng.standard_normal(scenario_count + day_count)
    windows = sliding_window_view(returns[:-1], scenario_count)
    per_block = max(1, CELLS_PER_BLOCK // scenario_count)
    total, breach_count = 0.0, 0
    for first in range(0, day_count, per_block):
        block = windows[first : first + per_block]
        today = returns[scenario_count + first : scenario_count + first + len(block)]
        var, shortfall = _tail_losses(block, tail)
        hits = exceeds(-today, var) & (shortfall > 0.0)
        total += float((today[hits] / shortfall[hits]).sum())
        breach_count += int(hits.sum())
    return total, float(breach_count)


def _tail_losses(windows: Float64Matrix, tail: Tail) -> tuple[Float64Vector, Float64Vector]:
    """Return VaR and ES of each row, losses positive."""
    worst = np.sort(np.partition(windows, tail.rank - 1, axis=1)[:, : tail.rank], axis=1)
    last = tail.last_weight * worst[:, -1]
    return -worst[:, -1], -(worst[:, :-1].sum(axis=1) + last) / tail.mass
