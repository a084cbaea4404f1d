"""Three spans of real history through Kafka, Spark and PostgreSQL equal the golden files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from system.bus.producer import MessageProducer
from system.clock import SystemClock
from system.runtime.registry import SERVERS
from system.runtime.stack import EmbeddedStack
from system.settings import Connections, Settings
from system.simulate.datasets import load_market
from system.simulate.publisher import OpenLoopPublisher
from system.simulate.replay import Replay, ReplaySpec, replayed_market
from validation.checkers.end_of_day import check_end_of_day
from validation.checkers.verdict import Verdict
from validation.closes import EQUITIES, read_closes, wheel_in
from validation.gathering import await_committed, read_stated
from validation.golden import ABSOLUTE_TOLERANCE, CASES, GoldenCase, golden_case

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(400)]

TICKS_PER_NAME_AND_DAY = 3
DRAIN_BOUND_S = 180.0


@pytest.fixture
def connections(stack_settings: Settings, name: str) -> Iterator[Connections]:
    """A pipeline per span: a stream goes forward in market time only."""
    state_dir = stack_settings.state_dir / name
    own = stack_settings.model_copy(update={"state_dir": state_dir})
    with EmbeddedStack(own, components=(*SERVERS, "stream")) as stack:
        yield stack.connections


@pytest.fixture
def producer(connections: Connections) -> Iterator[MessageProducer]:
    """A way into the topics of this span's pipeline."""
    with MessageProducer(connections.kafka_bootstrap_servers) as opened:
        yield opened


def send(case: GoldenCase, settings: Settings, producer: MessageProducer) -> None:
    names = tuple(position.instrument for position in case.portfolio.positions)
    spec = ReplaySpec(
        first_day=case.days[0],
        last_day=case.days[-1],
        ticks_per_day=TICKS_PER_NAME_AND_DAY * len(names),
    )
    replay = Replay(replayed_market(load_market(settings.wheels_dir), instruments=names), spec)
    for message in (*replay.reference_messages(), case.portfolio):
        producer.send(message)
    producer.flush()
    publisher = OpenLoopPublisher(producer, SystemClock())
    publisher.publish(replay.day_plans(), day_count=len(replay.days))


@pytest.mark.parametrize("name", CASES)
def test_every_day_in_postgresql_equals_the_golden_file(
    name: str, connections: Connections, stack_settings: Settings, producer: MessageProducer
) -> None:
    closes = read_closes(EQUITIES, wheel_in(stack_settings.wheels_dir, "skfolio"))
    case = golden_case(name, closes)
    send(case, stack_settings, producer)
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S), "the stream is behind"
    stated = read_stated(connections.database_url).days
    found = check_end_of_day(name, stated, case.expected, absolute=ABSOLUTE_TOLERANCE)
    assert (found.verdict, found.figures["days"]) == (Verdict.PASSED, len(case.days)), found.detail
    breaches = sum(bool(one.breach) for one in stated.values())
    assert breaches + case.breach_after_last == case.breach_count
