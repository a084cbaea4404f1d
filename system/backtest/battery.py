"""All tests of one backtest, with asymptotic and simulated p-values.

Every test that looks at breaches alone is simulated under two laws. *Independent*:
breaches with probability 1 - confidence, the promise. *Rolling*: what a correct rolling
historical simulation brings about on independent returns; a test that rejects the first
and not the second has found the estimator, not the market (only where the method has one).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from system.backtest.daily import DailyBacktest
from system.backtest.statistics.berkowitz import (
    berkowitz_statistics,
    berkowitz_tail,
    randomised_scores,
)
from system.backtest.statistics.coverage import (
    Alternative,
    exact_binomial,
    first_breach_rank,
    kupiec_pof,
    kupiec_tuff,
    mid_p_binomial,
    pof_statistics,
    tuff_statistics,
)
from system.backtest.statistics.duration import duration_statistics, weibull_duration
from system.backtest.statistics.dynamic_quantile import (
    dynamic_quantile,
    dynamic_quantile_statistics,
    enough_days,
)
from system.backtest.statistics.hits import (
    CELLS_PER_BLOCK,
    HitLaw,
    IndependentHits,
    RollingRankHits,
    Stretches,
    as_matrix,
    hit_blocks,
)
from system.backtest.statistics.independence import (
    christoffersen_conditional_coverage,
    christoffersen_independence,
    conditional_coverage_statistics,
    haas_independence,
    haas_independence_statistics,
    haas_mixed,
    haas_mixed_statistics,
    independence_statistics,
    transitions,
)
from system.backtest.statistics.results import HypothesisResult, exceedance_p_value
from system.backtest.statistics.rolling_shortfall import rolling_z
from system.backtest.statistics.shortfall import (
    SimulatedZ,
    TailLaw,
    acerbi_szekely_z1,
    acerbi_szekely_z2,
    exceedance_residuals,
    simulated_z,
)
from system.risk.arrays import BoolMatrix, Float64Vector

Statistics = Callable[[BoolMatrix], Float64Vector]

DYNAMIC_QUANTILE: Final = "dynamic_quantile"


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """Sample counts and seed of the simulated p-values.

    Parameters
    ----------
    seed : int
        Repeats every simulated p-value.
    count : int
        Samples per law; the dynamic quantile test takes ``slow_count``.
    slow_count : int
        Samples of statistics that take a regression each.
    """

    seed: int = 20_260_101
    count: int = 2_000
    slow_count: int = 500

    def rng(self, stream: int) -> np.random.Generator:
        """Return the generator of one purpose; no two purposes share random numbers."""
        return np.random.default_rng([self.seed, stream])


def all_tests(backtest: DailyBacktest, plan: SimulationPlan) -> tuple[HypothesisResult, ...]:
    """Return every test of one backtest.

    Parameters
    ----------
    backtest : DailyBacktest
        One portfolio under one method.
    plan : SimulationPlan
        Seed and number of simulated samples.

    Returns
    -------
    tuple of HypothesisResult
        Coverage, independence, both, foreseeability, expected shortfall, tail; in a fixed
        order, each with its simulated p-values.
    """
    simulated = _simulated_hits(backtest, plan)
    return (
        *(
            result.with_simulated(
                *(
                    exceedance_p_value(result.statistic, law[result.name]) if law else None
                    for law in simulated
                )
            )
            for result in hit_tests(backtest)
        ),
        *_exact_tests(backtest),
        *_shortfall_tests(backtest, plan),
        _tail_test(backtest, plan),
    )


def hit_tests(backtest: DailyBacktest) -> tuple[HypothesisResult, ...]:
    """Return the tests that look at breaches, without simulation."""
    hits, probability = backtest.breach, _tail_probability(backtest)
    days, breaches = backtest.day_count, backtest.breach_count
    stretches = backtest.stretches
    moves = transitions(hits, stretches)
    return (
        kupiec_pof(breaches, days, probability),
        kupiec_tuff(first_breach_rank(as_matrix(hits)), days, probability),
        christoffersen_independence(moves),
        christoffersen_conditional_coverage(
            moves, breach_count=breaches, day_count=days, tail_probability=probability
        ),
        haas_independence(hits, probability, stretches),
        haas_mixed(hits, probability, stretches),
        weibull_duration(hits, stretches),
        dynamic_quantile(
            hits,
            var=backtest.var,
            pnl=backtest.pnl,
            tail_probability=probability,
            stretches=stretches,
        ),
    )


def hit_statistics(probability: float, stretches: Stretches | None = None) -> dict[str, Statistics]:
    """Return the statistics that depend on breaches alone, by name of the test.

    Parameters
    ----------
    probability : float
        p = 1 - confidence.
    stretches : Stretches, optional
        Of the days; without them there is no hole.
    """
    return {
        "kupiec_pof": lambda hits: pof_statistics(hits, probability),
        "kupiec_tuff": lambda hits: tuff_statistics(hits, probability),
        "christoffersen_independence": lambda hits: independence_statistics(hits, stretches),
        "christoffersen_conditional_coverage": lambda hits: conditional_coverage_statistics(
            hits, probability, stretches
        ),
        "haas_time_between_failures": lambda hits: haas_independence_statistics(
            hits, probability, stretches
        ),
        "haas_mixed": lambda hits: haas_mixed_statistics(hits, probability, stretches),
        "weibull_duration": lambda hits: duration_statistics(hits, stretches),
    }


def simulated_statistics(
    law: HitLaw,
    statistics: Mapping[str, Statistics],
    rng: np.random.Generator,
    *,
    day_count: int,
    simulation_count: int,
) -> dict[str, Float64Vector]:
    """Return statistics of sequences that were drawn from a law, by name.

    Parameters
    ----------
    law : HitLaw
        Of the breaches.
    statistics : mapping of str to callable
        Each takes a hit matrix and returns one number per row.
    rng : numpy.random.Generator
        The source of chance.
    day_count, simulation_count : int
        Days per sequence; sequences.
    """
    samples: dict[str, list[Float64Vector]] = {name: [] for name in statistics}
    for block in hit_blocks(law, rng, simulation_count, day_count):
        for name, statistic in statistics.items():
            samples[name].append(statistic(block))
    return {name: np.concatenate(parts) for name, parts in samples.items()}


def rolling_law(backtest: DailyBacktest) -> RollingRankHits | None:
    """Return the law that the estimator itself brings about, None for a challenger."""
    rank = backtest.tail_rank
    if rank is None or not backtest.settings.method.is_official:
        return None
    return RollingRankHits(backtest.scenario_count, rank)


def _simulated_hits(
    backtest: DailyBacktest, plan: SimulationPlan
) -> tuple[dict[str, Float64Vector], dict[str, Float64Vector] | None]:
    """Return simulated statistics under independence and under the rolling estimator."""
    laws = (IndependentHits(_tail_probability(backtest)), rolling_law(backtest))
    independent, rolling = (
        None if law is None else _under(law, backtest, plan, stream)
        for stream, law in enumerate(laws)
    )
    assert independent is not None
    return independent, rolling


def _under(
    law: HitLaw, backtest: DailyBacktest, plan: SimulationPlan, stream: int
) -> dict[str, Float64Vector]:
    probability, days = _tail_probability(backtest), backtest.day_count
    stretches = backtest.stretches
    samples = simulated_statistics(
        stretches.law(law),
        hit_statistics(probability, stretches),
        plan.rng(2 * stream),
        day_count=days,
        simulation_count=plan.count,
    )
    samples[DYNAMIC_QUANTILE] = np.array([])
    if enough_days(stretches):
        samples |= simulated_statistics(
            stretches.law(law),
            {
                DYNAMIC_QUANTILE: lambda hits: dynamic_quantile_statistics(
                    hits,
                    var=backtest.var,
                    pnl=backtest.pnl,
                    tail_probability=probability,
                    stretches=stretches,
                )
            },
            plan.rng(2 * stream + 1),
            day_count=days,
            simulation_count=plan.slow_count,
        )
    return samples


def _exact_tests(backtest: DailyBacktest) -> tuple[HypothesisResult, ...]:
    counts = (backtest.breach_count, backtest.day_count, _tail_probability(backtest))
    return tuple(
        test(*counts, alternative=alternative)
        for test in (exact_binomial, mid_p_binomial)
        for alternative in Alternative
    )


def _shortfall_tests(backtest: DailyBacktest, plan: SimulationPlan) -> tuple[HypothesisResult, ...]:
    hits, pnl, shortfall = backtest.breach, backtest.pnl, backtest.expected_shortfall
    probability = _tail_probability(backtest)
    first = acerbi_szekely_z1(hits, pnl, shortfall)
    second = acerbi_szekely_z2(hits, pnl, shortfall, probability)
    normal = simulated_z(
        TailLaw.NORMAL,
        plan.rng(10),
        tail_probability=probability,
        day_count=backtest.day_count,
        simulation_count=plan.count,
    )
    rolling = _rolling_z(backtest, plan)
    return (
        first.with_simulated(
            _lower_p_value(first.statistic, normal.z1),
            None if rolling is None else _lower_p_value(first.statistic, rolling.z1),
        ),
        second.with_simulated(
            _lower_p_value(second.statistic, normal.z2),
            None if rolling is None else _lower_p_value(second.statistic, rolling.z2),
        ),
        exceedance_residuals(hits, pnl, shortfall, plan.rng(12)),
    )


def _lower_p_value(observed: float | None, simulated: Float64Vector) -> float | None:
    return exceedance_p_value(None if observed is None else -observed, -simulated)


def _rolling_z(backtest: DailyBacktest, plan: SimulationPlan) -> SimulatedZ | None:
    if rolling_law(backtest) is None:
        return None
    return rolling_z(
        plan.rng(11),
        scenario_count=backtest.scenario_count,
        confidence=backtest.settings.confidence,
        day_count=backtest.day_count,
        simulation_count=plan.count,
    )


def _tail_test(backtest: DailyBacktest, plan: SimulationPlan) -> HypothesisResult:
    probability, days = _tail_probability(backtest), backtest.day_count
    scores = randomised_scores(backtest.below, backtest.up_to, plan.rng(13))
    result = berkowitz_tail(scores, probability)
    rng = plan.rng(14)
    per_block = max(1, CELLS_PER_BLOCK // days)
    simulated = [
        berkowitz_statistics(
            rng.standard_normal((min(per_block, plan.count - first), days)), probability
        )
        for first in range(0, plan.count, per_block)
    ]
    p_value = exceedance_p_value(result.statistic, np.concatenate(simulated))
    if (backtest.up_to > backtest.below).any():
        result = replace(result, note=f"{result.note}; {_STEPS}")
    return result.with_simulated(p_value)


_STEPS: Final = (
    "drawn evenly within the steps of the forecast, n + 1 ranks equally likely: it sees the "
    "shape of the tail, not k / (n + 1)"
)


def _tail_probability(backtest: DailyBacktest) -> float:
    return float(backtest.settings.confidence.tail_probability)
