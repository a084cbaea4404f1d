"""All tests together: uniform p-values, defined results at every edge, and power."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from system.backtest.battery import (
    SimulationPlan,
    all_tests,
    hit_statistics,
    rolling_law,
    simulated_statistics,
)
from system.backtest.daily import DailyBacktest, daily_backtest
from system.backtest.engine.methods import Method
from system.backtest.engine.specification import BacktestSettings
from system.backtest.statistics.coverage import exact_binomial, mid_p_binomial
from system.backtest.statistics.hits import IndependentHits, RollingRankHits
from system.backtest.statistics.results import exceedance_p_value
from tests.system.backtest.golden_days import equal_weights, golden, market_since

PLAN = SimulationPlan(seed=1, count=200, slow_count=50)
SAMPLES = 3_000
DAYS = 250


def observed(method: Method = Method.HS) -> DailyBacktest:
    days = golden("2008H2")
    book = equal_weights(dt.date(2008, 6, 30))
    return daily_backtest(book, market_since(), BacktestSettings(method, bounds=days.bounds))


def with_hits(hits: np.ndarray) -> DailyBacktest:
    """Return a backtest with other breaches: losses of 1.5 VaR on them, nothing else."""
    tests = observed()
    pnl = np.where(hits, -1.5 * tests.var, 0.0)
    return replace(tests, breach=hits, pnl=pnl)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_breach_and_all_breaches_have_defined_results(share: float) -> None:
    hits = np.full(observed().day_count, bool(share))
    for result in all_tests(with_hits(hits), PLAN):
        for number in (
            result.statistic,
            result.p_value,
            result.p_value_simulated,
            result.p_value_rolling,
        ):
            assert number is None or math.isfinite(number), result
        if result.statistic is None:
            assert result.note, result
            assert result.p_value is None, result


@pytest.mark.parametrize("position", [0, -1])
def test_a_single_breach_has_defined_results(position: int) -> None:
    hits = np.zeros(observed().day_count, dtype=np.bool_)
    hits[position] = True
    results = {result.name: result for result in all_tests(with_hits(hits), PLAN)}
    assert results["kupiec_pof"].statistic is not None
    assert results["exceedance_residuals"].statistic is None
    assert results["weibull_duration"].statistic is None
    assert all(
        result.p_value is None or 0.0 <= result.p_value <= 1.0 for result in results.values()
    )


@pytest.mark.parametrize("method", Method)
def test_every_method_gets_every_test(method: Method) -> None:
    results = all_tests(observed(method), PLAN)
    names = [result.name for result in results]
    assert len(set(names)) == len(names) == 16
    official = method in (Method.HS, Method.HS250)
    assert (results[0].p_value_rolling is not None) == official
    assert (rolling_law(observed(method)) is not None) == official


def test_the_same_seed_gives_the_same_numbers() -> None:
    assert all_tests(observed(), PLAN) == all_tests(observed(), PLAN)
    assert all_tests(observed(), PLAN) != all_tests(observed(), replace(PLAN, seed=2))


def randomised_p_values(statistics: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return p-values of each sample among all, ties broken by chance: uniform by design
    of the test that follows only if sample and reference have the same law."""
    half = len(statistics) // 2
    reference, sample = np.sort(statistics[:half]), statistics[half:]
    above = half - np.searchsorted(reference, sample + 1e-9, side="left")
    ties = half - np.searchsorted(reference, sample - 1e-9, side="left") - above
    drawn: np.ndarray = (above + rng.random(len(sample)) * (ties + 1)) / (half + 1)
    return drawn


@pytest.mark.parametrize("name", sorted(hit_statistics(0.05)))
def test_simulated_p_values_are_uniform_on_independent_hits(name: str) -> None:
    chosen = {name: hit_statistics(0.05)[name]}
    simulated = simulated_statistics(
        IndependentHits(0.05),
        chosen,
        np.random.default_rng(len(name)),
        day_count=DAYS,
        simulation_count=2 * SAMPLES,
    )[name]
    defined = simulated[~np.isnan(simulated)]
    drawn = randomised_p_values(defined, np.random.default_rng(0))
    assert stats.kstest(drawn, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("test", [exact_binomial, mid_p_binomial])
def test_binomial_p_values_are_uniform_once_randomised(test: object) -> None:
    rng = np.random.default_rng(5)
    counts = rng.binomial(DAYS, 0.05, SAMPLES)
    at_least = {count: exact_binomial(count, DAYS, 0.05).p_value for count in set(counts.tolist())}
    more = {count: exact_binomial(count + 1, DAYS, 0.05).p_value for count in at_least}
    drawn = np.array(
        [
            more[count] + share * (at_least[count] - more[count])
            for count, share in zip(counts.tolist(), rng.random(SAMPLES), strict=True)
        ]
    )
    assert stats.kstest(drawn, "uniform").pvalue > 1e-3
    middle = [mid_p_binomial(count, DAYS, 0.05).p_value for count in counts.tolist()[:500]]
    assert np.mean(middle) == pytest.approx(0.5, abs=0.05)


def test_asymptotic_p_values_reject_a_tenth_too_many_and_simulated_ones_do_not() -> None:
    # Haas's statistic adds a chi-square for each wait; short waits are not chi-square.
    name = "haas_time_between_failures"
    simulated = simulated_statistics(
        IndependentHits(0.05),
        {name: hit_statistics(0.05)[name]},
        np.random.default_rng(9),
        day_count=1_000,
        simulation_count=2_000,
    )[name]
    beyond = (simulated > stats.chi2.ppf(0.95, 50)).mean()
    assert beyond > 0.10
    p_values = [
        exceedance_p_value(statistic, simulated[1_000:]) for statistic in simulated[:1_000].tolist()
    ]
    assert np.mean([p_value is not None and p_value < 0.05 for p_value in p_values]) < 0.08


def test_a_correct_rolling_product_is_rejected_by_kupiec_half_the_time_at_1000_days() -> None:
    hits = RollingRankHits(30, 2).draw(np.random.default_rng(1), 4_000, 1_000)
    ratios = hit_statistics(0.05)["kupiec_pof"](hits)
    assert (ratios > 3.841).mean() == pytest.approx(0.5, abs=0.1)


def test_kupiec_accepts_three_to_eleven_of_126() -> None:
    rows = np.arange(127)[:, None] > np.arange(126)
    ratios = hit_statistics(0.05)["kupiec_pof"](rows)
    assert np.flatnonzero(ratios <= 3.841).tolist() == list(range(3, 12))
