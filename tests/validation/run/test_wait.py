"""Patience: what moves is waited for, what stands still is given up, nothing waits for ever."""

from __future__ import annotations

from system.clock import ManualClock
from validation.run.wait import Patience


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
