"""A limit crossed by a trade: raised, kept over a restart, acknowledged, pushed, left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import httpx
import msgspec
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from system.bus.producer import MessageProducer
from system.client.sync_client import RiskClient
from system.contracts.api.risk import LIMIT_EVENT, TradeRequest
from system.contracts.limits import (
    Acknowledgement,
    Limit,
    LimitLevel,
    LimitMeasure,
    LimitStatus,
    TrailKind,
    TrailRow,
)
from system.contracts.messages import OpeningPosition, Portfolio
from system.runtime.running import RunningStack
from system.settings import Connections, Settings
from system.simulate.datasets import load_market
from system.simulate.replay import Replay, ReplaySpec, replayed_market
from tests.end_to_end.test_trades import DAYS, DRAIN_BOUND_S
from validation.run.read_back import await_committed

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.timeout(300),
    pytest.mark.pipeline("api", own_driver=True),
]

BOUND_S = 30.0
CLOSE = 63.5  # roughly AAPL's of 2020-03-31; trades at it change no P&L to speak of
BOOK = Portfolio(
    portfolio="limited",
    positions=(
        OpeningPosition(instrument="AAPL", quantity=1_000.0, entry_price=CLOSE),
        OpeningPosition(instrument="cash:USD", quantity=100_000.0, entry_price=1.0),
    ),
    limits=(Limit(measure=LimitMeasure.GROSS, warning=0.45, breach=0.6),),
)
SEEN = Acknowledgement(actor="R. Officer", note="hedged tomorrow")


@pytest.fixture(scope="module")
def client(
    connections: Connections, stack_settings: Settings, producer: MessageProducer
) -> Iterator[RiskClient]:
    """The API, once the book is valued at the last closes."""
    market = replayed_market(
        load_market(stack_settings.wheels_dir), instruments=("AAPL",), currencies=("USD",)
    )
    replay = Replay(market, ReplaySpec(first_day=DAYS[0], last_day=DAYS[1], ticks_per_day=1))
    for message in (*replay.reference_messages(), BOOK):
        producer.send(message)
    producer.flush()
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
    with RiskClient(connections.api_url, connections.api_token) as opened:
        yield opened


@pytest.fixture
def pushed(connections: Connections) -> Iterator[list[TrailRow]]:
    """Acknowledgements, as a client of the push stream hears of them."""
    found: list[TrailRow] = []
    listening = threading.Event()
    ended = threading.Event()

    def listen() -> None:
        headers = {"Authorization": f"Bearer {connections.api_token}"}
        url = f"{connections.api_url}/v1/stream?portfolio=limited&compact=true"
        with httpx.stream("GET", url, headers=headers, timeout=BOUND_S) as stream:
            event = ""
            for line in stream.iter_lines():
                listening.set()
                if ended.is_set():
                    return
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: ") and event == LIMIT_EVENT:
                    found.append(msgspec.json.decode(line.removeprefix("data: "), type=TrailRow))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert listening.wait(BOUND_S)
    yield found
    ended.set()  # the next heartbeat ends it
    thread.join(BOUND_S)


def eventually(condition: Callable[[], bool]) -> None:
    again = retry_if_result(lambda met: not met)
    Retrying(retry=again, stop=stop_after_delay(BOUND_S), wait=wait_fixed(0.05))(condition)


def gross(client: RiskClient) -> LimitStatus:
    (found,) = (
        limit
        for limit in client.limits("limited").limits
        if limit.use.measure is LimitMeasure.GROSS
    )
    return found


def traded(client: RiskClient, connections: Connections, quantity: float) -> LimitStatus:
    client.send_trade(
        TradeRequest(portfolio="limited", instrument="AAPL", quantity=quantity, price=CLOSE)
    )
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
    return gross(client)


def trail(client: RiskClient) -> list[tuple[TrailKind, LimitLevel, str]]:
    rows = client.limit_events("limited", limit=100).rows
    return [(row.kind, row.after, row.actor) for row in rows if row.measure is LimitMeasure.GROSS]


def test_a_limit_is_raised_pushed_acknowledged_and_left(
    client: RiskClient,
    connections: Connections,
    stack_settings: Settings,
    pushed: list[TrailRow],
) -> None:
    assert gross(client).use.level is LimitLevel.OK
    crossed = traded(client, connections, 1_000.0)
    assert (crossed.use.raised, crossed.acknowledged) == (LimitLevel.BREACH, False)
    raised = crossed.raised_by
    assert raised is not None

    RunningStack(stack_settings).restart("stream")
    standing = traded(client, connections, 1.0)
    assert standing.use.raised is LimitLevel.BREACH
    assert standing.raised_by == raised, "a new driver does not raise it again"

    said = client.acknowledge_limit("limited", LimitMeasure.GROSS, SEEN)
    assert said.acknowledges == raised.event_id
    assert client.acknowledge_limit("limited", LimitMeasure.GROSS, SEEN) == said
    eventually(lambda: pushed == [said])
    assert gross(client).acknowledged is True

    left = traded(client, connections, -1_501.0)
    assert (left.use.raised, left.acknowledged) == (LimitLevel.OK, None)
    assert trail(client) == [
        (TrailKind.LEVEL, LimitLevel.OK, ""),
        (TrailKind.ACKNOWLEDGED, LimitLevel.BREACH, SEEN.actor),
        (TrailKind.LEVEL, LimitLevel.BREACH, ""),
    ]
