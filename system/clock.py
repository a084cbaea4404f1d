"""The only reader of time.

Two clocks, never mixed: *wall* time stamps what people and the broker see; *monotonic*
time measures. ``CLOCK_MONOTONIC`` is the clock behind ``System.nanoTime`` of the JVM on
Linux, so that Python and Spark stamps of one boot can be subtracted.
"""

from __future__ import annotations

import time
from typing import Final, Protocol

STEP_MAX_S: Final = 5.0


def wall_ns() -> int:
    """Return the wall clock, nanoseconds since 1970-01-01 UTC."""
    return time.time_ns()


def monotonic_ns() -> int:
    """Return CLOCK_MONOTONIC in nanoseconds; comparable between processes of one boot."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """Clock that code receives as an argument, so that tests can pass one of their own."""

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970-01-01 UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Return nanoseconds of a clock that never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; negative or zero returns at once."""
        ...


class SystemClock:
    """The clock of this machine."""

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970-01-01 UTC."""
        return wall_ns()

    def monotonic_ns(self) -> int:
        """Return CLOCK_MONOTONIC in nanoseconds."""
        return monotonic_ns()

    def sleep(self, seconds: float) -> None:
        """Wait; negative or zero returns at once."""
        if seconds > 0:
            time.sleep(seconds)


class RunningTime:
    """Time from one look to the next in which this process ran.

    A process that was stopped or starved in between has not waited: no step is longer than
    ``STEP_MAX_S``.

    Parameters
    ----------
    clock : Clock
        Its monotonic time; the first step begins now.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looked_ns = clock.monotonic_ns()

    def step_s(self) -> float:
        """Return the seconds since the last look, at most ``STEP_MAX_S``."""
        now_ns = self._clock.monotonic_ns()
        step_s = min((now_ns - self._looked_ns) / 1e9, STEP_MAX_S)
        self._looked_ns = now_ns
        return step_s


class ManualClock:
    """A clock that moves only when told: the fake beside the seam.

    Parameters
    ----------
    wall_ns : int
        Where its wall clock starts, nanoseconds since 1970-01-01 UTC.
    monotonic_ns : int
        Where its monotonic clock starts, nanoseconds.
    """

    def __init__(self, wall_ns: int = 0, monotonic_ns: int = 0) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns

    def wall_ns(self) -> int:
        """Return where the wall clock was set to."""
        return self._wall_ns

    def monotonic_ns(self) -> int:
        """Return where the monotonic clock was set to."""
        return self._monotonic_ns

    def sleep(self, seconds: float) -> None:
        """Move both clocks on without waiting; negative or zero moves nothing."""
        self.advance_ns(max(0, round(seconds * 1e9)))

    def advance_ns(self, step_ns: int) -> None:
        """Move both clocks on by ``step_ns`` nanoseconds (not negative)."""
        assert step_ns >= 0, f"time does not go back: {step_ns}"
        self._wall_ns += step_ns
        self._monotonic_ns += step_ns
