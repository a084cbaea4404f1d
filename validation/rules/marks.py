"""End-of-day marks that came to some partitions only, found by the broker's times of records.

The rule, restated here because this is the second opinion: a mark waits until every partition
stands at one. It is rejected as incomplete once another partition holds, in front of its own next
mark, a record that the broker appended more than two minutes after it. Of marks that are complete
the earliest day is closed, in the partitions that stand at it.

The rule reads records only in the order of their partitions, so that its outcome does not depend
on how far the partitions are read when it is asked.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from system.bus.consumer import Record
from system.contracts.codec import decode_topic
from system.contracts.messages import Mark
from system.contracts.topics import INPUT_TOPICS
from system.errors import MessageError

MARK_WAIT_MS: Final = 120_000
MARK_HOURS: Final = 36
"""A mark's own time lies within so many hours of the noon of its date."""
TOPICS_BY_NAME: Final = {topic.name: topic for topic in INPUT_TOPICS}

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _WaitingMark:
    offset: int
    date: dt.date
    at_ms: int


@dataclass
class _Lane:
    """One partition: the time that it has come to, and what lies in front of it."""

    clock_ms: int = 0
    ahead: deque[_WaitingMark | int] = field(default_factory=deque)
    """Marks, and the newest time of the records between two of them."""

    def pass_on(self) -> None:
        """Go past what lies in front."""
        passed = self.ahead.popleft()
        at_ms = passed if isinstance(passed, int) else passed.at_ms
        self.clock_ms = max(self.clock_ms, at_ms)

    def add_time(self, at_ms: int) -> None:
        """Note a record that is no mark; times of a run of them are kept as one."""
        if self.ahead and isinstance(self.ahead[-1], int):
            self.ahead[-1] = max(self.ahead[-1], at_ms)
        else:
            self.ahead.append(at_ms)

    @property
    def mark(self) -> _WaitingMark | None:
        """Return the mark in front, if one is."""
        front = self.ahead[0] if self.ahead else None
        return front if isinstance(front, _WaitingMark) else None


class MarkWalk:
    """Finds incomplete marks while records come, each partition in the order of its offsets.

    Parameters
    ----------
    partitions : collection of (topic, partition)
        All that there are; more are learned from their first records.
    wait_ms : int
        How much later another partition may go on without a mark.
    """

    def __init__(self, partitions: Collection[Place] = (), *, wait_ms: int = MARK_WAIT_MS) -> None:
        self._lanes: dict[Place, _Lane] = {place: _Lane() for place in sorted(partitions)}
        self._wait_ms = wait_ms
        self._closed: dt.date | None = None
        self.incomplete: set[tuple[str, int, int]] = set()

    def add(self, record: Record) -> None:
        """Take in the next record of its partition."""
        lane = self._lanes.setdefault((record.topic, record.partition), _Lane())
        mark = _mark_in(record)
        if mark is None:
            lane.add_time(record.appended_at_ms)
        else:
            lane.ahead.append(_WaitingMark(record.offset, mark.date, record.appended_at_ms))
        if any(lane.mark is not None for lane in self._lanes.values()) or mark is not None:
            while self._step():
                pass
        else:
            lane.pass_on()

    def _step(self) -> bool:
        """Go on by a mark; False where all that are in front have to wait."""
        for lane in self._lanes.values():
            self._to_mark(lane)
        late = self._late()
        if late is not None:
            place, lane = late
            assert lane.mark is not None, f"{place} is late at a mark"
            self.incomplete.add((*place, lane.mark.offset))
            lane.pass_on()
            return True
        marks = [lane.mark for lane in self._lanes.values()]
        dates = [mark.date for mark in marks if mark is not None]
        if len(dates) < len(marks):
            return False
        self._closed = min(dates)
        return True

    def _to_mark(self, lane: _Lane) -> None:
        while lane.ahead:
            mark = lane.mark
            if mark is not None and (self._closed is None or mark.date > self._closed):
                return
            lane.pass_on()

    def _late(self) -> tuple[Place, _Lane] | None:
        for place, lane in self._lanes.items():
            if lane.mark is None:
                continue
            until_ms = max(lane.clock_ms, lane.mark.at_ms) + self._wait_ms
            others = (other for other in self._lanes.values() if other is not lane)
            if any(other.clock_ms > until_ms for other in others):
                return place, lane
        return None


def incomplete_marks(
    records: Iterable[Record], *, wait_ms: int = MARK_WAIT_MS
) -> set[tuple[str, int, int]]:
    """Return topic, partition and offset of marks that came to some partitions only.

    Parameters
    ----------
    records : iterable of Record
        Everything that lies on the input topics, in any order.
    wait_ms : int
        As of `MarkWalk`.
    """
    ordered = sorted(records, key=lambda record: (record.topic, record.partition, record.offset))
    walk = MarkWalk({(record.topic, record.partition) for record in ordered}, wait_ms=wait_ms)
    for record in ordered:
        walk.add(record)
    return walk.incomplete


def _mark_in(record: Record) -> Mark | None:
    """Return the mark of a record that can close a day, None where it is anything else."""
    if b"mark" not in record.value and b"\\" not in record.value:
        return None
    try:
        message = decode_topic(record.value, TOPICS_BY_NAME[record.topic])
    except MessageError:
        return None
    if not isinstance(message, Mark):
        return None
    noon = dt.datetime.combine(message.date, dt.time(12), dt.UTC)
    own = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(
        microseconds=message.event_time_ns // 1_000
    )
    return message if abs(own - noon) <= dt.timedelta(hours=MARK_HOURS) else None
