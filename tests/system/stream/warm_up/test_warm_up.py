"""The warm-up: as long as batches become shorter, and within its bounds."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from system.clock import ManualClock
from system.contracts.topics import WARM_UP
from system.contracts.warm_up import WarmUpProgress
from system.stream.warm_up.warm_up import BATCH_BOUND, COMPARED, are_steady, warm_up

SLOW_MS = [400.0] * COMPARED


@pytest.mark.parametrize(
    ("cycles_ms", "steady"),
    [
        ([60.0] * (2 * COMPARED - 1), False),
        ([60.0] * (2 * COMPARED), True),
        ([*SLOW_MS, *[60.0] * COMPARED], False),
        ([*SLOW_MS, *[365.0] * COMPARED], True),
        ([*SLOW_MS, *[60.0] * 2 * COMPARED], True),
        ([*[60.0] * (2 * COMPARED - 3), 2_000.0, 2_000.0, 60.0], True),
        ([*[60.0] * COMPARED, *[90.0] * COMPARED], True),
    ],
)
def test_batches_are_steady_when_they_become_no_shorter(cycles_ms, steady) -> None:
    assert are_steady(cycles_ms) is steady


class FakeRun:
    """A query whose batches take what a function says, each time that the driver sleeps."""

    def __init__(self, batch_ms: Callable[[int], float]) -> None:
        self.clock = Sleeping(self)
        self.batch_ms = batch_ms
        self.is_active = True
        self.batches = 0
        self.waits_for_rows = False
        self.sent: list[str] = []
        self.told: list[WarmUpProgress] = []
        self.work: Callable[[Callable[[], None]], None] = lambda read: None

    def run(self, read: Callable[[], None]) -> None:
        """Work on a batch, as a rehearsal does."""
        read()
        self.batches += 1

    def started(self, work: Callable[[Callable[[], None]], None]) -> FakeRun:
        self.work = work
        return self

    def stop(self) -> None:
        self.is_active = False
        before = self.batches
        self.work(lambda: None)
        assert self.batches == before, "a batch after the end is empty"

    def send_bytes(self, topic, key, value) -> None:
        assert topic is WARM_UP
        self.sent.append(key.decode())

    def warm_up(self, *, seconds: float = 30.0, is_wanted=lambda: True) -> int:
        return warm_up(
            SimpleNamespace(started=self.started, waits_for_rows=self.waits_for_rows),
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
        self._run.work(lambda: super(Sleeping, self).sleep(self._run.batch_ms(self._run.batches)))


def at(milliseconds: Callable[[int], float]) -> FakeRun:
    return FakeRun(lambda number: milliseconds(number) / 1e3)


def test_a_fast_machine_is_warm_after_twice_the_batches_that_are_compared() -> None:
    run = at(lambda number: 60.0)
    assert run.warm_up() == 2 * COMPARED + 1
    assert not run.is_active


def test_a_machine_that_becomes_faster_goes_on_until_it_does_no_more() -> None:
    run = at(lambda number: max(60.0, 400.0 - 5 * number))
    assert 60 < run.warm_up() < 60 + 3 * COMPARED


def test_it_is_bounded_in_seconds_and_says_how_far_it_is() -> None:
    run = at(lambda number: 3_000.0)
    assert run.warm_up(seconds=30.0) == 11
    assert [progress.batches for progress in run.told] == list(range(11))
    assert run.told[-1].sentence() == "warming up: 10 batches, 3000 ms each, 30 s of at most 30"
    assert run.told[0].sentence() == "warming up: 0 batches, 0 s of at most 30"


def test_it_is_bounded_in_batches() -> None:
    run = at(lambda number: 1_000.0 * 0.98**number)
    assert run.warm_up(seconds=1e6) == BATCH_BOUND


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
