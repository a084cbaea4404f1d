"""Lanes: which step is taken next, that steps meet, and that an interrupt ends all of them."""

from __future__ import annotations

import _thread
import signal
import threading

import pytest

from validation.verify.lanes import next_step, run_in_lanes
from validation.verify.steps import Step

BOUND_S = 30


def step(name: str, servers_s: float = 0) -> Step:
    return Step(name, name, (), 60, servers=servers_s > 0, expected_s=servers_s)


LINT, UNIT = step("lint"), step("unit")
SHORT, LONG = step("short", 100), step("long", 900)
ALL = [LINT, UNIT, SHORT, LONG]


@pytest.mark.parametrize(
    ("pending", "running", "stacks", "taken"),
    [
        (ALL, [], 2, LONG),
        ([LINT, UNIT, SHORT], [LONG], 2, LINT),
        ([UNIT, SHORT], [LONG], 2, UNIT),
        ([SHORT], [LONG], 2, SHORT),
        ([SHORT], [LONG], 1, None),
        ([SHORT], [UNIT], 1, SHORT),
        ([LINT], [], 1, LINT),
        ([], [LONG], 2, None),
    ],
)
def test_the_longest_step_with_servers_begins_and_one_without_joins_it(
    pending, running, stacks, taken
) -> None:
    assert next_step(pending, running, stack_count=stacks) is taken


def test_every_step_runs_once_and_no_more_at_once_than_lanes() -> None:
    at_once, most, lock = [], [], threading.Lock()

    def run(one: Step, _) -> str:
        with lock:
            at_once.append(one)
            most.append(len(at_once))
            assert sum(each.servers for each in at_once) <= 1
        threading.Event().wait(0.01)
        with lock:
            at_once.remove(one)
        return f"{one.name} ran"

    steps = [*(step(f"plain-{number}") for number in range(5)), SHORT, LONG, step("third", 10)]
    results = run_in_lanes(steps, run, lane_count=3, stack_count=1)
    assert results == {planned.name: f"{planned.name} ran" for planned in steps}
    assert len(most) == len(steps)
    assert max(most) <= 3


def test_two_steps_that_wait_for_each_other_meet() -> None:
    meeting = threading.Barrier(2)
    results = run_in_lanes(
        [LINT, UNIT], lambda *_: meeting.wait(BOUND_S), lane_count=2, stack_count=1
    )
    assert sorted(results.values()) == [0, 1]


def test_an_interrupt_ends_what_runs_and_begins_nothing_more() -> None:
    begun, meeting = [], threading.Barrier(2)

    def run(one: Step, heed) -> str:
        begun.append(one.name)
        if meeting.wait(BOUND_S) == 0:
            _thread.interrupt_main()
        while True:
            heed()
            threading.Event().wait(0.01)

    results = run_in_lanes(ALL, run, lane_count=2, stack_count=1)
    assert results == {}
    assert sorted(begun) == ["lint", "long"]


def test_an_interrupted_run_waits_until_every_lane_has_ended_its_step() -> None:
    """``Thread.join`` would take the lane for ended that it waited for when the interrupt came."""
    ended, meeting = [], threading.Barrier(2)
    main_thread = threading.main_thread().ident
    assert main_thread is not None

    def run(step: Step, heed) -> str:
        if meeting.wait(BOUND_S) == 0:
            signal.pthread_kill(main_thread, signal.SIGINT)
        try:
            while True:
                heed()
                threading.Event().wait(0.01)
        finally:
            # As long as processes take to end; the lane that is waited for first takes longer.
            threading.Event().wait(1.0 if threading.current_thread().name == "lane-0" else 0.1)
            ended.append(step.name)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run_in_lanes([LINT, LONG], run, lane_count=2, stack_count=1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(ended) == ["lint", "long"]


def test_a_mistake_in_a_lane_is_raised_and_ends_the_others() -> None:
    def run(one: Step, heed) -> str:
        if one is LINT:
            raise RuntimeError("a mistake of ours")
        while True:
            heed()
            threading.Event().wait(0.01)

    with pytest.raises(RuntimeError, match="a mistake of ours"):
        run_in_lanes([LINT, LONG], run, lane_count=2, stack_count=1)
