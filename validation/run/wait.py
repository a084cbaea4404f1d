"""Bounded waits: for an answer, and for progress, where a slow machine is given more time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from system.clock import Clock, SystemClock

Answer = TypeVar("Answer")

LIMIT_S: Final = 1_800.0
"""Longest wait for anything, however it moves."""


class Patience:
    """A bound that runs again from its beginning whenever there is progress.

    Parameters
    ----------
    clock : Clock
        Measures the wait.
    stall_s : float
        Longest time without progress, seconds.
    limit_s : float
        Longest time in all, seconds.
    """

    def __init__(self, clock: Clock, *, stall_s: float, limit_s: float = LIMIT_S) -> None:
        self._clock = clock
        self._stall_ns = round(stall_s * 1e9)
        self._end_ns = clock.monotonic_ns() + round(limit_s * 1e9)
        self._deadline_ns = clock.monotonic_ns() + self._stall_ns
        self._progress: object = None

    def is_over(self, progress: object = None) -> bool:
        """Return whether nothing has moved for too long.

        Parameters
        ----------
        progress : object
            Anything that compares unequal once there was progress; None where it is not known.
        """
        now_ns = self._clock.monotonic_ns()
        if progress is not None and progress != self._progress:
            self._progress = progress
            self._deadline_ns = now_ns + self._stall_ns
        return now_ns > min(self._deadline_ns, self._end_ns)


def polled(
    look: Callable[[], Answer], *, bound_s: float, poll_s: float, clock: Clock | None = None
) -> Answer | None:
    """Return the first answer that is true, asking again and again; None at the bound.

    Parameters
    ----------
    look : callable
        Asked for an answer; what it raises ends the wait.
    bound_s : float
        Seconds until it is asked no more.
    poll_s : float
        Seconds between two looks.
    clock : Clock, optional
        Measures both.
    """
    clock = clock or SystemClock()
    deadline_ns = clock.monotonic_ns() + round(bound_s * 1e9)
    while clock.monotonic_ns() < deadline_ns:
        if answer := look():
            return answer
        clock.sleep(poll_s)
    return None
