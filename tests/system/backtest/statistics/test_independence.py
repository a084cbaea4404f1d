"""Christoffersen's and Haas's tests: published numbers, empty cells, true critical values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from system.backtest.statistics.hits import IndependentHits
from system.backtest.statistics.independence import (
    Transitions,
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

MATHWORKS = Transitions(932, 53, 53, 4)


def hits_of(text: str) -> np.ndarray:
    return np.array([mark == "x" for mark in text])


def test_mathworks_independence_and_conditional_coverage() -> None:
    alone = christoffersen_independence(MATHWORKS)
    both = christoffersen_conditional_coverage(
        MATHWORKS, breach_count=57, day_count=1043, tail_probability=0.05
    )
    assert alone.statistic == pytest.approx(0.25866, abs=5e-6)
    assert alone.p_value == pytest.approx(0.61104, abs=5e-6)
    assert both.statistic == pytest.approx(0.72013, abs=5e-6)
    assert both.p_value == pytest.approx(0.69763, abs=5e-6)


def test_jorion_independence() -> None:
    result = christoffersen_independence(Transitions(244, 2, 2, 4))
    assert result.statistic == pytest.approx(25.837, abs=1e-3)


def test_transitions_are_counted_day_by_day() -> None:
    assert transitions(hits_of("..xx.x..")) == Transitions(2, 2, 2, 1)


@pytest.mark.parametrize("text", ["........", "xxxxxxxx", ".......x"])
def test_where_a_row_of_the_table_is_empty_there_is_nothing_to_compare(text: str) -> None:
    result = christoffersen_independence(transitions(hits_of(text)))
    assert (result.statistic, result.p_value) == (0.0, 1.0)
    assert "never happened" in result.note


def test_a_breach_on_the_first_day_only_fills_the_table_by_halves() -> None:
    result = christoffersen_independence(transitions(hits_of("x.......")))
    assert result.statistic == 0.0
    assert result.note


def test_clusters_are_seen_and_spread_breaches_are_not() -> None:
    together = christoffersen_independence(transitions(hits_of("." * 40 + "xxxx" + "." * 40)))
    apart = christoffersen_independence(transitions(hits_of(("." * 20 + "x") * 4)))
    assert together.p_value is not None
    assert apart.p_value is not None
    assert together.p_value < 1e-4
    assert apart.p_value > 0.3


def test_haas_adds_the_waits() -> None:
    def wait(days: int) -> float:
        rate = 1 / days
        own = math.log(rate) + (days - 1) * (math.log(1 - rate) if days > 1 else 0.0)
        return -2 * (math.log(0.05) + (days - 1) * math.log(0.95) - own)

    result = haas_independence(hits_of("..x....xx..."), 0.05)
    assert result.statistic == pytest.approx(wait(3) + wait(5) + wait(1))
    assert result.dof == 3
    mixed = haas_mixed(hits_of("..x....xx..."), 0.05)
    assert mixed.dof == 4


def test_without_a_breach_haas_has_one_wait_that_is_not_over() -> None:
    calm = np.zeros(100, dtype=np.bool_)
    result, mixed = haas_independence(calm, 0.05), haas_mixed(calm, 0.05)
    assert result.statistic == pytest.approx(-200 * math.log(0.95))
    assert result.dof == 1
    assert mixed.statistic == pytest.approx(-400 * math.log(0.95))
    assert "longer" in result.note


def test_many_sequences_at_once_give_what_each_gives_alone() -> None:
    hits = np.random.default_rng(5).random((60, 70)) < 0.06
    hits[0], hits[1] = False, True
    columns = (
        independence_statistics(hits),
        conditional_coverage_statistics(hits, 0.05),
        haas_independence_statistics(hits, 0.05),
        haas_mixed_statistics(hits, 0.05),
    )
    for row, *many in zip(hits, *columns, strict=True):
        moves = transitions(row)
        alone = (
            christoffersen_independence(moves),
            christoffersen_conditional_coverage(
                moves, breach_count=int(row.sum()), day_count=70, tail_probability=0.05
            ),
            haas_independence(row, 0.05),
            haas_mixed(row, 0.05),
        )
        assert [result.statistic for result in alone] == many


def test_true_critical_values_of_christoffersen_at_126_days() -> None:
    # 200,000 samples put the standard error of these quantiles near 0.02 and 0.03.
    hits = IndependentHits(0.05).draw(np.random.default_rng(126), 200_000, 126)
    assert np.quantile(independence_statistics(hits), 0.95) == pytest.approx(2.28, abs=0.06)
    both = np.quantile(conditional_coverage_statistics(hits, 0.05), 0.95)
    assert both == pytest.approx(4.99, abs=0.08)
