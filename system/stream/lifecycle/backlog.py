"""Age of the oldest message on the input topics that no batch has covered."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from system.clock import Clock

MAX_SIGHTINGS: Final = 512
"""Per partition: four minutes of two questions a second. Beyond it ages are overstated."""


@dataclass(slots=True)
class _Sighting:
    """An end offset of a partition, and since when its messages may lie there."""

    end: int
    since_ns: int


class Backlog:
    """Remembers since when messages may lie on each partition, until batches have covered them.

    Ages are differences of this process's own monotonic clock: no clock of another machine is
    compared. A message that an answer shows for the first time may have come right after the answer
    before: its age counts from then, so that a broker (or this process) that was away for a minute
    leaves no old message that looks young.

    Parameters
    ----------
    clock : Clock
        Of this process.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sightings: dict[str, deque[_Sighting]] = {}
        self._answered_ns: int | None = None

    def note(self, ends: Mapping[str, int], covered: Mapping[str, int], *, asked_ns: int) -> None:
        """Take in where partitions end, and where they are covered up to.

        Parameters
        ----------
        ends : mapping of str to int
            ``topic:partition`` to the offset that the next record will get.
        covered : mapping of str to int
            ``topic:partition`` to the first offset that the numbers do not contain. A partition
            that is not named is covered up to 0.
        asked_ns : int
            When the broker was asked for the ends, CLOCK_MONOTONIC.
        """
        since_ns = asked_ns if self._answered_ns is None else self._answered_ns
        self._answered_ns = asked_ns
        for name, end in ends.items():
            waiting = self._sightings.setdefault(name, deque())
            while waiting and waiting[0].end <= covered.get(name, 0):
                waiting.popleft()
            newest = waiting[-1].end if waiting else covered.get(name, 0)
            if end <= newest:
                continue
            if len(waiting) == MAX_SIGHTINGS:
                waiting[-1].end = end  # keeps the earlier moment: too old rather than too young
            else:
                waiting.append(_Sighting(end, since_ns))

    @property
    def oldest_age_ns(self) -> int:
        """Greatest age of a message that is not covered, nanoseconds; 0 where all are."""
        now_ns = self._clock.monotonic_ns()
        return max(
            (now_ns - waiting[0].since_ns for waiting in self._sightings.values() if waiting),
            default=0,
        )
