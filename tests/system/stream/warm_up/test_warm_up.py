"""The warm-up: as long as batches become shorter, and within its bounds."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pyarrow as pa
import pytest

from system.clock import ManualClock
from system.contracts.topics import WARM_UP
from system.contracts.warm_up import WarmUpProgress
from system.stream.warm_up.warm_up import COMPARED_BATCHES, COMPARED_NS, Delay, are_steady, warm_up

EVERY_MS = 50.0
WINDOW = round(COMPARED_NS / 1e6 / EVERY_MS)
SLOW_MS = [400.0] * WINDOW


@pytest.mark.parametrize(
    ("delays_ms", "steady"),
    [
        ([], False),
        ([60.0] * (2 * WINDOW), False),
        ([60.0] * (2 * WINDOW + 1), True),
        ([*SLOW_MS, *[60.0] * (WINDOW + 1)], False),
        ([*SLOW_MS, *[365.0] * (WINDOW + 1)], True),
        ([*SLOW_MS, *[60.0] * (2 * WINDOW + 1)], True),
        ([*[60.0] * (2 * WINDOW - 1), 2_000.0, 60.0], True),
        ([*[60.0] * (WINDOW + 1), *[90.0] * WINDOW], True),
        # Only the slow ones still become faster: something is being compiled.
        ([*[60.0, 60.0, 60.0, 900.0] * (WINDOW // 4 + 1), *[60.0] * (WINDOW + 1)], False),
    ],
)
def test_delays_are_steady_when_they_become_no_shorter(delays_ms, steady) -> None:
    every_ns = round(EVERY_MS * 1e6)
    delays = [Delay((number + 1) * every_ns, each) for number, each in enumerate(delays_ms)]
    assert are_steady(delays) is steady


def test_few_slow_batches_say_nothing() -> None:
    second_ns = 1_000_000_000
    few = [Delay(number * second_ns, 900.0) for number in range(2 * COMPARED_BATCHES)]
    assert not are_steady(few)
    assert are_steady([*few, Delay(2 * COMPARED_BATCHES * second_ns, 900.0)])


def test_a_long_silence_is_not_a_window_of_its_own() -> None:
    after = [Delay(10 * COMPARED_NS + number, 60.0) for number in range(2 * COMPARED_BATCHES)]
    assert not are_steady([Delay(1, 60.0), *after])


class FakeRun:
    """A query with a batch of all that was sent, each time that the driver sleeps."""

    def __init__(self, batch_s: Callable[[int], float]) -> None:
        self.clock = Sleeping(self)
        self.batch_s = batch_s
        self.is_active = True
        self.batches = 0
        self.read_count = 0
        self.sent: list[str] = []
        self.told: list[WarmUpProgress] = []
        self.work: Callable[[Callable[[], pa.Table]], None] = lambda read: None

    def batch(self, seconds: float) -> None:
        """Run a batch that takes so long."""

        def read() -> pa.Table:
            self.clock.advance_ns(round(seconds * 1e9))
            count, self.read_count = len(self.sent) - self.read_count, len(self.sent)
            return pa.table({"value": [b""] * count})

        self.work(read)

    def run(self, read: Callable[[], pa.Table]) -> None:
        """Work on a batch, as a rehearsal does."""
        read()
        self.batches += 1

    def started(self, work: Callable[[Callable[[], pa.Table]], None]) -> FakeRun:
        self.work = work
        return self

    def stop(self) -> None:
        self.is_active = False
        before = self.batches
        self.batch(0.0)
        assert self.batches == before, "a batch after the end is empty"

    def send_bytes(self, topic, key, value) -> None:
        assert topic is WARM_UP
        self.sent.append(key.decode())

    def warm_up(self, *, seconds: float = 30.0, is_wanted=lambda: True) -> int:
        return warm_up(
            SimpleNamespace(started=self.started),
            SimpleNamespace(run=self.run),
            SimpleNamespace(send_bytes=self.send_bytes),
            clock=self.clock,
            seconds=seconds,
            tell=self.told.append,
            is_wanted=is_wanted,
        )


class Sleeping(ManualClock):
    """A clock of which each sleep is the time of one batch."""

    def __init__(self, run: FakeRun) -> None:
        super().__init__()
        self._run = run

    def sleep(self, seconds: float) -> None:
        self._run.batch(self._run.batch_s(self._run.batches))


def at(milliseconds: Callable[[int], float]) -> FakeRun:
    return FakeRun(lambda number: milliseconds(number) / 1e3)


def test_a_fast_machine_is_warm_after_twice_the_time_that_is_compared() -> None:
    run = at(lambda number: EVERY_MS)
    assert run.warm_up() == 2 * WINDOW + 1
    assert not run.is_active


def test_a_machine_that_becomes_faster_goes_on_until_it_does_no_more() -> None:
    run = at(lambda number: max(60.0, 400.0 - 5 * number))
    assert 68 < run.warm_up() < 68 + 2 * WINDOW


def test_a_round_that_two_batches_share_is_through_with_the_second() -> None:
    run = at(lambda number: EVERY_MS)
    halves = iter([25, 25])

    def read_half() -> pa.Table:
        run.clock.advance_ns(1_000_000_000)
        return pa.table({"value": [b""] * next(halves)})

    run.batch = lambda seconds: run.work(read_half) if run.is_active else None
    run.warm_up(is_wanted=lambda: run.batches < 2)
    assert [round(each.delay_ms) for each in run.told] == [0, 0, 2_000]


def test_it_is_bounded_in_seconds_and_says_how_far_it_is() -> None:
    run = at(lambda number: 3_000.0)
    assert run.warm_up(seconds=30.0) == 11
    assert [progress.batches for progress in run.told] == list(range(11))
    assert run.told[-1].sentence() == (
        "warming up: 10 batches, 3000 ms from tick to VaR, 30 s of at most 30"
    )
    assert run.told[0].sentence() == "warming up: 0 batches, 0 s of at most 30"


def test_it_ends_when_it_is_not_wanted_any_more() -> None:
    run = at(lambda number: 1_000.0)
    assert run.warm_up(is_wanted=lambda: run.batches < 3) == 3


def test_it_ends_with_a_query_that_failed() -> None:
    run = at(lambda number: 60.0)

    def fail() -> bool:
        run.is_active = False
        return True

    assert run.warm_up(is_wanted=fail) <= 1


def test_a_mistake_in_it_stops_its_query() -> None:
    run = at(lambda number: 60.0)
    run.send_bytes = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        run.warm_up()
    assert not run.is_active
