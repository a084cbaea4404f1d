"""Load rendered ahead: every message's bytes are made before the first is due, and sent in batches.

A generator that makes messages while it sends them takes, at 20,000 ticks/s, a core from what is
measured. The schedule is known, so the bytes are too: what is left to do in time is to hand over
slices of lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from loadtests.source.send_rate import SendRate, SendRates
from system.bus.routing import partition_of, topic_of
from system.clock import Clock
from system.contracts.codec import encode
from system.contracts.messages import Mark, Message
from system.contracts.topics import Topic, message_key
from system.simulate.progress import PublishSummary, Slip, summary_of
from system.simulate.publisher import Outlet
from system.simulate.timeline import DayPlan

RENDERED_TICKS_MAX: Final = 4_000_000
"""About 1.2 GB of bytes."""
GATHER_NS: Final = 3_000_000
"""Shortest time from one batch to the next; the longest wait of a tick for its batch."""
BATCH_MAX: Final = 5_000
LEAD_NS: Final = 500_000_000
TRIAL_TICKS: Final = 2_000
LEAD_MARGIN: Final = 1.3
"""Rendering is given so much more time than the first ticks say that it takes."""

Int64Array = npt.NDArray[np.int64]


class BatchSink(Outlet, Protocol):
    """Receiver of batches."""

    def partition_count(self, topic: Topic) -> int:
        """Return how many partitions a topic has; after ``prepare``."""
        ...

    def send_batch(
        self, topic: Topic, partition: int, keys: Sequence[bytes], values: Sequence[bytes]
    ) -> None:
        """Take messages of one partition; do not wait for the broker."""
        ...


@dataclass
class RenderedPlace:
    """Messages of one partition on one day, in the order in which they are due.

    Parameters
    ----------
    topic : Topic
        Where they go.
    partition : int
        Of the topic.
    keys, values : list of bytes
        Of each message.
    due_ns : list of int
        When each is due, CLOCK_MONOTONIC.
    """

    topic: Topic
    partition: int
    keys: list[bytes] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    due_ns: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class RenderedDay:
    """Messages of one day by partition, and its mark.

    Parameters
    ----------
    places : tuple of RenderedPlace
        Each partition that has messages.
    mark : Mark
        Its end.
    mark_due_ns, end_ns : int
        When the mark is due, and when the next day begins; CLOCK_MONOTONIC.
    """

    places: tuple[RenderedPlace, ...]
    mark: Mark
    mark_due_ns: int
    end_ns: int


def render_day(day: DayPlan, start_ns: int, count_of: Callable[[Topic], int]) -> RenderedDay:
    """Return the bytes of a day that begins at a moment.

    Parameters
    ----------
    day : DayPlan
        Its plan; paced.
    start_ns : int
        CLOCK_MONOTONIC.
    count_of : callable
        Returns the number of partitions of a topic.
    """
    places: dict[tuple[str, int], RenderedPlace] = {}
    by_key: dict[tuple[str, bytes], RenderedPlace] = {}
    for slot in day.slots():
        message, due_ns = slot.message, start_ns + slot.due_ns
        if isinstance(message, Mark):
            continue
        topic, key = topic_of(message), message_key(message).encode()
        place = by_key.get((topic.name, key))
        if place is None:
            partition = partition_of(key, count_of(topic))
            place = places.setdefault((topic.name, partition), RenderedPlace(topic, partition))
            by_key[topic.name, key] = place
        place.keys.append(key)
        place.values.append(_value(message, due_ns))
        place.due_ns.append(due_ns)
    return RenderedDay(
        tuple(places.values()),
        day.mark,
        mark_due_ns=start_ns + day.mark_due_ns,
        end_ns=start_ns + day.duration_ns,
    )


def _value(message: Message, due_ns: int) -> bytes:
    return encode(msgspec.structs.replace(message, intended_monotonic_ns=due_ns))


def render(days: Sequence[DayPlan], sink: BatchSink, clock: Clock) -> tuple[RenderedDay, ...]:
    """Return every day's bytes, the first of them due soon after they are all made.

    Parameters
    ----------
    days : sequence of DayPlan
        In order.
    sink : BatchSink
        Knows the partitions.
    clock : Clock
        Of the schedule.
    """
    lead_ns = _lead_ns(days, sink, clock)
    while True:
        start_ns = clock.monotonic_ns() + lead_ns
        rendered = tuple(_rendered(days, start_ns, sink))
        if clock.monotonic_ns() < start_ns:
            return rendered
        lead_ns *= 2


def _rendered(days: Iterable[DayPlan], start_ns: int, sink: BatchSink) -> Iterator[RenderedDay]:
    for day in days:
        rendered = render_day(day, start_ns, sink.partition_count)
        yield rendered
        start_ns = rendered.end_ns


def _lead_ns(days: Sequence[DayPlan], sink: BatchSink, clock: Clock) -> int:
    """Return how long rendering takes, by that of the first ticks, and a little more."""
    began_ns, tried = clock.monotonic_ns(), 0
    for slot in days[0].slots():
        message = slot.message
        if tried == TRIAL_TICKS or isinstance(message, Mark):
            break
        partition_of(message_key(message).encode(), sink.partition_count(topic_of(message)))
        _value(message, began_ns)
        tried += 1
    each_ns = (clock.monotonic_ns() - began_ns) / max(tried, 1)
    return LEAD_NS + round(LEAD_MARGIN * each_ns * sum(day.tick_count for day in days))


class RenderedPublisher:
    """Sends rendered days, each tick at its time or a little later, in batches.

    Parameters
    ----------
    sink : BatchSink
        Where batches go.
    clock : Clock
        Of the schedule.
    tell : callable
        Receives the rate of each second; must be quick, the schedule goes on.
    """

    def __init__(self, sink: BatchSink, clock: Clock, tell: Callable[[SendRate], None]) -> None:
        self._sink = sink
        self._clock = clock
        self._rates = SendRates(tell)
        self._woken_ns = 0
        self._late_ns: list[Int64Array] = []
        self._last_due_ns = self._last_sent_ns = 0

    def publish(self, days: Sequence[RenderedDay]) -> PublishSummary:
        """Send every day, then wait until all is acknowledged.

        Parameters
        ----------
        days : sequence of RenderedDay
            In order, not empty; each with at least one message.

        Returns
        -------
        PublishSummary
            Of the whole run.

        Raises
        ------
        DeliveryError
            If messages were given up.
        """
        for day in days:
            self._publish_day(day)
        self._sink.flush()
        self._rates.end(self._clock.monotonic_ns())
        first_due_ns = min(place.due_ns[0] for place in days[0].places)
        late_us = np.concatenate(self._late_ns) // 1_000
        return summary_of(
            day_count=len(days),
            tick_count=len(late_us),
            counts=self._sink.counts,
            offsets=self._sink.offsets,
            scheduled_ns=self._last_due_ns - first_due_ns,
            elapsed_ns=max(self._last_sent_ns - first_due_ns, 1),
            slip=_slip(late_us),
        )

    def _publish_day(self, day: RenderedDay) -> None:
        due_ns = [np.array(place.due_ns, dtype=np.int64) for place in day.places]
        sent = [0] * len(day.places)
        while waiting := [
            int(due[at]) for due, at in zip(due_ns, sent, strict=True) if at < len(due)
        ]:
            now_ns = self._wait_until(min(waiting))
            for index, place in enumerate(day.places):
                first = sent[index]
                end = int(np.searchsorted(due_ns[index], now_ns, side="right"))
                end = min(end, first + BATCH_MAX)
                if end > first:
                    self._send(place, first, end, due_ns[index][first:end], now_ns)
                    sent[index] = end
        self._wait_until(day.mark_due_ns)
        self._sink.send_mark_everywhere(day.mark)

    def _send(
        self, place: RenderedPlace, first: int, end: int, due_ns: Int64Array, now_ns: int
    ) -> None:
        late_ns = now_ns - due_ns
        self._sink.send_batch(
            place.topic, place.partition, place.keys[first:end], place.values[first:end]
        )
        self._late_ns.append(late_ns)
        self._rates.add(late_ns.tolist(), now_ns)
        self._last_due_ns = max(self._last_due_ns, int(due_ns[-1]))
        self._last_sent_ns = now_ns

    def _wait_until(self, due_ns: int) -> int:
        now_ns = self._clock.monotonic_ns()
        while now_ns < due_ns:
            until_ns = max(due_ns, self._woken_ns + GATHER_NS)
            self._clock.sleep((until_ns - now_ns) / 1e9)
            now_ns = self._woken_ns = self._clock.monotonic_ns()
        return now_ns


def _slip(late_us: Int64Array) -> Slip:
    middle, slow = np.quantile(late_us, [0.5, 0.99], method="inverted_cdf")
    return Slip(
        ms_p50=float(middle) / 1e3, ms_p99=float(slow) / 1e3, ms_max=float(late_us.max()) / 1e3
    )
