"""The pump: everything of a plan is sent on schedule, and it says so once a second."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from loadtests.source.load_generator import drawn_days, main, pump, read_pump_line
from loadtests.source.plan import load_plan, load_replay, scheduled_days, whole_shape
from loadtests.source.send_rate import SendRate
from loadtests.source.shapes import message_count
from system.bus.producer import SendCounts
from system.clock import ManualClock
from system.contracts.messages import Mark, Tick
from system.simulate.errors import SimulationError

PLAN = load_plan(
    rate=50, seconds=4, warm_up_seconds=2, instruments=3, portfolios=1, seconds_per_day=3
)


class KeepingSink:
    """Keeps what it is handed; every message costs its clock a little time."""

    def __init__(self, clock: ManualClock, cost_ns: int) -> None:
        self._clock = clock
        self._cost_ns = cost_ns
        self.taken: list = []
        self.offsets = {"market_data:0": 1}

    @property
    def counts(self) -> SendCounts:
        return SendCounts(len(self.taken), len(self.taken), 0)

    def prepare(self) -> None:
        self.taken.clear()

    def send(self, message) -> None:
        self._clock.advance_ns(self._cost_ns)
        self.taken.append(message)

    def send_mark_everywhere(self, mark) -> int:
        self.taken.append(mark)
        return 1

    def flush(self) -> None:
        self._clock.advance_ns(1)


def pumped(cost_ns: int):
    clock, pulses = ManualClock(monotonic_ns=10**12), []
    sink = KeepingSink(clock, cost_ns)
    return pump(PLAN, drawn_days(PLAN), sink, clock, pulses.append), sink.taken, pulses


def test_every_tick_of_the_plan_is_sent_with_the_moment_it_was_due():
    summary, taken, _ = pumped(cost_ns=1_000)
    ticks = [message for message in taken if isinstance(message, Tick)]
    assert summary.tick_count == len(ticks) >= message_count(whole_shape(PLAN))
    assert [tick.intended_monotonic_ns for tick in ticks] == sorted(
        tick.intended_monotonic_ns for tick in ticks
    )
    assert sum(isinstance(message, Mark) for message in taken) == summary.day_count == 2
    assert summary.on_schedule


def test_pulses_count_every_tick_once():
    summary, _, pulses = pumped(cost_ns=1_000)
    assert sum(pulse.sent for pulse in pulses) == summary.tick_count
    assert len(pulses) >= 5


@pytest.mark.parametrize("cost_ns", [1_000, 2_500_000, 40_000_000])
def test_slip_is_counted_tick_by_tick_in_whole_milliseconds(cost_ns):
    _, taken, pulses = pumped(cost_ns)
    late_ms = handed_over_late_ms(taken, cost_ns)
    counted = Counter()
    for pulse in pulses:
        assert sum(pulse.slip_counts.values()) == pulse.sent
        assert max(pulse.slip_counts) == int(pulse.slip_ms_max)
        counted.update(pulse.slip_counts)
    assert counted == Counter(int(late) for late in late_ms)


def handed_over_late_ms(taken, cost_ns: int) -> list[float]:
    """When a publisher is free at the end of the message before, or at the moment it waits for."""
    now_ns, late_ms = 0, []
    for message in taken:
        if isinstance(message, Tick):
            begun_ns = max(now_ns, message.intended_monotonic_ns)
            late_ms.append((begun_ns - message.intended_monotonic_ns) / 1e6)
            now_ns = begun_ns + cost_ns
    return late_ms


def test_a_sink_that_takes_too_long_shows_as_slip_and_not_as_fewer_ticks():
    summary, _, pulses = pumped(cost_ns=40_000_000)
    assert summary.tick_count >= message_count(whole_shape(PLAN))
    assert not summary.on_schedule
    assert pulses[-1].slip_ms_max > 1_000


def test_days_that_are_drawn_up_ahead_are_the_plans_own(monkeypatch):
    planned = [list(day.slots()) for day in scheduled_days(PLAN, load_replay(PLAN))]
    assert [list(day.slots()) for day in drawn_days(PLAN)] == planned
    monkeypatch.setattr("loadtests.source.load_generator.DRAWN_TICKS_MAX", 1)
    assert [list(day.slots()) for day in drawn_days(PLAN)] == planned


def test_lines_are_read_as_they_were_written():
    pulse = SendRate(at_ns=1, sent=2, slip_ms_p99=1.5, slip_ms_max=1.5, slip_counts={0: 1, 1: 1})
    assert read_pump_line(msgspec.json.encode(pulse)) == pulse


def test_a_line_of_something_else_is_refused():
    with pytest.raises(SimulationError, match="no line of a pump"):
        read_pump_line(b'{"event":"?"}')


def test_a_plan_that_cannot_be_read_is_named(tmp_path, capsys):
    path = tmp_path / "plan.json"
    path.write_text('{"rate": -1}')
    assert main([str(path), "--bootstrap", "nowhere:1"]) == 2
    assert "rate" in capsys.readouterr().err
