"""Challengers against plain loops, and what every method has in common."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from scipy import stats

from system.backtest.daily import DailyBacktest, daily_backtest
from system.backtest.engine.days import DayBounds
from system.backtest.engine.methods import (
    EWMA_DECAY,
    EWMA_WARM_UP,
    Method,
    expected_rate,
)
from system.backtest.engine.specification import BacktestSettings
from system.backtest.statistics.student import DOF_GRID, fitted_student
from system.risk.confidence import Confidence
from tests.system.backtest.golden_days import equal_weights, market_since

BOUNDS = DayBounds(dt.date(2020, 2, 3), dt.date(2020, 6, 30))
NINETY_FIVE = Confidence.parse("0.95")


def backtest_of(method: Method) -> DailyBacktest:
    market = market_since(dt.date(2018, 1, 1))
    book = equal_weights(market.closes.dates[0])
    return daily_backtest(book, market, BacktestSettings(method, bounds=BOUNDS))


def scenario_pnl(backtest: DailyBacktest, day: int, count: int) -> np.ndarray:
    """Return the last ``count`` scenario P&Ls of one close, by matrix product."""
    market = market_since(dt.date(2018, 1, 1))
    table = market.closes
    units = np.array([quantity.quantity for quantity in equal_weights(table.dates[0]).quantities])
    as_of = table.dates.index(backtest.as_of_dates[day])
    returns = table.closes[:, 1:] / table.closes[:, :-1] - 1.0
    pnl: np.ndarray = (units * table.closes[:, as_of]) @ returns[:, as_of - count : as_of]
    return pnl


@pytest.mark.parametrize("method", Method)
def test_components_add_up_and_every_method_tests_the_same_days(method: Method) -> None:
    backtest = backtest_of(method)
    assert backtest.pnl_dates[0] == BOUNDS.start
    sums = np.concatenate([block.component_var.sum(axis=1) for block in backtest.components])
    assert sums == pytest.approx(backtest.var, rel=1e-9)
    assert (backtest.expected_shortfall >= backtest.var - 1e-9 * np.abs(backtest.var)).all()
    assert (
        (backtest.below >= 0.0) & (backtest.up_to <= 1.0) & (backtest.below <= backtest.up_to)
    ).all()


@pytest.mark.parametrize("day", [0, 30, 100])
def test_the_normal_method_is_mean_and_deviation(day: int) -> None:
    backtest = backtest_of(Method.NORMAL)
    pnl = scenario_pnl(backtest, day, 30)
    law = stats.norm(pnl.mean(), pnl.std(ddof=1))
    assert backtest.var[day] == pytest.approx(-law.ppf(0.05), rel=1e-9)
    assert backtest.expected_shortfall[day] == pytest.approx(-law.expect(ub=law.ppf(0.05)) / 0.05)
    assert backtest.below[day] == pytest.approx(law.cdf(backtest.pnl[day]), abs=1e-9)
    assert backtest.scenario_dates[day] is None


@pytest.mark.parametrize("day", [0, 30, 100])
def test_the_filtered_method_scales_each_day_by_its_own_volatility(day: int) -> None:
    backtest = backtest_of(Method.EWMA_FHS)
    pnl = scenario_pnl(backtest, day, 30 + EWMA_WARM_UP)
    variance = float(np.mean(pnl[:EWMA_WARM_UP] ** 2))
    own = []
    for outcome in pnl.tolist():
        own.append(variance)
        variance = EWMA_DECAY * variance + (1.0 - EWMA_DECAY) * outcome * outcome
    scaled = sorted(
        outcome * math.sqrt(variance / before)
        for outcome, before in zip(pnl[EWMA_WARM_UP:], own[EWMA_WARM_UP:], strict=True)
    )
    assert backtest.var[day] == pytest.approx(-scaled[1], rel=1e-9)
    assert backtest.expected_shortfall[day] == pytest.approx(-(scaled[0] + 0.5 * scaled[1]) / 1.5)
    assert backtest.scenario_dates[day] is not None


@pytest.mark.parametrize("day", [0, 30, 100])
def test_the_student_method_has_the_largest_likelihood_on_its_grid(day: int) -> None:
    backtest = backtest_of(Method.STUDENT_T)
    pnl = scenario_pnl(backtest, day, 30)
    fits = {dof: stats.t.fit(pnl, fdf=dof) for dof in DOF_GRID}
    best = max(DOF_GRID, key=lambda dof: float(stats.t.logpdf(pnl, *fits[dof]).sum()))
    law = stats.t(*fits[best])
    assert backtest.var[day] == pytest.approx(-law.ppf(0.05), rel=2e-3)
    assert backtest.below[day] == pytest.approx(law.cdf(backtest.pnl[day]), abs=2e-3)


def test_the_fit_finds_the_law_it_was_drawn_from() -> None:
    samples = np.random.default_rng(0).standard_t(4, (20, 4_000)) * 2.0 + 1.0
    student = fitted_student(samples)
    assert np.median(student.dof) == 4
    assert student.location.mean() == pytest.approx(1.0, abs=0.03)
    assert student.scale.mean() == pytest.approx(2.0, rel=0.03)


@pytest.mark.parametrize("method", [Method.NORMAL, Method.STUDENT_T, Method.EWMA_FHS])
def test_a_book_that_never_moves_has_a_var_of_zero(method: Method) -> None:
    student = fitted_student(np.zeros((2, 30)))
    assert student.scale.tolist() == [0.0, 0.0]
    market = market_since(dt.date(2018, 1, 1))
    flat = type(market)(
        type(market.closes)(
            market.closes.names, market.closes.dates, np.full_like(market.closes.closes, 7.0)
        ),
        market.rates,
    )
    book = equal_weights(market.closes.dates[0])
    still = daily_backtest(book, flat, BacktestSettings(method, bounds=BOUNDS))
    assert not still.var.any()
    assert still.breach_count == 0


def test_rates_to_be_expected() -> None:
    def rate(method: Method) -> float | None:
        return expected_rate(method, window=30, confidence=NINETY_FIVE)

    assert rate(Method.HS) == 2 / 31
    assert rate(Method.HS250) == 13 / 251
    assert rate(Method.EWMA_FHS) is None
    assert rate(Method.STUDENT_T) is None


def test_the_normal_methods_rate_is_that_of_a_simulation() -> None:
    rng = np.random.default_rng(1)
    samples = rng.standard_normal((400_000, 31))
    mean, deviation = samples[:, :30].mean(axis=1), samples[:, :30].std(axis=1, ddof=1)
    rate = (samples[:, 30] < mean + stats.norm.ppf(0.05) * deviation).mean()
    expected = expected_rate(Method.NORMAL, window=30, confidence=NINETY_FIVE)
    assert rate == pytest.approx(expected, abs=0.0015)


@pytest.mark.parametrize(
    ("method", "count", "history"),
    [
        (Method.HS, 30, 30),
        (Method.HS250, 250, 250),
        (Method.EWMA_FHS, 30, 30 + EWMA_WARM_UP),
        (Method.NORMAL, 30, 30),
    ],
)
def test_scenarios_and_history_of_each_method(method: Method, count: int, history: int) -> None:
    assert (method.scenario_count(30), method.history_count(30)) == (count, history)
