"""Open-loop sending: each message at its moment on an absolute schedule, none left out.

A message is handed over at or after its due time, never before; a stall does not shift the
schedule, what is overdue is sent at once. Every message carries the moment it was meant
for, so that latency counts the stall too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec
from hdrh.histogram import HdrHistogram

from system.bus.producer import SendCounts
from system.clock import Clock
from system.contracts.messages import Mark, Message
from system.simulate.progress import DaySent, PublishSummary, Slip, summary_of
from system.simulate.timeline import Planned

LEAD_NS: Final = 100_000_000
COALESCE_NS: Final = 2_000_000
MAX_SLIP_US: Final = 3_600_000_000
SLIP_DIGITS: Final = 3


class Day(Protocol):
    """Plan of one day: ``system.simulate.timeline.DayPlan``, or an edited one.

    Every message but the marks has the field ``intended_monotonic_ns``.
    """

    @property
    def date(self) -> dt.date:
        """The day."""
        ...

    @property
    def duration_ns(self) -> int:
        """Length on the schedule; 0 when it is not paced."""
        ...

    @property
    def tick_count(self) -> int:
        """Messages of the day, without marks."""
        ...

    def slots(self) -> Iterator[Planned]:
        """Yield every message with its due offset, in schedule order."""
        ...


class Outlet(Protocol):
    """Way to the topics, however messages are handed over."""

    @property
    def counts(self) -> SendCounts:
        """Counts of messages sent, acknowledged and given up so far."""
        ...

    @property
    def offsets(self) -> dict[str, int]:
        """The first offset after the last acknowledged record, by ``topic:partition``."""
        ...

    def prepare(self) -> None:
        """Get ready to send without delay."""
        ...

    def send_mark_everywhere(self, mark: Mark) -> int:
        """Take a mark, behind everything before; return how many were sent."""
        ...

    def flush(self) -> None:
        """Wait until everything is acknowledged."""
        ...


class Sink(Outlet, Protocol):
    """Receiver of messages: ``system.bus.producer.MessageProducer``, or a fake."""

    def send(self, message: Message) -> None:
        """Take one message; do not wait for the broker."""
        ...


def _slip_histogram() -> HdrHistogram:
    return HdrHistogram(1, MAX_SLIP_US, SLIP_DIGITS)


@dataclass
class _Run:
    """Tally of one run so far."""

    slip: HdrHistogram = field(default_factory=_slip_histogram)
    day_count: int = 0
    tick_count: int = 0
    first_due_ns: int = 0
    last_due_ns: int = 0
    last_sent_ns: int = 0
    paced: bool = False


class OpenLoopPublisher:
    """Sends the plans of days on one absolute schedule.

    Parameters
    ----------
    sink : Sink
        Where messages go.
    clock : Clock
        The schedule's clock; its monotonic time stands in the messages.
    coalesce_ns : int
        After waking, sleep at least this long: what falls due meanwhile is sent together.
        Bounds the wake-ups per second (CPU), and adds at most as much to the slip.
    """

    def __init__(self, sink: Sink, clock: Clock, *, coalesce_ns: int = COALESCE_NS) -> None:
        self._sink = sink
        self._clock = clock
        self._coalesce_ns = coalesce_ns
        self._woken_ns = 0

    def publish(
        self,
        plans: Iterable[Day],
        *,
        day_count: int,
        on_day: Callable[[DaySent], None] | None = None,
    ) -> PublishSummary:
        """Send every day of a replay, then wait until all is acknowledged.

        Parameters
        ----------
        plans : iterable of Day
            In order; the next one is drawn up while the current one is sent.
        day_count : int
            How many there are, for the reports.
        on_day : callable, optional
            Told of each day after its mark; must be quick, the schedule goes on.

        Returns
        -------
        PublishSummary
            Of the whole run.

        Raises
        ------
        DeliveryError
            If messages were given up.
        TopicMissingError, BusUnavailableError
            As ``MessageProducer.send``.
        SimulationError
            If a plan cannot be drawn up.
        """
        self._sink.prepare()
        run = _Run()
        day_starts_ns = 0
        for plan in planned_ahead(plans):
            day_starts_ns = day_starts_ns or self._clock.monotonic_ns() + LEAD_NS
            day_slip = self._publish_day(plan, day_starts_ns, run)
            run.slip.add(day_slip)
            # A day that is not paced ends whenever it has been sent: the next schedule starts then.
            day_starts_ns = day_starts_ns + plan.duration_ns if plan.duration_ns else 0
            if on_day is not None:
                on_day(_day_sent(plan, run.day_count, day_count, day_slip))
            run.day_count += 1
        self._sink.flush()
        return self._summary(run)

    def _publish_day(self, plan: Day, day_starts_ns: int, run: _Run) -> HdrHistogram:
        slip = _slip_histogram()
        run.paced = run.paced or plan.duration_ns > 0
        for planned in plan.slots():
            if plan.duration_ns:
                due_ns = day_starts_ns + planned.due_ns
                now_ns = self._wait_until(due_ns)
            else:
                due_ns = now_ns = self._clock.monotonic_ns()
            self._hand_over(planned, due_ns)
            if not isinstance(planned.message, Mark):
                slip.record_value(max((now_ns - due_ns) // 1_000, 1))
                _count(run, due_ns, now_ns)
        return slip

    def _hand_over(self, planned: Planned, due_ns: int) -> None:
        message = planned.message
        if isinstance(message, Mark):
            self._sink.send_mark_everywhere(message)
        else:
            self._sink.send(msgspec.structs.replace(message, intended_monotonic_ns=due_ns))

    def _wait_until(self, due_ns: int) -> int:
        now_ns = self._clock.monotonic_ns()
        while now_ns < due_ns:
            until_ns = max(due_ns, self._woken_ns + self._coalesce_ns)
            self._clock.sleep((until_ns - now_ns) / 1e9)
            now_ns = self._woken_ns = self._clock.monotonic_ns()
        return now_ns

    def _summary(self, run: _Run) -> PublishSummary:
        return summary_of(
            day_count=run.day_count,
            tick_count=run.tick_count,
            counts=self._sink.counts,
            offsets=self._sink.offsets,
            scheduled_ns=run.last_due_ns - run.first_due_ns if run.paced else None,
            elapsed_ns=max(run.last_sent_ns - run.first_due_ns, 1),
            slip=_slip(run.slip),
        )


def planned_ahead(plans: Iterable[Day]) -> Iterator[Day]:
    """Yield plans, drawing up the next one in a thread while the current one is used."""
    iterator = iter(plans)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="plan-ahead") as pool:
        ahead = pool.submit(next, iterator, None)
        while (plan := ahead.result()) is not None:
            ahead = pool.submit(next, iterator, None)
            yield plan


def _count(run: _Run, due_ns: int, now_ns: int) -> None:
    if not run.tick_count:
        run.first_due_ns = due_ns
    run.tick_count += 1
    run.last_due_ns, run.last_sent_ns = due_ns, now_ns


def _day_sent(plan: Day, index: int, day_count: int, slip: HdrHistogram) -> DaySent:
    return DaySent(
        date=plan.date,
        index=index,
        day_count=day_count,
        tick_count=plan.tick_count,
        slip=_slip(slip),
    )


def _slip(histogram: HdrHistogram) -> Slip:
    if not histogram.get_total_count():
        return Slip(ms_p50=0.0, ms_p99=0.0, ms_max=0.0)
    return Slip(
        ms_p50=histogram.get_value_at_percentile(50) / 1e3,
        ms_p99=histogram.get_value_at_percentile(99) / 1e3,
        ms_max=histogram.get_max_value() / 1e3,
    )
