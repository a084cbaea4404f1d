"""Coverage tests against published numbers, and at the edges of the data."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from system.backtest.statistics.coverage import (
    Alternative,
    Zone,
    exact_binomial,
    first_breach_rank,
    kupiec_pof,
    kupiec_tuff,
    mid_p_binomial,
    pof_ratios,
    pof_statistics,
    traffic_light,
    tuff_statistics,
)
from system.backtest.statistics.results import HypothesisResult

CRITICAL = 3.841458820694124


def test_mathworks_proportion_of_failures() -> None:
    first, second = kupiec_pof(57, 1043, 0.05), kupiec_pof(17, 1043, 0.01)
    assert first.statistic == pytest.approx(0.46147, abs=5e-6)
    assert first.p_value == pytest.approx(0.49694, abs=5e-6)
    assert second.statistic == pytest.approx(3.5118, abs=5e-5)
    assert second.p_value == pytest.approx(0.060933, abs=5e-7)


def test_jorion_unconditional_coverage() -> None:
    assert kupiec_pof(6, 252, 0.01).statistic == pytest.approx(3.498, abs=1e-3)


def test_mathworks_time_until_first_failure() -> None:
    result = kupiec_tuff(58, 1043, 0.05)
    assert result.statistic == pytest.approx(1.7354, abs=5e-5)
    assert result.p_value == pytest.approx(0.18773, abs=5e-6)


# Kupiec (1995), table 3: numbers of failures strictly between these are accepted at 5 %.
# At p = 1 % and T = 255 he prints N < 7; the ratio of N = 0 is 5.13 all the same.
@pytest.mark.parametrize(
    ("probability", "days", "below", "above"),
    [
        (0.05, 255, 6, 21),
        (0.05, 510, 16, 36),
        (0.05, 1000, 37, 65),
        (0.01, 255, 0, 7),
        (0.01, 510, 1, 11),
        (0.01, 1000, 4, 17),
        (0.10, 255, 16, 36),
        (0.10, 510, 38, 65),
        (0.10, 1000, 81, 120),
    ],
)
def test_kupiecs_regions_of_acceptance(
    probability: float, days: int, below: int, above: int
) -> None:
    ratios = pof_ratios(np.arange(days + 1.0), days, probability)
    accepted = np.flatnonzero(ratios <= CRITICAL)
    assert (accepted[0], accepted[-1]) == (below + 1, above - 1)
    assert len(accepted) == above - below - 1


def test_without_a_failure_kupiecs_ratio_at_one_percent_is_five() -> None:
    assert kupiec_pof(0, 255, 0.01).statistic == pytest.approx(5.13, abs=5e-3)


@pytest.mark.parametrize("days", [1, 30, 250])
def test_no_breach_and_all_breaches_have_finite_ratios(days: int) -> None:
    assert kupiec_pof(0, days, 0.05).statistic == pytest.approx(-2 * days * math.log(0.95))
    assert kupiec_pof(days, days, 0.05).statistic == pytest.approx(-2 * days * math.log(0.05))
    assert kupiec_tuff(None, days, 0.05).statistic == pytest.approx(-2 * days * math.log(0.95))
    assert "longer" in kupiec_tuff(None, days, 0.05).note
    assert kupiec_tuff(1, days, 0.05).statistic == pytest.approx(-2 * math.log(0.05))


def test_a_rate_as_promised_has_no_evidence_against_it() -> None:
    assert kupiec_pof(50, 1000, 0.05).statistic == 0.0
    assert kupiec_pof(50, 1000, 0.05).p_value == 1.0


def test_many_sequences_at_once_give_what_each_gives_alone() -> None:
    hits = np.random.default_rng(3).random((50, 80)) < 0.05
    hits[0], hits[1] = False, True
    for row, pof, tuff in zip(
        hits, pof_statistics(hits, 0.05), tuff_statistics(hits, 0.05), strict=True
    ):
        assert kupiec_pof(int(row.sum()), 80, 0.05).statistic == pof
        assert kupiec_tuff(first_breach_rank(row[None]), 80, 0.05).statistic == tuff


def test_mathworks_traffic_light() -> None:
    light = traffic_light(57, 1043, 0.05)
    assert light.cumulative_probability == pytest.approx(0.77913, abs=5e-6)
    assert light.zone is Zone.GREEN
    assert traffic_light(40, 250, 0.10).zone is Zone.YELLOW


def test_basels_table_of_1996() -> None:
    printed = [8.11, 28.58, 54.32, 75.81, 89.22, 95.88, 98.63, 99.60, 99.89, 99.97]
    lights = [traffic_light(count, 250, 0.01) for count in range(11)]
    assert [round(100 * light.cumulative_probability, 2) for light in lights[:10]] == printed
    assert [light.zone for light in lights] == [Zone.GREEN] * 5 + [Zone.YELLOW] * 5 + [Zone.RED]


@pytest.mark.parametrize(("days", "green_to", "yellow_to"), [(250, 17, 26), (126, 10, 16)])
def test_zones_at_95_percent(days: int, green_to: int, yellow_to: int) -> None:
    light = traffic_light(0, days, 0.05)
    assert (light.green_to, light.yellow_to) == (green_to, yellow_to)
    zones = [traffic_light(count, days, 0.05).zone for count in (green_to, yellow_to)]
    assert zones == [Zone.GREEN, Zone.YELLOW]
    assert traffic_light(green_to + 1, days, 0.05).zone is Zone.YELLOW
    assert traffic_light(yellow_to + 1, days, 0.05).zone is Zone.RED


def test_every_day_a_breach_is_red() -> None:
    assert traffic_light(10, 10, 0.05).zone is Zone.RED
    assert traffic_light(10, 10, 0.05).cumulative_probability == pytest.approx(1.0)


@pytest.mark.parametrize("test", [exact_binomial, mid_p_binomial])
def test_exact_tests_at_the_edges(test: Callable[..., HypothesisResult]) -> None:
    nothing, everything = test(0, 20, 0.05), test(20, 20, 0.05)
    assert nothing.p_value is not None
    assert nothing.p_value > 0.8
    assert everything.p_value is not None
    assert 0.0 < everything.p_value < 1e-20


def test_a_mid_p_value_is_half_the_observed_probability_smaller() -> None:
    exact, mid = exact_binomial(9, 128, 0.05), mid_p_binomial(9, 128, 0.05)
    again = exact_binomial(10, 128, 0.05)
    assert exact.p_value is not None
    assert mid.p_value is not None
    assert again.p_value is not None
    assert mid.p_value == pytest.approx(0.5 * (exact.p_value + again.p_value), rel=1e-12)


def test_two_sided_binomial_counts_everything_at_most_as_probable() -> None:
    result = exact_binomial(0, 4, 0.5, alternative=Alternative.OTHER)
    assert result.p_value == pytest.approx(2 / 16)
