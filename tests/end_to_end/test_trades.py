"""A trade, its amendment, its cancellation: VaR after each is that of reference and what-if."""

from __future__ import annotations

import asyncio
import datetime as dt

import httpx
import msgspec
import pytest

from system.bus.producer import MessageProducer
from system.client.async_client import AsyncRiskClient
from system.contracts.api.questions import ProposedTrade, WhatIf, WhatIfRequest
from system.contracts.api.risk import CurrentRisk
from system.contracts.messages import (
    Mark,
    OpeningPosition,
    Portfolio,
    RiskSnapshot,
    Trade,
    TradeAction,
)
from system.serve.app import app_over
from system.serve.services.bus_fake import MemoryBus
from system.serve.services.connections import Services
from system.serve.services.hub import SnapshotHub
from system.settings import Connections, Settings
from system.simulate.datasets import load_market
from system.simulate.replay import Replay, ReplaySpec, replayed_market
from system.store.postgres.history import RiskHistory
from system.store.redis.async_latest import LatestReader
from system.store.redis.latest import LatestStore
from validation.checkers.end_of_day import check_end_of_day
from validation.rules.expected_days import (
    ExpectedMarket,
    effective_trades,
    expected_end_of_day,
    positions_after,
)
from validation.run.read_back import (
    await_committed,
    expected_of,
    read_inputs,
    read_stated,
    real_closes,
)
from validation.verdict import Verdict

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

DAYS = (dt.date(2020, 4, 1), dt.date(2020, 4, 3))
LAST_CLOSE = dt.date(2020, 3, 31)
DRAIN_BOUND_S = 120.0
TOLERANCE = 1e-9
BOOK = Portfolio(
    portfolio="trader",
    base_currency="EUR",
    positions=(
        OpeningPosition(instrument="AAPL", quantity=1000.0, entry_price=60.0),
        OpeningPosition(instrument="XOM", quantity=-500.0, entry_price=40.0),
        OpeningPosition(instrument="SP500.FUT", quantity=-1.0, entry_price=2600.0),
        OpeningPosition(instrument="USD", quantity=10_000.0, entry_price=0.9),
    ),
)


def trade(trade_id: str, instrument: str, quantity: float, price: float, **other) -> Trade:
    return Trade(
        trade_id=trade_id,
        portfolio="trader",
        instrument=instrument,
        quantity=quantity,
        price=price,
        **other,
    )


BUY = trade("t-1", "MSFT", 300.0, 155.0)
AMENDED = msgspec.structs.replace(BUY, version=1, action=TradeAction.AMEND, quantity=450.0)
CANCELLED = msgspec.structs.replace(AMENDED, version=2, action=TradeAction.CANCEL)
OTHERS = (
    trade("t-2", "SP500.FUT", -1.0, 2585.0),
    trade("t-3", "USD", -4_000.0, 0.91),
    trade("t-4", "XOM", 500.0, 37.0),
)


def what_if(connections: Connections, *trades: Trade) -> WhatIf:
    """Ask the API, over the stores that the stream writes, before the trades are sent."""
    latest = LatestReader(connections.redis_url)
    services = Services(
        latest, RiskHistory(connections.database_url), MemoryBus(), SnapshotHub(latest), "token"
    )
    asked = [
        ProposedTrade(
            instrument=proposal.instrument,
            quantity=proposal.quantity,
            price=proposal.price,
        )
        for proposal in trades
    ]

    async def ask() -> WhatIf:
        transport = httpx.ASGITransport(app_over(services))
        async with AsyncRiskClient("http://127.0.0.1", "token", transport=transport) as client:
            answer = await client.what_if("trader", WhatIfRequest(trades=tuple(asked)))
        await latest.aclose()
        services.history.close()
        return answer

    return asyncio.run(ask())


def figures(risk: RiskSnapshot | CurrentRisk) -> tuple[object, ...]:
    """Return what is compared to the bit; the hash is over all inputs."""
    return risk.var, risk.expected_shortfall, risk.nav, risk.asset_classes, risk.inputs_hash


@pytest.fixture(scope="module")
def replay(stack_settings: Settings) -> Replay:
    """Three days of four instruments and the dollar."""
    market = replayed_market(
        load_market(stack_settings.wheels_dir),
        instruments=("AAPL", "XOM", "MSFT", "SP500.FUT"),
        currencies=("USD",),
    )
    return Replay(market, ReplaySpec(first_day=DAYS[0], last_day=DAYS[1], ticks_per_day=50))


@pytest.fixture(scope="module")
def market(replay: Replay, stack_settings: Settings) -> ExpectedMarket:
    """Market of the references: closes by the second reader."""
    closes = real_closes(stack_settings.wheels_dir)
    first = LAST_CLOSE - dt.timedelta(days=100)
    calendar = sorted(day for day in closes["AAPL"] if first <= day <= DAYS[1])
    instruments = {
        reference_message.instrument: reference_message
        for reference_message in replay.reference_messages()
        if hasattr(reference_message, "instrument")
    }
    return ExpectedMarket(closes, instruments, calendar)


@pytest.fixture(scope="module")
def opened(connections: Connections, replay: Replay, producer: MessageProducer) -> None:
    """The book is in the stream, before the first day."""
    for message in (*replay.reference_messages(), BOOK):
        producer.send(message)
    producer.flush()
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S)


@pytest.mark.parametrize(
    "count",
    range(1 + 3 + len(OTHERS)),
    ids=["none", "new", "amend", "cancel", "future", "fx", "close"],
)
def test_the_risk_after_each_trade_is_that_of_the_reference(
    count: int, connections: Connections, market: ExpectedMarket, producer: MessageProducer, opened
) -> None:
    sent = (BUY, AMENDED, CANCELLED, *OTHERS)[:count]
    foretold = what_if(connections, *(last for last in sent[-1:] if last.version == 0))
    if sent:
        producer.deliver(sent[-1])
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
    with LatestStore(connections.redis_url) as store:
        latest = store.latest("trader")
    assert latest is not None
    assert latest.snapshot.trade_ids == tuple(last.trade_id for last in sent[-1:])
    if not sent or sent[-1].version == 0:
        assert figures(latest.snapshot) == figures(foretold.after)
    held = positions_after(BOOK, effective_trades(sent), market.instruments)
    expected = expected_end_of_day(BOOK, held, market, LAST_CLOSE)
    for stated, exact in (
        (latest.snapshot.var, expected.var),
        (latest.snapshot.expected_shortfall, expected.expected_shortfall),
        (latest.snapshot.nav, expected.nav),
    ):
        assert stated == pytest.approx(float(exact), rel=TOLERANCE)


def test_every_close_after_the_trades_is_that_of_the_reference(
    connections: Connections,
    stack_settings: Settings,
    replay: Replay,
    producer: MessageProducer,
    opened: None,
) -> None:
    for plan in replay.day_plans():
        for planned in plan.slots():
            if isinstance(planned.message, Mark):
                producer.send_mark_everywhere(planned.message)
            else:
                producer.send(planned.message)
    producer.flush()
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
    closes = real_closes(stack_settings.wheels_dir)
    records = read_inputs(connections.kafka_bootstrap_servers)
    days = list(replay.days)
    expected = expected_of(records, closes, calendar=closes["AAPL"], days=days)
    stated = read_stated(connections.database_url).days
    finding = check_end_of_day("trades", stated, expected)
    assert (finding.verdict, len(stated)) == (Verdict.PASSED, len(days)), finding.detail
