"""Latency summaries: percentiles, parts and what is counted as a defect."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.measure.coverage import NEVER, Coverage, Inputs
from validation.measure.latency import (
    NS_PER_MS,
    NS_PER_S,
    RANKS,
    TickLatencies,
    histogram_of,
    latency_over_time,
    percentiles,
    summaries,
    summary,
)


def judged(latencies_ms: list[float], *, intended_s: list[float] | None = None) -> TickLatencies:
    count = len(latencies_ms)
    intended = np.array(intended_s or [0.0] * count) * NS_PER_S
    total = (np.array(latencies_ms) * NS_PER_MS).astype(np.int64)
    index = np.arange(count)
    inputs = Inputs(index * 0, index, index * 0, intended.astype(np.int64))
    covered = Coverage(np.ones(count, np.int64), inputs.intended_ns + total, index)
    durations = np.zeros((count, 6), dtype=np.int64)
    durations[:, 0] = total
    return TickLatencies(inputs, covered, durations)


def test_percentiles_are_those_of_the_sorted_durations_to_three_digits() -> None:
    durations = np.arange(1, 10_001, dtype=np.int64) * NS_PER_MS // 10
    quantiles = percentiles(durations)
    assert quantiles.count == 10_000
    assert quantiles.p50_ms == pytest.approx(500.0, rel=2e-3)
    assert quantiles.p99_ms == pytest.approx(990.0, rel=2e-3)
    assert quantiles.p999_ms == pytest.approx(999.0, rel=2e-3)
    assert quantiles.max_ms == 1000.0
    assert quantiles.mean_ms == pytest.approx(500.05, rel=1e-12)


@given(st.lists(st.integers(-(10**9), 700 * NS_PER_S), min_size=1, max_size=300))
def test_percentiles_are_those_that_a_filled_histogram_states(durations) -> None:
    chosen = np.array(durations, dtype=np.int64)
    quantiles, histogram = percentiles(chosen), histogram_of(chosen)
    stated = [histogram.get_value_at_percentile(rank) / 1_000 for rank in RANKS]
    assert [quantiles.p50_ms, quantiles.p90_ms, quantiles.p99_ms, quantiles.p999_ms] == stated


def test_no_messages_give_a_count_of_zero_and_no_error() -> None:
    assert percentiles(np.array([], dtype=np.int64)).count == 0


def test_the_maximum_is_exact_beyond_the_histogram() -> None:
    assert percentiles(np.array([10**12], dtype=np.int64)).max_ms == 10**6


def test_every_message_is_counted_covered_or_not() -> None:
    run = judged([10, 20, 30, 40])
    run.coverage.covered_ns[2] = NEVER
    run.coverage.completed_by[2] = NEVER
    latency = summary("all", run, np.ones(4, dtype=bool))
    assert (latency.count, latency.covered.count, latency.uncovered) == (4, 3, 1)


def test_a_latency_below_zero_is_counted_as_a_defect() -> None:
    assert summary("all", judged([10, -1]), np.ones(2, dtype=bool)).negative == 1


def test_a_stage_below_zero_is_counted_although_the_total_is_not() -> None:
    run = judged([10, 10])
    run.durations_ns[1] = [12 * NS_PER_MS, -2 * NS_PER_MS, 0, 0, 0, 0]
    assert summary("all", run, np.ones(2, dtype=bool)).negative == 1


def test_cold_and_warm_parts_split_the_run_at_one_minute() -> None:
    parts = {
        part.part: part
        for part in summaries(judged([300, 300, 80, 90], intended_s=[5, 64.9, 65, 100]))
    }
    assert parts["cold"].count == 2
    assert parts["warm"].count == 2
    assert parts["warm"].covered.max_ms == 90
    assert parts["all"].count == 4


def test_what_nobody_holds_stands_apart_from_every_other_part() -> None:
    run = judged([10, 5000])
    run.coverage.holder_count[1] = 0
    parts = {part.part: part for part in summaries(run)}
    assert parts["all"].covered.max_ms == 10
    assert parts["held by nobody"].covered.max_ms == 5000


def test_latency_over_time_has_one_point_per_second_with_messages() -> None:
    points = latency_over_time(judged([10, 20, 30], intended_s=[5, 5.5, 8]))
    assert [point[0] for point in points] == [0, 3]
    assert points[1][1] == pytest.approx(30, rel=2e-3)
