"""Rendered load: the plan's own messages, at their time, in batches by partition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest

from loadtests.source.load_generator import drawn_days
from loadtests.source.plan import load_plan
from loadtests.source.rendered import (
    BATCH_MAX,
    GATHER_NS,
    LEAD_NS,
    BatchSink,
    RenderedPublisher,
    render,
)
from loadtests.source.send_rate import SendRate
from system.bus.producer import SendCounts
from system.bus.routing import partition_of
from system.clock import ManualClock
from system.contracts.codec import decode
from system.contracts.messages import Mark, Message, Tick
from system.contracts.topics import MARKET_DATA, Topic

PLAN = load_plan(
    rate=50, seconds=4, warm_up_seconds=2, instruments=3, portfolios=1, seconds_per_day=3
)
COST_NS = 1_000


class KeepingSink(BatchSink):
    """Keeps batches; each costs its clock a little time."""

    def __init__(self, clock: ManualClock, cost_ns: int = COST_NS) -> None:
        self._clock = clock
        self._cost_ns = cost_ns
        self.batches: list[tuple[int, int, list[Message]]] = []
        self.taken: list[Message] = []

    @property
    def counts(self) -> SendCounts:
        return SendCounts(len(self.taken), len(self.taken), 0)

    @property
    def offsets(self) -> dict[str, int]:
        return {"market_data:0": 1}

    def prepare(self) -> None:
        self.taken.clear()

    def partition_count(self, topic: Topic) -> int:
        return 2

    def send_batch(
        self, topic: Topic, partition: int, keys: Sequence[bytes], values: Sequence[bytes]
    ) -> None:
        assert topic is MARKET_DATA
        assert {partition_of(key, 2) for key in keys} == {partition}
        messages = [decode(value, Tick) for value in values]
        self.batches.append((self._clock.monotonic_ns(), partition, messages))
        self.taken += messages
        self._clock.advance_ns(self._cost_ns)

    def send_mark_everywhere(self, mark: Mark) -> int:
        self.taken.append(mark)
        return 1

    def flush(self) -> None:
        self._clock.advance_ns(1)


def published(cost_ns: int = COST_NS):
    clock, pulses = ManualClock(monotonic_ns=10**12), []
    sink = KeepingSink(clock, cost_ns)
    summary = RenderedPublisher(sink, clock, pulses.append).publish(
        render(list(drawn_days(PLAN)), sink, clock)
    )
    return summary, sink, pulses


def without_moment(tick: Tick) -> Tick:
    return msgspec.structs.replace(tick, intended_monotonic_ns=0)


def test_every_message_of_the_plan_is_sent_once_and_each_series_in_its_order() -> None:
    summary, sink, _ = published()
    planned = [
        without_moment(slot.message)
        for day in drawn_days(PLAN)
        for slot in day.slots()
        if isinstance(slot.message, Tick)
    ]
    ticks = [message for message in sink.taken if isinstance(message, Tick)]
    for name in {tick.ticker for tick in planned}:
        sent = [without_moment(tick) for tick in ticks if tick.ticker == name]
        assert sent == [tick for tick in planned if tick.ticker == name]
    assert summary.tick_count == len(ticks) == len(planned)
    assert sum(isinstance(message, Mark) for message in sink.taken) == summary.day_count == 2
    assert summary.on_schedule


def test_a_tick_is_never_sent_before_its_time_and_soon_after() -> None:
    _, sink, _ = published()
    for at_ns, _, messages in sink.batches:
        for tick in messages:
            assert isinstance(tick, Tick)
            assert tick.intended_monotonic_ns is not None
            assert 0 <= at_ns - tick.intended_monotonic_ns <= GATHER_NS + 4 * COST_NS


def test_a_mark_comes_behind_all_ticks_of_its_day() -> None:
    _, sink, _ = published()
    days = [message.date for message in sink.taken if isinstance(message, Mark)]
    ends = [at for at, message in enumerate(sink.taken) if isinstance(message, Mark)]
    assert days == sorted(days)
    first, second = list(drawn_days(PLAN))
    assert ends[0] == first.tick_count
    assert ends[1] == first.tick_count + 1 + second.tick_count


def test_a_client_that_takes_too_long_shows_as_slip_and_not_as_fewer_ticks() -> None:
    summary, sink, pulses = published(cost_ns=2_000_000_000)
    assert summary.tick_count == sum(isinstance(message, Tick) for message in sink.taken)
    assert not summary.on_schedule
    assert pulses[-1].slip_ms_max > 1_000


@pytest.mark.parametrize("cost_ns", [COST_NS, 50_000_000])
def test_pulses_count_every_tick_once_and_by_whole_milliseconds(cost_ns: int) -> None:
    summary, sink, pulses = published(cost_ns)
    assert sum(pulse.sent for pulse in pulses) == summary.tick_count
    counted: Counter[int] = Counter()
    for pulse in pulses:
        assert isinstance(pulse, SendRate)
        counted.update(pulse.slip_counts)
    late_ms: Counter[int] = Counter()
    now_ns = 0
    for at_ns, _, messages in sink.batches:
        # Partitions that are due together are late by the moment of waking, not by each other.
        now_ns = at_ns
        for tick in messages:
            assert isinstance(tick, Tick)
            assert tick.intended_monotonic_ns is not None
            late_ms[(now_ns - tick.intended_monotonic_ns) // 1_000_000] += 1
    assert sum(late_ms.values()) == sum(counted.values())
    if cost_ns == COST_NS:
        assert counted == late_ms


def test_rendering_that_takes_longer_than_its_first_ticks_said_begins_again() -> None:
    clock = ManualClock(monotonic_ns=10**12)

    class SlowSink(KeepingSink):
        slow = True

        def partition_count(self, topic: Topic) -> int:
            asked.append(clock.monotonic_ns())
            if len(asked) > 1_000:  # the trial is over
                clock.advance_ns(LEAD_NS if self.slow else 0)
                self.slow = False
            return 2

    asked: list[int] = []
    days = list(drawn_days(PLAN))
    plain = render(days, KeepingSink(clock), clock)
    assert min(plain[0].places[0].due_ns) >= clock.monotonic_ns() + LEAD_NS
    asked += [0] * 1_000
    late = render(days, SlowSink(clock), clock)
    assert min(late[0].places[0].due_ns) > clock.monotonic_ns()


def test_a_batch_is_bounded() -> None:
    summary, sink, _ = published(cost_ns=1_000_000_000)
    assert summary.tick_count
    assert max(len(messages) for _, _, messages in sink.batches) <= BATCH_MAX
