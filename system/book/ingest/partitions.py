"""The barrier: what follows a day's mark waits until the mark is in every partition.

Two bounds keep one mark in one partition from holding its messages for ever. Both are functions of
the records alone, not of when or in what pieces they are read:

* A mark is *incomplete*, and rejected, once another partition holds a message that the broker
  appended more than ``mark_wait_ms`` after it, and that comes before any mark of that partition.
* Beyond ``MAX_HELD_EVENTS`` what waits is not kept in memory, and read again later.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from system.book.state.errors import BarrierOverflowError
from system.book.state.events import Event, QuoteRow
from system.contracts.messages import Mark, Trade
from system.contracts.topics import (
    FX_RATES,
    MARKET_DATA,
    REFERENCE,
    TRADES,
    split_offset_key,
)
from system.risk.scenarios.window import fx_series

MAX_HELD_EVENTS: Final = 500_000
"""Most events of one partition that are kept in memory behind its mark."""
DEFAULT_MARK_WAIT_MS: Final = 120_000
"""Longer than a server that is paused for a minute while marks are sent."""
NAMED_AFTER_MS: Final = 5_000
"""Longest wait of a mark, by the broker's time, before what follows it is named stale. Marks
come within milliseconds of one another."""

TOPIC_ORDER: Final = (REFERENCE.name, FX_RATES.name, MARKET_DATA.name, TRADES.name)
"""Partitions are read in this order inside a batch: what is named before what names it."""


HeldName = tuple[str, str]
"""Portfolio and instrument of a trade that waits; of a quote the empty portfolio and its series."""


class PartitionQueue:
    """The events of one partition that are not applied yet.

    Parameters
    ----------
    name : str
        ``topic:partition``.
    next_offset : int
        First offset that is not applied.
    appended_at_ms : int
        The broker's time of the newest message that is applied; 0 before any.
    """

    def __init__(self, name: str, next_offset: int, appended_at_ms: int = 0) -> None:
        self.name = name
        self.topic, self.partition = split_offset_key(name)
        self.next_offset = next_offset
        self._arrived_offset = next_offset
        self._events: deque[Event] = deque()
        self._later_names: set[HeldName] | None = None
        self.is_cut = False
        """True where events behind the mark were not kept."""
        self.appended_at_ms = appended_at_ms
        self.taken: Event | None = None
        """What was taken out last."""

    def __len__(self) -> int:
        return len(self._events)

    def extend(self, events: Iterable[Event]) -> None:
        """Append events in offset order; what the state has already is dropped.

        Behind a mark no more than ``MAX_HELD_EVENTS`` are kept.
        """
        for event in events:
            if event.offset < self._arrived_offset:
                continue
            if self.is_cut or (len(self._events) >= MAX_HELD_EVENTS and self.mark is not None):
                self.is_cut = True
                if self.mark is not None:
                    _note_name(event, self.topic, self.held_names)
                continue
            self._events.append(event)
            self._arrived_offset = event.offset + 1
            if self._later_names is not None:
                _note_name(event, self.topic, self._later_names)

    @property
    def mark(self) -> Mark | None:
        """Return the mark at the front, None where the front is something else."""
        if not self._events:
            return None
        payload = self._events[0].payload
        return payload if isinstance(payload, Mark) else None

    @property
    def mark_appended_at_ms(self) -> int:
        """Return when the broker appended the mark at the front; its clock never goes back here."""
        assert self.mark is not None, f"{self.name} has no mark at its front"
        return max(self._events[0].appended_at_ms, self.appended_at_ms)

    @property
    def newest_at_ms(self) -> int:
        """Return the broker's time of the newest event that was ever kept or taken."""
        return max(self.appended_at_ms, self._events[-1].appended_at_ms if self._events else 0)

    @property
    def held_names(self) -> set[HeldName]:
        """Return what is quoted or traded behind the mark at the front."""
        assert self.mark is not None, f"{self.name} has no mark at its front"
        if self._later_names is None:
            self._later_names = set()
            for event in self._events:
                _note_name(event, self.topic, self._later_names)
        return self._later_names

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
        self._later_names = None
        if event.appended_at_ms > self.appended_at_ms:  # noqa: PLR1730 - max() costs 4 % of a fold
            self.appended_at_ms = event.appended_at_ms
        return event


class Partitions:
    """All input partitions, in one canonical order.

    Parameters
    ----------
    next_offsets : mapping of str to int
        ``topic:partition`` to the first offset that is not applied; every partition of
        every input topic.
    appended : mapping of str to int, optional
        ``topic:partition`` to the broker's time of the newest message that is applied.
    mark_wait_ms : int
        How much later than a mark another partition may go on without one.
    """

    def __init__(
        self,
        next_offsets: Mapping[str, int],
        appended: Mapping[str, int] | None = None,
        *,
        mark_wait_ms: int = DEFAULT_MARK_WAIT_MS,
    ) -> None:
        known = appended or {}
        self._mark_wait_ms = mark_wait_ms
        queues = [
            PartitionQueue(name, offset, known.get(name, 0))
            for name, offset in next_offsets.items()
        ]
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
    def appended(self) -> dict[str, int]:
        """Return ``topic:partition`` to the broker's time of the newest applied message."""
        return {queue.name: queue.appended_at_ms for queue in self.queues if queue.appended_at_ms}

    @property
    def held(self) -> tuple[str, ...]:
        """Return the partitions of which something waits for a mark elsewhere."""
        return tuple(queue.name for queue in self.queues if len(queue) or queue.is_cut)

    @property
    def held_names(self) -> frozenset[HeldName]:
        """Return what is quoted or traded behind a mark that waits for ``NAMED_AFTER_MS``."""
        now_ms = max((queue.newest_at_ms for queue in self.queues), default=0)
        waiting = (
            queue
            for queue in self.queues
            if queue.mark is not None and now_ms - queue.mark_appended_at_ms > NAMED_AFTER_MS
        )
        return frozenset().union(*(queue.held_names for queue in waiting))

    def incomplete(self) -> PartitionQueue | None:
        """Return the first partition whose mark others went on without, None where none is."""
        for queue in self.queues:
            if queue.mark is None:
                continue
            bound_ms = queue.mark_appended_at_ms + self._mark_wait_ms
            if any(other.appended_at_ms > bound_ms for other in self.queues if other is not queue):
                return queue
        return None

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

    def check_kept(self) -> None:
        """Refuse to go on where events have to be read again.

        Raises
        ------
        BarrierOverflowError
            If a mark is settled behind which more than ``MAX_HELD_EVENTS`` had come.
        """
        lacking = [queue.name for queue in self.queues if queue.is_cut and queue.mark is None]
        if lacking:
            raise BarrierOverflowError(lacking, MAX_HELD_EVENTS)


def _note_name(event: Event, topic: str, names: set[HeldName]) -> None:
    payload = event.payload
    if isinstance(payload, QuoteRow):
        is_rate = topic == FX_RATES.name
        names.add(("", fx_series(payload.name) if is_rate else payload.name))
    elif isinstance(payload, Trade):
        names.add((payload.portfolio, payload.instrument))
