"""Only a state of the stream that lasts is an alert."""

from __future__ import annotations

import pytest

from system.alerts.staleness import NO_REDIS, SETTLED_S, StreamWatch
from system.clock import ManualClock
from system.contracts.api.alerts import AlertAction
from system.contracts.api.risk import StreamState

RUNNING, STALE, LAGGING = StreamState.RUNNING, StreamState.STALE, StreamState.LAGGING


@pytest.mark.parametrize("state", [STALE, LAGGING, StreamState.WARMING, None])
def test_numbers_that_are_not_current_are_an_alert_once_that_has_lasted(state):
    clock = ManualClock()
    watch = StreamWatch(clock)
    assert watch.seen(state) is None
    clock.sleep(SETTLED_S - 0.1)
    assert watch.seen(state) is None
    clock.sleep(0.1)
    change = watch.seen(state)
    assert change is not None
    assert change.action is AlertAction.RAISED
    assert (NO_REDIS if state is None else state) in change.subject.summary


def test_a_stream_that_is_started_again_in_time_raises_nothing_and_clears_nothing():
    clock = ManualClock()
    watch = StreamWatch(clock)
    for state in (RUNNING, STALE, LAGGING, RUNNING, STALE, RUNNING):
        assert watch.seen(state) is None
        clock.sleep(SETTLED_S / 3)


def test_stale_and_then_lagging_is_one_trouble():
    clock = ManualClock()
    watch = StreamWatch(clock)
    watch.seen(STALE)
    clock.sleep(SETTLED_S)
    assert watch.seen(LAGGING) is not None


def test_a_stream_that_runs_again_is_cleared_once_that_has_lasted():
    clock = ManualClock()
    watch = StreamWatch(clock)
    watch.seen(RUNNING)
    clock.sleep(SETTLED_S)
    change = watch.seen(RUNNING)
    assert change is not None
    assert change.action is AlertAction.CLEARED
