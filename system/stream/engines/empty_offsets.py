"""Offsets at the end of a partition that hold no record, as the end of a transaction does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from system.bus.consumer import Record
from system.clock import Clock
from system.contracts.topics import split_offset_key

PATIENCE_NS: Final = 1_000_000_000
"""A record that is there comes sooner than this, unless the stream lags."""
MAX_OFFSETS: Final = 100
"""Most offsets of a partition that one look asks for."""

FetchRecord = Callable[[str, int, int], Record | None]
"""Topic, partition and offset to the record; None where there is none."""


class EmptyOffsets:
    """Looks whether the offsets that a reader does not pass hold records at all.

    A real-time query hands over records, and says nothing of offsets without one. For one thread.

    Parameters
    ----------
    fetch : callable
        As `system.bus.fetching.RecordFetcher.record`.
    clock : Clock
        Measures patience.
    """

    def __init__(self, fetch: FetchRecord, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._waiting: dict[str, tuple[int, int]] = {}
        self._passed: dict[str, int] = {}

    def beyond(self, consumed: Mapping[str, int]) -> dict[str, int]:
        """Return consumed offsets, moved past those that are known to hold no record."""
        return {place: max(at, self._passed.get(place, 0)) for place, at in consumed.items()}

    def look(self, ends: Mapping[str, int], consumed: Mapping[str, int]) -> None:
        """Ask for the records that have not come for longer than patience.

        Parameters
        ----------
        ends, consumed : mapping of str to int
            ``topic:partition`` to where it ends, and to the first offset that was not read.

        Raises
        ------
        BusUnavailableError, ReadTimeoutError
            If the broker does not answer.
        """
        now_ns = self._clock.monotonic_ns()
        for place, at in self.beyond(consumed).items():
            known_at, since_ns = self._waiting.get(place, (-1, 0))
            if at >= ends.get(place, 0):
                self._waiting.pop(place, None)
            elif at != known_at:
                self._waiting[place] = at, now_ns
            elif now_ns - since_ns > PATIENCE_NS:
                self._passed[place] = self._next_record(place, at, ends[place])

    def _next_record(self, place: str, at: int, end: int) -> int:
        topic, partition = split_offset_key(place)
        last = min(end, at + MAX_OFFSETS)
        while at < last and self._fetch(topic, partition, at) is None:
            at += 1
        return at
