"""How long the risk of one portfolio takes; every portfolio has factors of its own.

Run by ``make bench``. The goal is 2,000 portfolios x 100 positions x 500 scenarios in
50 ms on one core, that is 25 us each; the kernels must not grow with their number.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from system.risk.confidence import Confidence
from system.risk.historical import historical_var
from system.risk.kernel import plain_weighted_row_sum, weighted_row_sum
from system.risk.portfolio import PositionGroups, portfolio_risk, position_groups, scenario_pnl
from system.risk.scenarios import PositionExposures, ScenarioFactors

pytestmark = pytest.mark.benchmark_suite

NINETY_FIVE = Confidence.parse("0.95")
SHAPES = ((30, 30), (100, 30), (100, 500))
PORTFOLIO_COUNTS = (1, 300)  # in cache, and 120 MB of factors at 100 x 500


@dataclass(frozen=True)
class Case:
    """Exposures and factors of one portfolio."""

    exposures: PositionExposures
    factors: ScenarioFactors
    groups: PositionGroups


def case(position_count: int, scenario_count: int, seed: int, group_count: int = 4) -> Case:
    rng = np.random.default_rng(seed)
    ids = tuple(f"I{index:04d}" for index in range(position_count))
    factors = ScenarioFactors(
        instrument_ids=ids,
        scenario_dates=tuple(
            dt.date(2020, 1, 1) + dt.timedelta(index) for index in range(scenario_count)
        ),
        rows=rng.normal(0.0, 0.02, size=(position_count, scenario_count)),
        row_position=np.arange(position_count),
        row_is_fx=np.zeros(position_count, dtype=np.bool_),
    )
    value = rng.normal(0.0, 1e5, size=position_count)
    labels = [f"class{index % group_count}" for index in range(position_count)]
    return Case(PositionExposures(ids, value, value), factors, position_groups(labels))


def each_in_turn(cases: list[Case], run: Callable[[Case], object]) -> Callable[[], object]:
    turn = itertools.cycle(cases)
    return lambda: run(next(turn))


@pytest.mark.parametrize("portfolio_count", PORTFOLIO_COUNTS)
@pytest.mark.parametrize(("position_count", "scenario_count"), SHAPES)
def test_var_alone(
    benchmark: BenchmarkFixture, position_count: int, scenario_count: int, portfolio_count: int
) -> None:
    cases = [case(position_count, scenario_count, seed) for seed in range(portfolio_count)]
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
    one = case(position_count, scenario_count, 0, group_count)
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
    cases = [case(100, 500, seed) for seed in range(PORTFOLIO_COUNTS[-1])]
    pnl = benchmark(each_in_turn(cases, lambda one: total(one.exposures.value, one.factors.rows)))
    assert pnl.shape == (500,)  # type: ignore[union-attr]
