"""Bounded waiting that starts again with each progress: a slow machine is waited for."""

from __future__ import annotations

from typing import Final

from system.clock import Clock

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
