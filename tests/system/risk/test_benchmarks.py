"""How long the risk of one portfolio takes; every portfolio has factors of its own.

Run by ``make bench``. The goal is 2,000 portfolios x 100 positions x 500 scenarios in
50 ms on one core, that is 25 us each; the kernels must not grow with their number.
"""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import Callable

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from loadtests.studies.random_books import RandomBook, random_book
from system.contracts.messages import AssetClass, OptionRight
from system.risk.confidence import Confidence
from system.risk.historical import historical_var
from system.risk.kernel import plain_weighted_row_sum, weighted_row_sum
from system.risk.listing import Listing
from system.risk.options.black_scholes import EuropeanOption, OptionArrays, option_value
from system.risk.portfolio import portfolio_risk, scenario_pnl
from system.risk.scenarios.stressed import worst_window
from system.risk.valuation import Holding, Holdings, valuation

pytestmark = pytest.mark.benchmark_suite

MAX_GROWTH = 1.3
NINETY_FIVE = Confidence.parse("0.95")
SHAPES = ((30, 30), (100, 30), (100, 500), (100, 5_000))
PORTFOLIO_COUNTS = (1, 300)  # in cache, and 120 MB of factors at 100 x 500


def each_in_turn(
    cases: list[RandomBook], run: Callable[[RandomBook], object]
) -> Callable[[], object]:
    turn = itertools.cycle(cases)
    return lambda: run(next(turn))


@pytest.mark.parametrize("portfolio_count", PORTFOLIO_COUNTS)
@pytest.mark.parametrize(("position_count", "scenario_count"), SHAPES)
def test_var_alone(
    benchmark: BenchmarkFixture, position_count: int, scenario_count: int, portfolio_count: int
) -> None:
    cases = [
        random_book(position_count, scenario_count, seed=seed) for seed in range(portfolio_count)
    ]
    var = benchmark(
        each_in_turn(
            cases,
            lambda one: historical_var(
                scenario_pnl(one.exposures, one.factors), confidence=NINETY_FIVE
            ),
        )
    )
    assert var > 0.0


@pytest.mark.parametrize("group_count", [1, 4])
@pytest.mark.parametrize(("position_count", "scenario_count"), SHAPES)
def test_everything(
    benchmark: BenchmarkFixture, position_count: int, scenario_count: int, group_count: int
) -> None:
    one = random_book(position_count, scenario_count, group_count=group_count)
    risk = benchmark(
        lambda: portfolio_risk(
            one.exposures, one.factors, confidence=NINETY_FIVE, groups=one.groups
        )
    )
    assert len(risk.groups) == group_count


@pytest.mark.parametrize("total", [weighted_row_sum, plain_weighted_row_sum])
def test_the_fast_and_the_plain_sum(
    benchmark: BenchmarkFixture, total: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> None:
    cases = [random_book(100, 500, seed=seed) for seed in range(PORTFOLIO_COUNTS[-1])]
    pnl = benchmark(each_in_turn(cases, lambda one: total(one.exposures.value, one.factors.rows)))
    assert pnl.shape == (500,)  # type: ignore[union-attr]


@pytest.mark.parametrize("scenario_count", [30, 500])
@pytest.mark.parametrize("portfolio_count", [10, 1_000, 2_000])
def test_valuation_and_var_of_many_portfolios(
    benchmark: BenchmarkFixture, portfolio_count: int, scenario_count: int
) -> None:
    """Each portfolio marks 100 positions and takes VaR; the factors of one window are shared."""
    value_all = valued_in_turn(portfolio_count, scenario_count)
    assert benchmark.pedantic(value_all, rounds=3, warmup_rounds=1) > 0.0
    benchmark.extra_info["us_per_portfolio"] = benchmark.stats.stats.min / portfolio_count * 1e6


@pytest.mark.parametrize("scenario_count", [30, 500])
def test_a_portfolio_costs_the_same_among_two_thousand_as_among_ten(scenario_count: int) -> None:
    """CPU time of this process, the least of several rounds in turn: a ratio, no bound in ms.

    Each has holdings and prices of its own; ten windows are shared, for 2,000 would be 800 MB.
    """
    few, many = (valued_in_turn(count, scenario_count) for count in (10, 2_000))

    def cpu_ns(run: Callable[[], float], times: int) -> int:
        began = time.process_time_ns()
        for _ in range(times):
            run()
        return time.process_time_ns() - began

    rounds = [(cpu_ns(few, 200), cpu_ns(many, 1)) for _ in range(5)]
    ratio = min(large for _, large in rounds) / min(small for small, _ in rounds)
    assert ratio < MAX_GROWTH


def valued_in_turn(portfolio_count: int, scenario_count: int) -> Callable[[], float]:
    windows = [random_book(100, scenario_count, seed=seed).factors for seed in range(10)]
    portfolios = [
        Holdings.of(
            Holding(Listing(name, AssetClass.EQUITY, "USD"), 10.0 + number, 100.0)
            for name in windows[0].instrument_ids
        )
        for number in range(portfolio_count)
    ]
    prices = [np.linspace(50.0, 150.0, 100) + number for number in range(portfolio_count)]

    def value_all() -> float:
        var = 0.0
        for number, (holdings, marks) in enumerate(zip(portfolios, prices, strict=True)):
            worth = valuation(holdings, prices=marks, quotes={}, base_currency="USD")
            pnl = scenario_pnl(worth.exposures, windows[number % len(windows)])
            var = historical_var(pnl, confidence=NINETY_FIVE)
        return var

    return value_all


@pytest.mark.parametrize(("option_count", "scenario_count"), [(10, 30), (1_000, 500)])
def test_options_are_revalued_in_every_scenario(
    benchmark: BenchmarkFixture, option_count: int, scenario_count: int
) -> None:
    rng = np.random.default_rng(0)
    options = OptionArrays.of(
        [
            EuropeanOption(OptionRight.CALL, float(strike), float(years), rate=0.02)
            for strike, years in zip(
                rng.uniform(70, 130, option_count), rng.uniform(0.05, 2, option_count), strict=True
            )
        ]
    ).as_columns()
    spot = 100.0 * (1.0 + rng.normal(0.0, 0.02, (option_count, scenario_count)))
    volatility = np.full((option_count, 1), 0.25)
    values = benchmark(lambda: option_value(options, spot=spot, volatility=volatility))
    assert values.shape == (option_count, scenario_count)
    assert (values >= 0.0).all()


def test_the_worst_window_of_33_years_is_searched(benchmark: BenchmarkFixture) -> None:
    pnl = np.random.default_rng(0).normal(0.0, 1e4, 8_312)
    dates = [dt.date(1990, 1, 2) + dt.timedelta(index) for index in range(len(pnl))]
    worst = benchmark(lambda: worst_window(pnl, dates, scenario_count=250, confidence=NINETY_FIVE))
    assert worst.window_count == 8_312 - 249
