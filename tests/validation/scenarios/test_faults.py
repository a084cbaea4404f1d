"""Faults one after the other: what waits, what is told meanwhile, what never came."""

from __future__ import annotations

import threading

import pytest

from system.contracts.replay import ReplayFault
from system.settings import Connections
from validation.scenarios.faults import FaultInjector
from validation.scenarios.format import Cut, Kill

BOUND_S = 5.0
FAULTS = (Kill(day=1, what="kafka"), Cut(day=1, what="redis"), Kill(day=2, what="api"))


class Held(FaultInjector):
    """Bites when it is let; recovers at once."""

    def __init__(self, folder) -> None:
        super().__init__(
            None, Connections({}, folder), FAULTS, rig=None, state_dir=folder, log=folder / "log"
        )
        self.order: list[str] = []
        self.let = threading.Event()

    def _bite(self, fault):
        self.order.append(fault.what)
        return self.let.wait(BOUND_S), "seen"

    def _recovered_ns(self, deadline_ns):
        return deadline_ns


@pytest.fixture
def injector(tmp_path) -> Held:
    return Held(tmp_path)


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
    assert [one.bit for one in outcomes] == [True, True, False]
    assert outcomes[2].witness == "its moment never came"
    assert [one.is_over for one in injector.begun()] == [True, True]
