"""Bounded waits: progress is waited for, a stall is given up, an answer ends the wait."""

from __future__ import annotations

from system.clock import ManualClock
from validation.run.wait import Patience, polled


def test_without_progress_it_is_over_after_the_stall() -> None:
    clock = ManualClock()
    patience = Patience(clock, stall_s=10)
    assert not patience.is_over({"a": 1})
    clock.sleep(10)
    assert not patience.is_over({"a": 1})
    clock.sleep(0.1)
    assert patience.is_over({"a": 1})


def test_progress_starts_the_stall_again() -> None:
    clock = ManualClock()
    patience = Patience(clock, stall_s=10)
    for offset in range(20):
        clock.sleep(9)
        assert not patience.is_over({"a": offset})


def test_unknown_progress_is_none() -> None:
    clock = ManualClock()
    patience = Patience(clock, stall_s=10)
    patience.is_over({"a": 1})
    clock.sleep(8)
    assert not patience.is_over(None)
    clock.sleep(3)
    assert patience.is_over(None)


def test_nothing_is_waited_for_beyond_the_limit() -> None:
    clock = ManualClock()
    patience = Patience(clock, stall_s=10, limit_s=50)
    for offset in range(6):
        assert not patience.is_over(offset)
        clock.sleep(9)
    assert patience.is_over(99)


def test_the_first_true_answer_ends_the_wait() -> None:
    clock, answers = ManualClock(), iter([None, "", "here", "later"])
    began_ns = clock.monotonic_ns()
    assert polled(lambda: next(answers), bound_s=10, poll_s=2, clock=clock) == "here"
    assert clock.monotonic_ns() - began_ns == 4_000_000_000


def test_without_an_answer_the_wait_ends_at_its_bound() -> None:
    clock, looks = ManualClock(), []
    assert polled(lambda: looks.append(1), bound_s=10, poll_s=3, clock=clock) is None
    assert len(looks) == 4
