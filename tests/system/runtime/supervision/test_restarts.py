"""The restart policy: rates that decay, pauses that grow, and who may stop the stack."""

from __future__ import annotations

import pytest

from system.exits import ExitCode
from system.runtime.supervision.restarts import (
    CRASH_WINDOW_S,
    FENCED_PAUSE_S,
    MAX_CRASHES,
    PAUSES_S,
    RECOVERY_PAUSE_S,
    UNAVAILABLE_PAUSE_MAX_S,
    RestartPolicy,
)
from system.runtime.supervision.sentinel import FATAL_PAUSE_MIN_S


@pytest.fixture
def policy():
    return RestartPolicy(["oracle"])


def test_the_first_restarts_are_immediate_and_later_ones_wait_longer(policy):
    pauses = [policy.crashed("stream", at_s).pause_s for at_s in range(MAX_CRASHES)]
    assert pauses[:5] == [0.0] * 5
    assert pauses == sorted(pauses)
    assert pauses[-1] == PAUSES_S[-1]


def test_more_crashes_than_the_bound_within_the_window_stop_everything(policy):
    within = [policy.crashed("stream", float(at_s)) for at_s in range(MAX_CRASHES)]
    assert not any(verdict.stops_all for verdict in within)
    verdict = policy.crashed("stream", float(MAX_CRASHES))
    assert verdict.stops_all
    assert verdict.crash_count == MAX_CRASHES + 1


def test_a_component_that_crashes_now_and_then_runs_for_ever(policy):
    step_s = CRASH_WINDOW_S / (MAX_CRASHES - 1)
    verdicts = [policy.crashed("stream", count * step_s) for count in range(1000)]
    assert not any(verdict.stops_all for verdict in verdicts)
    assert max(verdict.crash_count for verdict in verdicts) <= MAX_CRASHES


def test_after_a_quiet_window_a_restart_is_immediate_again(policy):
    for at_s in range(MAX_CRASHES):
        policy.crashed("stream", float(at_s))
    verdict = policy.crashed("stream", CRASH_WINDOW_S + MAX_CRASHES)
    assert verdict.pause_s == 0.0
    assert verdict.crash_count == 1


def test_each_component_is_counted_for_itself(policy):
    for at_s in range(MAX_CRASHES):
        policy.crashed("stream", float(at_s))
        policy.crashed("api", float(at_s))
    assert policy.crashed("kafka", MAX_CRASHES).crash_count == 1


def test_an_optional_component_never_stops_the_stack_and_is_still_slowed_down(policy):
    verdicts = [policy.crashed("oracle", float(at_s)) for at_s in range(1000)]
    assert not any(verdict.stops_all for verdict in verdicts)
    assert verdicts[-1].pause_s == PAUSES_S[-1]


def test_a_component_that_misses_a_server_is_tried_for_ever_and_soon_again(policy):
    verdicts = [policy.crashed("stream", float(at_s), ExitCode.UNAVAILABLE) for at_s in range(1000)]
    assert not any(verdict.stops_all for verdict in verdicts)
    assert max(verdict.pause_s for verdict in verdicts) == UNAVAILABLE_PAUSE_MAX_S


def test_a_missing_server_does_not_use_up_the_crashes_of_another_cause(policy):
    for at_s in range(100):
        policy.crashed("stream", float(at_s), ExitCode.UNAVAILABLE)
    assert not policy.crashed("stream", 100.0, 1).stops_all


def test_a_superseded_driver_is_not_started_again_at_once(policy):
    verdict = policy.crashed("stream", 0.0, ExitCode.FENCED)
    assert verdict.pause_s == FENCED_PAUSE_S
    assert not verdict.stops_all


def test_a_driver_that_needs_a_person_never_stops_the_servers_that_recovery_needs(policy):
    for number in range(3 * MAX_CRASHES):
        verdict = policy.crashed("stream", number * RECOVERY_PAUSE_S, ExitCode.NEEDS_RECOVERY)
        assert verdict.pause_s == RECOVERY_PAUSE_S
        assert not verdict.stops_all


def test_a_component_that_is_down_at_every_start_is_given_minutes_before_everything_stops(policy):
    at_s, failed_starts_s = 0.0, 7.0
    while not (verdict := policy.crashed("kafka", at_s)).stops_all:
        at_s += verdict.pause_s + failed_starts_s
    # supervisord's own attempts have failed before each of these crashes.
    assert 180 < at_s + 5 * FATAL_PAUSE_MIN_S < CRASH_WINDOW_S
