import dataclasses
import datetime as dt

import pytest

from system.bus.producer import SendCounts
from system.clock import ManualClock
from system.contracts.messages import Mark
from system.simulate.errors import PathError
from system.simulate.publisher import COALESCE_NS, LEAD_NS, OpenLoopPublisher, planned_ahead
from system.simulate.replay import Replay, ReplaySpec
from system.simulate.synthetic import SyntheticSpec, synthetic_market, uniform_walks

MARKET = synthetic_market(SyntheticSpec(uniform_walks(3), dt.date(2021, 1, 1), 30))
MARK_PARTITIONS = 5
START_NS = 1_000_000_000_000


class FakeSink:
    """Keeps what it is handed and when; stalls once, when told to."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.taken: list[tuple[int, object]] = []
        self.offsets = {"market_data:0": 7}
        self.prepared_ns: int | None = None
        self.flushed_at: list[int] = []
        self.cost_ns = 0
        self.stall: tuple[int, int] | None = None

    @property
    def counts(self) -> SendCounts:
        marks = sum(isinstance(message, Mark) for _, message in self.taken)
        sent = len(self.taken) + marks * (MARK_PARTITIONS - 1)
        return SendCounts(sent=sent, acked=sent, failed=0)

    def prepare(self) -> None:
        self.clock.advance_ns(150_000_000)
        self.prepared_ns = self.clock.monotonic_ns()

    def send(self, message) -> None:
        self.taken.append((self.clock.monotonic_ns(), message))
        self.clock.advance_ns(self.cost_ns)
        if self.stall and len(self.taken) == self.stall[0]:
            self.clock.advance_ns(self.stall[1])

    def send_mark_everywhere(self, mark) -> int:
        self.send(mark)
        return MARK_PARTITIONS

    def flush(self) -> None:
        self.flushed_at.append(len(self.taken))


def publish(*, ticks=100, seconds=1.0, day_count=3, sink=None, clock=None):
    clock = clock or ManualClock(monotonic_ns=START_NS)
    sink = sink or FakeSink(clock)
    spec = ReplaySpec(MARKET.days[20], MARKET.days[19 + day_count], ticks, seconds_per_day=seconds)
    replay = Replay(MARKET, spec)
    days: list = []
    publisher = OpenLoopPublisher(sink, clock)
    summary = publisher.publish(replay.day_plans(), day_count=day_count, on_day=days.append)
    return summary, sink, days, replay


def ticks_of(sink):
    return [(at, message) for at, message in sink.taken if not isinstance(message, Mark)]


def test_a_paced_day_behind_one_that_is_not_begins_when_that_one_has_been_sent():
    spec = ReplaySpec(MARKET.days[20], MARKET.days[21], 100, seconds_per_day=1.0)
    first, second = Replay(MARKET, spec).day_plans()
    unpaced = dataclasses.replace(first, duration_ns=0)
    clock = ManualClock(monotonic_ns=START_NS)
    sink = FakeSink(clock)
    sink.cost_ns = 50_000_000
    OpenLoopPublisher(sink, clock).publish([unpaced, second], day_count=2)
    days = [at for at, _ in sink.taken]
    gone_ns = days[101] - days[100]
    assert gone_ns >= LEAD_NS, "nothing is overdue by what the first day took"


def test_everything_is_sent_in_the_order_of_the_plans():
    summary, sink, _, replay = publish()
    planned = [slot.message for plan in replay.day_plans() for slot in plan.slots()]
    sent = [
        message
        if isinstance(message, Mark)
        else type(message)(**{**_fields(message), "intended_monotonic_ns": 0})
        for _, message in sink.taken
    ]
    assert sent == planned
    assert summary.tick_count == 300
    assert summary.sent == 300 + 3 * MARK_PARTITIONS
    assert sink.flushed_at[-1] == len(planned)


def _fields(message):
    return {name: getattr(message, name) for name in message.__struct_fields__}


def test_nothing_is_sent_before_it_is_due_and_slip_stays_within_the_coalescing_time():
    summary, sink, _, _ = publish(ticks=5_000)
    slips = [at - message.intended_monotonic_ns for at, message in ticks_of(sink)]
    assert min(slips) >= 0
    assert max(slips) <= COALESCE_NS
    assert summary.slip.ms_max <= COALESCE_NS / 1e6 + 0.01
    assert summary.on_schedule


def test_the_schedule_starts_after_the_sink_is_ready_and_is_even_over_days():
    _, sink, _, replay = publish(ticks=100, seconds=1.0)
    intended = [message.intended_monotonic_ns for _, message in ticks_of(sink)]
    first_plan = next(iter(replay.day_plans()))
    assert intended[0] == sink.prepared_ns + LEAD_NS
    assert intended[100] - intended[0] == intended[200] - intended[100] == 1_000_000_000
    assert intended[1] - intended[0] == int(first_plan.due_ns[1])


def test_few_wake_ups_send_many_ticks():
    clock = ManualClock(monotonic_ns=START_NS)
    wakes = []
    sleep = clock.sleep
    clock.sleep = lambda seconds: (wakes.append(seconds), sleep(seconds))
    publish(ticks=20_000, day_count=1, clock=clock)
    assert len(wakes) <= 1e9 / COALESCE_NS + 2


def test_a_stall_leaves_nothing_out_and_counts_in_slip_and_not_in_the_schedule():
    clock = ManualClock(monotonic_ns=START_NS)
    sink = FakeSink(clock)
    sink.stall = (50, 300_000_000)
    summary, sink, days, _ = publish(sink=sink, clock=clock)
    assert summary.tick_count == 300
    assert summary.slip.ms_max == pytest.approx(290, abs=15)
    assert days[0].slip.ms_max == summary.slip.ms_max
    assert days[2].slip.ms_max <= COALESCE_NS / 1e6 + 0.01, "it caught up"
    assert not summary.on_schedule
    intended = [message.intended_monotonic_ns for _, message in ticks_of(sink)]
    assert intended[100] - intended[0] == 1_000_000_000


def test_a_sink_too_slow_for_the_schedule_shows_in_the_achieved_ratio():
    clock = ManualClock(monotonic_ns=START_NS)
    sink = FakeSink(clock)
    sink.cost_ns = 20_000_000
    summary, *_ = publish(sink=sink, clock=clock)
    assert summary.achieved_ratio == pytest.approx(0.5, abs=0.02)
    assert not summary.on_schedule


def test_days_that_are_not_paced_are_sent_at_once_and_intended_when_sent():
    summary, sink, _, _ = publish(seconds=None)
    assert all(at == message.intended_monotonic_ns for at, message in ticks_of(sink))
    assert summary.achieved_ratio is None
    assert summary.on_schedule


def test_each_day_is_reported_after_its_mark():
    clock = ManualClock(monotonic_ns=START_NS)
    sink = FakeSink(clock)
    _, _, days, replay = publish(sink=sink, clock=clock)
    assert [(day.date, day.index, day.day_count, day.tick_count) for day in days] == [
        (date, index, 3, 100) for index, date in enumerate(replay.days)
    ]


def test_plans_are_drawn_up_one_ahead_in_order():
    drawn: list[int] = []

    def plans():
        for number in range(5):
            drawn.append(number)
            yield number

    seen = []
    for number in planned_ahead(plans()):
        seen.append(number)
        assert len(drawn) <= number + 2
    assert seen == list(range(5))


def test_a_plan_that_cannot_be_drawn_up_stops_the_run_with_its_own_error():
    def plans():
        yield 1
        raise PathError("broken")

    ahead = planned_ahead(plans())
    assert next(ahead) == 1
    with pytest.raises(PathError, match="broken"):
        next(ahead)
