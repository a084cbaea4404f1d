"""Power of the tests: the number to read before "not rejected".

For each alternative, breaches are drawn from it and the test is held against its own
simulated critical value for independent breaches at 1 - confidence, so that its size is
the level and not what an asymptotic law makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from system.backtest.battery import hit_statistics, simulated_statistics
from system.backtest.statistics.eprocess import LEVEL, log_wealths
from system.backtest.statistics.hits import (
    ClusteredHits,
    HitLaw,
    IndependentHits,
    Stretches,
    hit_blocks,
)
from system.risk.arrays import Float64Vector

TESTS: Final = (
    "kupiec_pof",
    "christoffersen_independence",
    "christoffersen_conditional_coverage",
    "weibull_duration",
)
E_PROCESS: Final = "e_process"
AFTER_BREACH_FACTOR: Final = 4.0
"""In the clustered alternative a breach makes the next day's four times as likely."""


@dataclass(frozen=True, slots=True)
class PowerRow:
    """Rejection rate of each test at the level, if one alternative is the truth.

    Parameters
    ----------
    alternative : str
        In words.
    rejection_rates : mapping of str to float
        By name of the test, in [0, 1].
    """

    alternative: str
    rejection_rates: Mapping[str, float]


def alternatives(tail_probability: float, expected_rate: float | None) -> dict[str, HitLaw]:
    """Return what could be true instead, in words.

    Parameters
    ----------
    tail_probability : float
        p = 1 - confidence.
    expected_rate : float or None
        k / (n + 1), where the method has it.
    """
    laws: dict[str, HitLaw] = {}
    if expected_rate is not None:
        laws[f"independent, at the expected {expected_rate:.2%}"] = IndependentHits(expected_rate)
    for factor in (1.5, 2.0):
        rate = factor * tail_probability
        laws[f"independent, {factor:g} times as many"] = IndependentHits(rate)
    after = min(0.9, AFTER_BREACH_FACTOR * tail_probability)
    laws["as many as promised, in clusters"] = ClusteredHits(tail_probability, after)
    return laws


def power(
    rng: np.random.Generator,
    *,
    tail_probability: float,
    expected_rate: float | None,
    day_count: int,
    simulation_count: int = 1_000,
    level: float = LEVEL,
    stretches: Stretches | None = None,
) -> tuple[PowerRow, ...]:
    """Return how often tests reject in ``day_count`` days, under several alternatives.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of chance.
    tail_probability : float
        p = 1 - confidence.
    expected_rate : float or None
        k / (n + 1), where the method has it.
    day_count : int
        T.
    simulation_count : int
        Samples per law.
    level : float
        Of the tests.
    stretches : Stretches, optional
        Of the days; without them there is no hole.

    Returns
    -------
    tuple of PowerRow
        The e-process counts as rejecting if it ever reached 1 / level.
    """
    days = Stretches.unbroken(day_count) if stretches is None else stretches
    chosen = {name: hit_statistics(tail_probability, days)[name] for name in TESTS}
    counts = {"day_count": day_count, "simulation_count": simulation_count}
    null = simulated_statistics(IndependentHits(tail_probability), chosen, rng, **counts)
    critical = {name: _critical_value(values, level) for name, values in null.items()}
    rows = []
    for words, whole in alternatives(tail_probability, expected_rate).items():
        law = days.law(whole)
        drawn = simulated_statistics(law, chosen, rng, **counts)
        rates = {name: _rate_above(drawn[name], critical[name]) for name in TESTS}
        rates[E_PROCESS] = _crossing_rate(
            law, rng, tail_probability, day_count, simulation_count, level
        )
        rows.append(PowerRow(words, rates))
    return tuple(rows)


def _critical_value(statistics: Float64Vector, level: float) -> float:
    defined = statistics[~np.isnan(statistics)]
    if not len(defined):
        return np.inf
    return float(np.quantile(defined, 1.0 - level, method="higher"))


def _rate_above(statistics: Float64Vector, critical: float) -> float:
    return float(np.mean(np.nan_to_num(statistics, nan=-np.inf) > critical))


def _crossing_rate(
    law: HitLaw,
    rng: np.random.Generator,
    tail_probability: float,
    day_count: int,
    simulation_count: int,
    level: float,
) -> float:
    crossed = [
        (log_wealths(block, tail_probability) >= -np.log(level)).any(axis=1)
        for block in hit_blocks(law, rng, simulation_count, day_count)
    ]
    return float(np.concatenate(crossed).mean())
