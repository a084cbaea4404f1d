"""Lag: what was due and not covered, known exactly at every moment."""

from __future__ import annotations

import numpy as np
import pytest

from validation.measure.backlog import check_lag, lag_summary
from validation.measure.coverage import NEVER, Coverage, Inputs
from validation.verdict import Verdict

RATE = 100
SECONDS = 20


def run(latency_s):
    """A message every 10 ms; ``latency_s`` of its due time is when it is covered."""
    due_s = np.arange(RATE * SECONDS) / RATE
    covered = np.array([latency_s(at) for at in due_s])
    count = len(due_s)
    inputs = Inputs(*(np.zeros(count, np.int64) for _ in range(3)), np.rint(due_s * 1e9))
    covered_ns = np.where(np.isnan(covered), NEVER, np.rint((due_s + covered) * 1e9))
    ones = np.ones(count, np.int64)
    return inputs, Coverage(ones, covered_ns.astype(np.int64), ones)


def test_the_backlog_of_a_steady_stream_is_rate_times_latency():
    lag = lag_summary(*run(lambda at: 0.25), warm_up_s=5)
    assert lag.mean == pytest.approx(25, abs=1.5)
    assert lag.largest <= 26
    assert abs(lag.growth_s) < 0.01
    assert check_lag("lag", lag).verdict is Verdict.PASSED


def test_a_stream_that_falls_behind_is_found():
    lag = lag_summary(*run(lambda at: 0.1 * at), warm_up_s=0)
    assert lag.slope_per_s == pytest.approx(100 * (1 - 1 / 1.1), rel=0.05)
    finding = check_lag("lag", lag)
    assert finding.verdict is Verdict.FAILED
    assert finding.timing_only
    assert "grows" in finding.detail


def test_what_is_never_covered_stays_in_the_backlog():
    lag = lag_summary(*run(lambda at: np.nan if at >= 10 else 0.0), warm_up_s=0)
    assert lag.points[-1][1] == pytest.approx(10 * RATE, rel=0.06)
    assert check_lag("lag", lag).verdict is Verdict.FAILED


def test_a_slow_beginning_is_left_out_of_the_growth():
    lag = lag_summary(*run(lambda at: max(0.0, 2 - at)), warm_up_s=4)
    assert lag.largest > 150
    assert abs(lag.growth_s) < 0.01


def test_nothing_sent_shows_nothing():
    empty = np.zeros(0, np.int64)
    lag = lag_summary(
        Inputs(empty, empty, empty, empty), Coverage(empty, empty, empty), warm_up_s=0
    )
    assert check_lag("lag", lag).verdict is Verdict.UNKNOWN
