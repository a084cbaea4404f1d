"""The barrier: what stands behind a day's mark waits until the mark is everywhere."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from system.book.errors import BarrierOverflowError
from system.book.events import Event
from system.contracts.messages import Mark
from system.contracts.topics import FX_RATES, MARKET_DATA, REFERENCE, TRADES

MAX_HELD_EVENTS: Final = 500_000
"""How many events of one partition may wait behind its mark."""

TOPIC_ORDER: Final = (REFERENCE.name, FX_RATES.name, MARKET_DATA.name, TRADES.name)
"""Partitions are read in this order inside a batch: what is named before what names it."""


class PartitionQueue:
    """The events of one partition that are not applied yet.

    Parameters
    ----------
    name : str
        ``topic:partition``.
    next_offset : int
        First offset that is not applied.
    """

    def __init__(self, name: str, next_offset: int) -> None:
        self.name = name
        self.topic, _, number = name.rpartition(":")
        self.partition = int(number)
        self.next_offset = next_offset
        self._arrived_offset = next_offset
        self._events: deque[Event] = deque()
        self.taken: Event | None = None
        """What was taken out last."""

    def __len__(self) -> int:
        return len(self._events)

    def extend(self, events: Iterable[Event]) -> None:
        """Append events in offset order; what the state has already is dropped."""
        for event in events:
            if event.offset >= self._arrived_offset:
                self._events.append(event)
                self._arrived_offset = event.offset + 1

    @property
    def mark(self) -> Mark | None:
        """Return the mark at the front, None where the front is something else."""
        if not self._events:
            return None
        payload = self._events[0].payload
        return payload if isinstance(payload, Mark) else None

    def is_beyond(self, date: dt.date) -> bool:
        """Return whether a mark of a later day than ``date`` is at the front."""
        return self.mark is not None and self.mark.date > date

    def up_to_mark(self) -> Iterator[Event]:
        """Take out events until a mark is at the front; each counts as applied when taken."""
        while self._events and not isinstance(self._events[0].payload, Mark):
            yield self.take()

    def take(self) -> Event:
        """Take out the event at the front."""
        self.taken = event = self._events.popleft()
        self.next_offset = event.offset + 1
        return event


class Partitions:
    """All input partitions, in one canonical order.

    Parameters
    ----------
    next_offsets : mapping of str to int
        ``topic:partition`` to the first offset that is not applied; every partition of
        every input topic.
    """

    def __init__(self, next_offsets: Mapping[str, int]) -> None:
        queues = [PartitionQueue(name, offset) for name, offset in next_offsets.items()]
        self.queues: Sequence[PartitionQueue] = sorted(
            queues, key=lambda queue: (TOPIC_ORDER.index(queue.topic), queue.partition)
        )
        self._by_name = {queue.name: queue for queue in self.queues}

    def extend(self, events: Mapping[str, Iterable[Event]]) -> None:
        """Append what a batch brought."""
        for name, arrived in events.items():
            self._by_name[name].extend(arrived)

    @property
    def offsets(self) -> dict[str, int]:
        """Return ``topic:partition`` to the first offset that is not applied."""
        return {queue.name: queue.next_offset for queue in self.queues}

    @property
    def taken(self) -> dict[str, Event]:
        """Return the event that was taken out last, of each partition that had one."""
        return {queue.name: queue.taken for queue in self.queues if queue.taken is not None}

    @property
    def held(self) -> tuple[str, ...]:
        """Return the partitions of which something waits for a mark elsewhere."""
        return tuple(queue.name for queue in self.queues if len(queue))

    def missing_mark(self) -> tuple[str, ...]:
        """Return the partitions that others wait for; empty while nobody waits."""
        without = tuple(queue.name for queue in self.queues if queue.mark is None)
        return without if len(without) < len(self.queues) else ()

    def barrier(self) -> Mark | None:
        """Return the earliest mark once every partition has one at its front."""
        marks = [mark for queue in self.queues if (mark := queue.mark) is not None]
        if len(marks) < len(self.queues):
            return None
        return min(marks, key=lambda mark: (mark.date, mark.event_time_ns))

    def check_bound(self) -> None:
        """Refuse to hold without bound.

        Raises
        ------
        BarrierOverflowError
            If more than ``MAX_HELD_EVENTS`` wait behind a mark; names who is missing it.
        """
        longest = max(len(queue) for queue in self.queues)
        if longest > MAX_HELD_EVENTS:
            raise BarrierOverflowError(self.missing_mark(), longest, MAX_HELD_EVENTS)
