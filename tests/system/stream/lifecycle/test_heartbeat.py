"""The heartbeat: beats while numbers are current, and says *running* only once caught up."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from system.clock import ManualClock
from system.contracts.api.risk import StreamState
from system.errors import UnavailableError
from system.stream.lifecycle.heartbeat import STUCK_AFTER_NS, Progress, Pulse

BOUND_S = 10.0
LAG_BOUND_NS = 5_000_000_000
PORTFOLIOS = 3


@dataclass
class World:
    """A driver as its pulse sees it, and the beats that came."""

    clock: ManualClock = field(default_factory=ManualClock)
    waits: bool = False
    caught_up: bool = False
    broker_answers: bool = True
    end: int = 0
    covered: int = 0
    redis_is_whole: bool = True
    emptied_count: int = 0
    states: list[StreamState] = field(default_factory=list)
    ages_ms: list[int] = field(default_factory=list)
    answer_takes_ns: int = 0
    failures: list[Exception] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    beaten: threading.Event = field(default_factory=threading.Event)

    def clock_ms(self) -> int:
        return self.clock.monotonic_ns() // 1_000_000

    def beat(
        self,
        fence: int,
        epoch: int,
        *,
        monotonic_ns: int,
        state: StreamState,
        portfolio_count: int = 0,
        observed_ms: int | None = None,
    ) -> bool:
        assert portfolio_count == PORTFOLIOS
        assert observed_ms is not None
        self.ages_ms.append(self.clock_ms() - observed_ms)
        self.states.append(state)
        self.beaten.set()
        return self.redis_is_whole

    def ask_broker(self) -> dict[str, int]:
        self.asked.set()
        self.clock.advance_ns(self.answer_takes_ns)
        if not self.broker_answers:
            raise UnavailableError("no broker")
        return {"market_data:0": self.end}

    def note_emptied(self) -> None:
        self.emptied_count += 1


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def pulse(world: World) -> Pulse:
    return Pulse(
        world,
        world.clock,
        fence=1,
        progress=Progress(
            place=lambda: (7, 0, world.waits),
            covered=lambda: {"market_data:0": world.covered},
            caught_up=lambda: world.caught_up,
            portfolio_count=lambda: PORTFOLIOS,
        ),
        ask_broker=world.ask_broker,
        lag_bound_ns=LAG_BOUND_NS,
        on_emptied=world.note_emptied,
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
    pulse.ready()
    world.waits = True
    world.clock.advance_ns(STUCK_AFTER_NS)
    pulse.beat()
    assert world.states == []
    world.waits = False
    pulse.beat()
    assert len(world.states) == 1


def test_it_says_warming_while_data_wait_for_tasks_that_start(world: World, pulse: Pulse) -> None:
    world.waits = True
    world.clock.advance_ns(10 * STUCK_AFTER_NS)
    pulse.beat()
    pulse.ready()
    pulse.beat()
    assert world.states == [StreamState.WARMING] * 2, "no batch could be done before it was ready"
    world.clock.advance_ns(STUCK_AFTER_NS)
    pulse.beat()
    assert len(world.states) == 2


def test_a_beat_states_how_old_its_state_is(world: World, pulse: Pulse) -> None:
    """Redis drops it where it stood still meanwhile: the time is from before the question."""
    world.answer_takes_ns = 700_000_000
    pulse.beat()
    assert world.ages_ms == [700]


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


def test_running_is_taken_back_while_an_old_message_waits(world: World, pulse: Pulse) -> None:
    """Batches get done all the time: it is the oldest message that counts."""
    world.caught_up = True
    pulse.ready()
    world.end = 10
    pulse.beat()
    world.clock.advance_ns(LAG_BOUND_NS)
    pulse.beat()
    world.clock.advance_ns(1)
    world.end, world.covered = 1_000, 9
    pulse.beat()
    world.covered = 10
    pulse.beat()
    assert world.states == [
        StreamState.RUNNING,
        StreamState.RUNNING,
        StreamState.LAGGING,
        StreamState.RUNNING,
    ]


def test_it_is_not_running_beside_what_came_while_the_broker_did_not_answer(
    world: World, pulse: Pulse
) -> None:
    world.caught_up = True
    pulse.ready()
    pulse.beat()
    world.broker_answers = False
    with suppress(UnavailableError):
        pulse.beat()
    world.clock.advance_ns(LAG_BOUND_NS + 1)
    world.broker_answers, world.end = True, 1
    pulse.beat()
    world.covered = 1
    pulse.beat()
    assert world.states == [StreamState.RUNNING, StreamState.LAGGING, StreamState.RUNNING]


def test_ages_count_also_while_it_does_not_beat(world: World, pulse: Pulse) -> None:
    world.caught_up = True
    pulse.ready()
    world.end, world.waits = 1, True
    world.clock.advance_ns(STUCK_AFTER_NS)
    pulse.beat()
    world.clock.advance_ns(LAG_BOUND_NS + 1)
    world.waits = False
    pulse.beat()
    assert world.states == [StreamState.LAGGING]


def test_it_is_warming_and_not_lagging_before_it_has_caught_up(world: World, pulse: Pulse) -> None:
    pulse.ready()
    world.end = 1
    pulse.beat()
    world.clock.advance_ns(LAG_BOUND_NS + 1)
    pulse.beat()
    assert world.states == [StreamState.WARMING] * 2


def test_an_emptied_redis_is_noticed_on_a_quiet_market(world: World, pulse: Pulse) -> None:
    pulse.beat()
    assert world.emptied_count == 0
    world.redis_is_whole = False
    pulse.beat()
    assert world.emptied_count == 1
