"""The e-process: what it may never do under the null, and what it does to k/(n+1)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.backtest.statistics.coverage import pof_ratios
from system.backtest.statistics.eprocess import (
    LARGEST_STAKE,
    coverage_evidence,
    days_to_rejection,
    growth_per_day,
    log_wealths,
)
from system.backtest.statistics.hits import IndependentHits, RollingRankHits

PROMISED = 0.05
EXPECTED = 2 / 31


def test_growth_to_be_expected_of_a_correct_thirty_day_product() -> None:
    assert growth_per_day(EXPECTED, PROMISED) == pytest.approx(0.002, abs=1e-4)
    years = days_to_rejection(EXPECTED, PROMISED)
    assert years is not None
    assert years / 252 == pytest.approx(6.0, abs=0.3)


def test_a_rate_at_or_below_the_promise_is_never_rejected_on_average() -> None:
    assert growth_per_day(0.04, PROMISED) == 0.0
    assert days_to_rejection(PROMISED, PROMISED) is None


def test_under_the_null_wealth_is_no_more_than_one_on_average() -> None:
    hits = IndependentHits(PROMISED).draw(np.random.default_rng(0), 20_000, 250)
    wealth = np.exp(log_wealths(hits, PROMISED))
    error = wealth.std(axis=0) / math.sqrt(len(hits))
    assert (wealth.mean(axis=0) <= 1.0 + 5.0 * error).all()


def test_looking_every_day_for_17_years_alarms_in_less_than_five_percent() -> None:
    hits = IndependentHits(PROMISED).draw(np.random.default_rng(1), 1_500, 4_246)
    alarmed = (log_wealths(hits, PROMISED) >= math.log(20.0)).any(axis=1)
    assert alarmed.mean() < 0.05


def test_a_p_value_recomputed_daily_would_alarm_in_a_quarter_of_the_runs() -> None:
    # Over days 60-250, two-sided Kupiec at 5 %: the reason for the e-process.
    hits = IndependentHits(PROMISED).draw(np.random.default_rng(2), 4_000, 250)
    counts = np.cumsum(hits, axis=1, dtype=np.float64)
    peeked = [pof_ratios(counts[:, day - 1], day, PROMISED) > 3.841 for day in range(60, 251)]
    assert np.any(peeked, axis=0).mean() == pytest.approx(0.237, abs=0.03)


def test_a_correct_rolling_product_is_rejected_in_the_end() -> None:
    hits = RollingRankHits(30, 2).draw(np.random.default_rng(3), 300, 4_246)
    wealth = log_wealths(hits, PROMISED)
    assert (wealth >= math.log(20.0)).any(axis=1).mean() > 0.9
    assert (wealth[:, :250] >= math.log(20.0)).any(axis=1).mean() < 0.05


def test_the_stake_is_chosen_before_the_day() -> None:
    rng = np.random.default_rng(4)
    hits = rng.random(200) < 0.1
    changed = hits.copy()
    changed[120:] = ~changed[120:]
    before = coverage_evidence(hits, PROMISED).stake[:121]
    assert np.array_equal(before, coverage_evidence(changed, PROMISED).stake[:121])


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_wealth_is_a_product_of_fair_bets(days: list[bool]) -> None:
    evidence = coverage_evidence(np.array(days), PROMISED)
    wealth = 1.0
    for day, stake, log_wealth in zip(days, evidence.stake, evidence.log_wealth, strict=True):
        assert 0.0 <= stake <= LARGEST_STAKE
        wealth *= 1.0 - stake + stake * day / PROMISED
        assert math.exp(log_wealth) == pytest.approx(wealth, rel=1e-9)
    assert evidence.e_value == pytest.approx(wealth, rel=1e-9)
    assert 0.0 < evidence.p_value <= 1.0


def test_breaches_every_day_are_rejected_and_the_day_is_named() -> None:
    evidence = coverage_evidence(np.ones(40, dtype=np.bool_), PROMISED, expected_rate=EXPECTED)
    first = evidence.first_rejection
    assert first is not None
    assert evidence.log_wealth[first] >= math.log(20.0) > evidence.log_wealth[first - 1]
    assert evidence.expected_log_wealth is not None
    assert evidence.expected_log_wealth[-1] == pytest.approx(40 * growth_per_day(EXPECTED, 0.05))


def test_no_breach_at_all_is_no_evidence() -> None:
    evidence = coverage_evidence(np.zeros(1_000, dtype=np.bool_), PROMISED)
    assert evidence.e_value == 1.0
    assert evidence.first_rejection is None
