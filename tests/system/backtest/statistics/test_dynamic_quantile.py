"""The dynamic quantile test on real breaches, at any scale, and where columns repeat."""

from __future__ import annotations

import numpy as np
import pytest

from system.backtest.statistics.dynamic_quantile import (
    dynamic_quantile,
    dynamic_quantile_statistics,
)
from tests.system.backtest.golden_days import golden


@pytest.mark.parametrize(
    ("period", "statistic", "p_value"),
    [("2008H2", 11.3249, 0.125), ("2020H1", 25.686, 0.0006)],
)
def test_published_numbers_of_the_golden_periods(
    period: str, statistic: float, p_value: float
) -> None:
    days = golden(period)
    result = dynamic_quantile(
        days.flags("breach_k2"),
        var=days.numbers("var_k2"),
        pnl=days.numbers("pnl"),
        tail_probability=0.05,
    )
    assert result.statistic == pytest.approx(statistic, abs=5e-4)
    assert result.p_value == pytest.approx(p_value, abs=6e-4)
    assert result.dof == 7


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
def test_the_currency_of_the_book_does_not_matter(scale: float) -> None:
    days = golden("2008H2")
    result = dynamic_quantile(
        days.flags("breach_k2"),
        var=days.numbers("var_k2") * scale,
        pnl=days.numbers("pnl") * scale,
        tail_probability=0.05,
    )
    assert result.statistic == pytest.approx(11.324881618, rel=1e-9)


@pytest.mark.parametrize("always", [False, True])
def test_columns_that_repeat_others_are_not_counted(always: bool) -> None:
    rng = np.random.default_rng(1)
    var, pnl = rng.random(60) + 1.0, rng.standard_normal(60)
    result = dynamic_quantile(np.full(60, always), var=var, pnl=pnl, tail_probability=0.05)
    assert result.dof == 3
    expected = 56 * (float(always) - 0.05) ** 2 / (0.05 * 0.95)
    assert result.statistic == pytest.approx(expected, rel=1e-9)
    assert "repeat" in result.note


def test_a_flat_book_leaves_only_the_constant() -> None:
    result = dynamic_quantile(
        np.zeros(40, dtype=np.bool_), var=np.zeros(40), pnl=np.zeros(40), tail_probability=0.05
    )
    assert result.dof == 1


def test_too_few_days_have_no_statistic() -> None:
    hits = np.zeros(11, dtype=np.bool_)
    result = dynamic_quantile(hits, var=np.ones(11), pnl=np.ones(11), tail_probability=0.05)
    assert result.statistic is None
    assert "too few" in result.note


def test_many_sequences_at_once_give_what_each_gives_alone() -> None:
    rng = np.random.default_rng(2)
    hits = rng.random((70, 126)) < 0.05
    var, pnl = rng.random(126) + 1.0, rng.standard_normal(126)
    many = dynamic_quantile_statistics(hits, var=var, pnl=pnl, tail_probability=0.05)
    for row, statistic in zip(hits, many, strict=True):
        alone = dynamic_quantile(row, var=var, pnl=pnl, tail_probability=0.05)
        assert alone.statistic == pytest.approx(statistic, rel=1e-10)


def test_a_volatility_that_the_var_ignores_is_found() -> None:
    rng = np.random.default_rng(4)
    volatility = np.repeat([1.0, 3.0], 200)[np.arange(400) // 40 * 40 % 400]
    pnl = volatility * rng.standard_normal(400)
    var = np.full(400, 2.0) + 0.01 * rng.random(400)
    result = dynamic_quantile(-pnl > var, var=var, pnl=pnl, tail_probability=0.05)
    assert result.p_value is not None
    assert result.p_value < 1e-3
