"""The clocks: real ones move on, the manual one only when told."""

from __future__ import annotations

import subprocess
import sys

import pytest

from system.clock import Clock, ManualClock, SystemClock, monotonic_ns, wall_ns


def test_both_clocks_count_nanoseconds():
    assert wall_ns() > 1_600_000_000 * 10**9
    assert 0 < monotonic_ns() <= monotonic_ns()


def test_monotonic_time_can_be_compared_between_processes():
    before = monotonic_ns()
    command = [sys.executable, "-c", "from system.clock import monotonic_ns; print(monotonic_ns())"]
    other = int(subprocess.run(command, capture_output=True, check=True).stdout)
    assert before < other < monotonic_ns()


def test_the_system_clock_is_a_clock():
    clock: Clock = SystemClock()
    before = clock.monotonic_ns()
    clock.sleep(0)
    clock.sleep(-1)
    assert clock.monotonic_ns() >= before
    assert clock.wall_ns() > 0


def test_the_manual_clock_moves_when_told_and_both_its_clocks_move_alike():
    clock = ManualClock(wall_ns=10, monotonic_ns=3)
    clock.sleep(2e-9)
    clock.advance_ns(5)
    clock.sleep(-1)
    assert (clock.wall_ns(), clock.monotonic_ns()) == (17, 10)


def test_the_manual_clock_does_not_go_back():
    with pytest.raises(AssertionError, match="does not go back"):
        ManualClock().advance_ns(-1)
