"""Tested days with holes: the days on both sides of a hole are no neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from system.backtest.battery import hit_statistics
from system.backtest.statistics.coverage import wait_ratios
from system.backtest.statistics.duration import duration_statistics, weibull_duration
from system.backtest.statistics.dynamic_quantile import LAG_COUNT, dynamic_quantile, enough_days
from system.backtest.statistics.hits import (
    IndependentHits,
    RollingRankHits,
    Stretches,
    as_matrix,
    gaps,
    stretches_of,
)
from system.backtest.statistics.independence import Transitions, haas_independence, transitions
from system.risk.arrays import BoolVector

HOLE_OF_FIVE = Stretches(np.array([0, 1, 2, 3, 9, 10, 11, 12], dtype=np.intp))


def hits_of(text: str) -> BoolVector:
    return np.array([letter == "x" for letter in text])


def broken_at(*edges: int, days: int) -> Stretches:
    """Return days with a hole of ten days before each of the edges."""
    steps = np.ones(days, dtype=np.intp)
    steps[0] = 0
    steps[list(edges)] += 10
    return Stretches(np.cumsum(steps))


def test_days_are_cut_where_a_place_is_missing() -> None:
    assert HOLE_OF_FIVE.slices == (slice(0, 4), slice(4, 8))
    assert HOLE_OF_FIVE.is_broken
    assert HOLE_OF_FIVE.day_count == 8
    whole = Stretches.unbroken(8)
    assert (whole.slices, whole.is_broken) == ((slice(0, 8),), False)


def test_no_transition_leads_over_a_hole() -> None:
    hits = hits_of("..xxxx..")
    assert transitions(hits) == Transitions(2, 1, 1, 3)
    assert transitions(hits, HOLE_OF_FIVE) == Transitions(2, 1, 1, 2)
    apart = transitions(hits_of("..xx")), transitions(hits_of("xx.."))
    together = transitions(hits, HOLE_OF_FIVE)
    for name in ("n00", "n01", "n10", "n11"):
        assert getattr(together, name) == sum(getattr(part, name) for part in apart)


def test_a_wait_begins_anew_behind_a_hole() -> None:
    result = gaps(as_matrix(hits_of(".x.x..x.")), HOLE_OF_FIVE)
    assert result.days.tolist() == [2.0, 2.0, 3.0]
    assert gaps(as_matrix(hits_of(".x.x..x."))).days.tolist() == [2.0, 2.0, 3.0]
    moved = gaps(as_matrix(hits_of(".x.....x")), HOLE_OF_FIVE)
    assert moved.days.tolist() == [2.0, 4.0]
    haas = haas_independence(hits_of(".x.....x"), 0.05, HOLE_OF_FIVE)
    assert haas.statistic == pytest.approx(wait_ratios(np.array([2.0, 4.0]), 0.05).sum())


def test_gaps_of_many_sequences_stay_in_the_order_of_the_sequences() -> None:
    hits = np.stack([hits_of("x...x..."), hits_of("........"), hits_of(".x....x.")])
    result = gaps(hits, HOLE_OF_FIVE)
    assert result.sequence.tolist() == [0, 0, 2, 2]
    assert result.days.tolist() == [1.0, 1.0, 2.0, 3.0]


def test_a_duration_that_reaches_a_hole_is_censored_there() -> None:
    hits = hits_of("..x..x..." + "x.....x.." + ".........")
    days = broken_at(9, 18, days=27)
    durations = [(3, False), (3, True), (3, False), (6, True), (2, False), (9, False)]
    result = weibull_duration(hits, days)
    assert result.statistic is not None

    def log_likelihood(shape: float) -> float:
        """Return the largest likelihood over the scale, from density and survival."""
        complete = sum(is_complete for _, is_complete in durations)
        rate = complete / sum(length**shape for length, _ in durations)
        total = 0.0
        for length, is_complete in durations:
            total -= rate * length**shape
            if is_complete:
                total += np.log(rate * shape * length ** (shape - 1.0))
        return total

    shapes = np.exp(np.linspace(np.log(0.05), np.log(40.0), 20_001))
    best = max(map(log_likelihood, shapes))
    assert result.statistic == pytest.approx(2.0 * (best - log_likelihood(1.0)), abs=1e-6)


def test_the_dynamic_quantile_explains_days_by_days_of_their_own_stretch() -> None:
    rng = np.random.default_rng(3)
    days = broken_at(25, 27, days=60)
    hits, var, pnl = rng.random(60) < 0.2, rng.random(60) + 1.0, rng.standard_normal(60)
    rows, outcomes = [], []
    for part in days.slices:
        for day in range(part.start + LAG_COUNT, part.stop):
            lagged = [float(hits[day - lag]) - 0.05 for lag in range(1, LAG_COUNT + 1)]
            rows.append([1.0, var[day], pnl[day - 1] ** 2, *lagged])
            outcomes.append(float(hits[day]) - 0.05)
    columns, outcome = np.array(rows), np.array(outcomes)
    assert len(rows) == 60 - 3 * LAG_COUNT + 2
    fitted = columns @ np.linalg.lstsq(columns, outcome, rcond=None)[0]
    expected = fitted @ fitted / (0.05 * 0.95)
    result = dynamic_quantile(hits, var=var, pnl=pnl, tail_probability=0.05, stretches=days)
    assert result.statistic == pytest.approx(expected, rel=1e-9)
    assert result.dof == 7


def test_many_short_stretches_are_too_few_days_for_the_dynamic_quantile() -> None:
    days = broken_at(*range(4, 40, 4), days=40)
    assert not enough_days(days)
    ones = np.ones(40)
    result = dynamic_quantile(
        np.zeros(40, dtype=np.bool_), var=ones, pnl=ones, tail_probability=0.05, stretches=days
    )
    assert result.statistic is None
    assert "too few" in result.note


def test_one_sequence_and_many_go_through_the_same_code() -> None:
    rng = np.random.default_rng(5)
    hits = rng.random((40, 120)) < 0.08
    days = broken_at(30, 31, 90, days=120)
    for name, statistic in hit_statistics(0.05, days).items():
        alone = [statistic(as_matrix(row))[0] for row in hits]
        np.testing.assert_array_equal(statistic(hits), alone, err_msg=name)


def test_unbroken_days_have_the_bits_of_days_without_stretches() -> None:
    hits = np.random.default_rng(6).random((40, 120)) < 0.08
    plain, unbroken = hit_statistics(0.05), hit_statistics(0.05, Stretches.unbroken(120))
    for name, statistic in plain.items():
        np.testing.assert_array_equal(statistic(hits), unbroken[name](hits), err_msg=name)


def test_a_law_is_drawn_on_the_whole_line_and_looked_at_on_tested_days() -> None:
    law = RollingRankHits(window=5, rank=1)
    line = law.draw(np.random.default_rng(1), 50, 13)
    days = HOLE_OF_FIVE.law(law).draw(np.random.default_rng(1), 50, 8)
    assert np.array_equal(days, line[:, HOLE_OF_FIVE.places])
    assert Stretches.unbroken(8).law(law) is law


def test_the_durations_of_independent_breaches_with_holes_reject_about_as_often_as_without() -> (
    None
):
    rng = np.random.default_rng(7)
    hits = IndependentHits(0.1).draw(rng, 2_000, 300)
    whole = duration_statistics(hits)
    broken = duration_statistics(hits, broken_at(100, 200, days=300))
    bound = stats.chi2.ppf(0.95, 1)
    rates = [float(np.mean(part[~np.isnan(part)] > bound)) for part in (whole, broken)]
    assert rates[1] == pytest.approx(rates[0], abs=0.03)


def test_the_columns_of_each_stretch_are_all_columns() -> None:
    hits = np.arange(8)[None, :] % 3 == 0
    parts = stretches_of(hits, HOLE_OF_FIVE)
    assert np.array_equal(np.hstack(parts), hits)
    assert stretches_of(hits, None) == (hits,) or stretches_of(hits, None)[0] is hits
