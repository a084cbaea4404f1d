"""The heartbeat: beats while numbers are current, and says *running* only once caught up."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from system.clock import ManualClock
from system.contracts.api import StreamState
from system.errors import UnavailableError
from system.stream.pulse import STUCK_AFTER_NS, Pulse

BOUND_S = 10.0


@dataclass
class World:
    """A driver as its pulse sees it, and the beats that came."""

    clock: ManualClock = field(default_factory=ManualClock)
    waits: bool = False
    caught_up: bool = False
    broker_answers: bool = True
    states: list[StreamState] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    beaten: threading.Event = field(default_factory=threading.Event)

    def beat(self, fence: int, epoch: int, *, monotonic_ns: int, state: StreamState) -> None:
        self.states.append(state)
        self.beaten.set()

    def ask_broker(self) -> None:
        self.asked.set()
        if not self.broker_answers:
            raise UnavailableError("no broker")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def pulse(world: World) -> Pulse:
    return Pulse(
        world,
        world.clock,
        fence=1,
        place=lambda: (7, 0, world.waits),
        ask_broker=world.ask_broker,
        caught_up=lambda: world.caught_up,
        on_fenced=world.failures.append,
    )


def test_it_is_warming_until_it_reads_and_has_caught_up(world: World, pulse: Pulse) -> None:
    pulse.beat()
    pulse.ready()
    pulse.beat()
    world.caught_up = True
    pulse.beat()
    assert world.states == [StreamState.WARMING, StreamState.WARMING, StreamState.RUNNING]


def test_once_running_it_is_not_warming_again(world: World, pulse: Pulse) -> None:
    world.caught_up = True
    pulse.ready()
    pulse.beat()
    world.caught_up = False
    pulse.beat()
    assert world.states == [StreamState.RUNNING] * 2


def test_it_does_not_beat_while_data_wait_and_no_batch_gets_done(
    world: World, pulse: Pulse
) -> None:
    world.waits = True
    world.clock.advance_ns(STUCK_AFTER_NS)
    pulse.beat()
    assert world.states == []
    world.waits = False
    pulse.beat()
    assert len(world.states) == 1


def test_it_does_not_beat_while_the_broker_does_not_answer(world: World, pulse: Pulse) -> None:
    world.broker_answers = False
    with pytest.raises(UnavailableError, match="no broker"):
        pulse.beat()
    assert world.states == []
    world.broker_answers = True
    pulse.beat()
    assert world.states == [StreamState.WARMING]


def test_a_broker_that_is_away_does_not_end_the_driver(world: World, pulse: Pulse) -> None:
    """The thread goes on asking, and beats as soon as there is an answer."""
    world.broker_answers = False
    pulse.start()
    try:
        assert world.asked.wait(BOUND_S)
        assert world.states == []
        world.broker_answers = True
        assert world.beaten.wait(BOUND_S)
    finally:
        pulse.stop()
    assert world.failures == []
