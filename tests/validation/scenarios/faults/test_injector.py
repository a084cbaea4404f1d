"""Faults one after the other: the order, the status meanwhile, and a fault that never came."""

from __future__ import annotations

import threading

import pytest

from system.clock import SystemClock
from system.contracts.replay import ReplayFault
from validation.scenarios.faults.injector import FaultInjector
from validation.scenarios.faults.recovery import Look
from validation.scenarios.file.fault_tables import Cut, Kill

BOUND_S = 5.0
FAULTS = (Kill(day=1, what="kafka"), Cut(day=1, what="redis"), Kill(day=2, what="api"))


class FastClock(SystemClock):
    """A hundred times as fast as it should be."""

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() * 100

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / 100)


class Running:
    """Looks at a stream that always runs: one for each second until now."""

    def __init__(self, clock: FastClock) -> None:
        self._clock = clock
        self._from_ns = clock.monotonic_ns()

    def __iter__(self):
        for at_ns in range(self._from_ns, self._clock.monotonic_ns(), 10**9):
            yield Look(at_ns=at_ns, state="running", covered={}, ends={})


class Held(FaultInjector):
    """Makes a fault when it is let."""

    def __init__(self, *, shares_hold: bool = True) -> None:
        clock = FastClock()
        super().__init__(
            self,
            Running(clock),
            FAULTS,
            shares_hold=shares_hold,
            clock=clock,
        )
        self.order: list[str] = []
        self.let = threading.Event()

    def make(self, fault):
        self.order.append(fault.what)
        return self.let.wait(BOUND_S), "seen"


@pytest.fixture
def injector() -> Held:
    return Held()


def test_a_fault_waits_for_the_one_before_it_and_the_source_with_it(injector):
    gone_on = [threading.Event(), threading.Event()]
    for index, event in enumerate(gone_on):
        injector.begin(index, event.set)
    assert gone_on[0].wait(BOUND_S)
    assert not gone_on[1].is_set()
    assert injector.begun() == (ReplayFault(do="kill", what="kafka", is_over=False),)
    injector.let.set()
    assert gone_on[1].wait(BOUND_S)
    outcomes = injector.outcomes()
    assert injector.order == ["kafka", "redis"]
    assert [outcome.bit for outcome in outcomes] == [True, True, False]
    assert outcomes[2].witness == "its moment never came"
    assert [fault.is_over for fault in injector.begun()] == [True, True]
    assert [outcome.recovered_s for outcome in outcomes] == [None, None, None], (
        "nothing held for 30 s"
    )


def test_recoveries_that_share_their_time_hold_behind_the_last_fault(injector):
    injector.let.set()
    for index in range(3):
        injector.begin(index)
    outcomes = injector.outcomes()
    assert outcomes[2].began_ns - outcomes[0].began_ns < 20 * 10**9
    assert all(each.recovered_s is not None and each.held_s >= 30 for each in outcomes)


def test_a_recovery_of_its_own_is_held_before_the_next_fault_begins():
    injector = Held(shares_hold=False)
    injector.let.set()
    injector.begin(0)
    injector.begin(1)
    first, second, _ = injector.outcomes()
    assert second.began_ns - first.ended_ns >= 30 * 10**9
    assert first.held_s >= 30
