"""The asynchronous client against the app itself, over fakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from system.book.state.rows import PortfolioState
from system.client.async_client import AsyncRiskClient
from system.client.call import SeriesQuestion
from system.client.errors import ApiRefusedError
from system.contracts.api.risk import AmendRequest, PortfolioImport, TradeAccepted
from system.contracts.codec import encode
from system.contracts.messages import (
    Instrument,
    Portfolio,
    Rejected,
    RejectReason,
    SnapshotKind,
    TradeAction,
)
from system.serve.app import app_over
from system.serve.services.bus_fake import MemoryBus
from system.serve.services.connections import Services
from system.serve.services.hub import SnapshotHub
from system.store.postgres.history_fake import MemoryHistory
from system.store.records import BatchCommit
from system.store.redis.latest_fake import MemoryLatest
from system.store.sample_snapshots import sample_snapshot
from tests.system.client.transports import TOKEN, TRADE


class Server:
    """The app over fakes that hold one portfolio's history."""

    def __init__(self) -> None:
        self.bus, history, latest = MemoryBus(), MemoryHistory(), MemoryLatest(now_ms=lambda: 0)
        reader = latest.reader()
        services = Services(reader, history, self.bus, SnapshotHub(reader), TOKEN)
        self.app = app_over(services)
        state = {
            "portfolio:alpha": PortfolioState(definition=Portfolio(portfolio="alpha")),
            "instrument:EQ000": Instrument(
                instrument="EQ000", asset_class="equity", currency="USD"
            ),
        }
        self.snapshots = [sample_snapshot(epoch=epoch) for epoch in range(5)]
        self.snapshots.append(sample_snapshot(epoch=9, kind=SnapshotKind.END_OF_DAY))
        rejected = Rejected(
            topic="trades", partition=0, offset=1, reason="late", detail="d", value="v"
        )
        rows = {key: encode(row) for key, row in state.items()}
        fence = history.acquire_fence()
        history.commit(BatchCommit(fence, 0, {}, rows, self.snapshots, [rejected]))
        latest.publish(self.snapshots, fence=fence, epoch=0, offsets={}, published_ns=1)

    def client(self, token: str = TOKEN) -> AsyncRiskClient:
        transport = httpx.ASGITransport(self.app)
        return AsyncRiskClient("http://localhost", token, transport=transport)


def ask(question: Callable[[AsyncRiskClient], Any], server: Server | None = None) -> Any:
    async def body() -> Any:
        async with (server or Server()).client() as client:
            return await question(client)

    return asyncio.run(body())


def test_every_question_has_its_typed_answer() -> None:
    server = Server()
    newest = server.snapshots[-1]

    async def everything(client: AsyncRiskClient) -> None:
        assert (await client.health()).version
        assert [p.portfolio for p in (await client.portfolios()).portfolios] == ["alpha"]
        assert (await client.current_var("alpha")).var == newest.var
        assert (await client.asset_class_var("alpha")).asset_classes == newest.asset_classes
        assert len((await client.attribution("alpha")).rows) == len(newest.positions)
        assert (await client.positions("alpha")).positions == newest.positions
        assert await client.snapshot(newest.snapshot_id) == newest
        assert (await client.rejected(RejectReason.LATE)).counts == {"late": 1}

    ask(everything, server)


def test_a_series_is_read_through_all_its_pages() -> None:
    server = Server()

    async def series(client: AsyncRiskClient) -> list[str]:
        question = SeriesQuestion(page_rows=2, components=True, newest_first=True)
        return [point.snapshot_id async for point in client.series("alpha", question)]

    wanted = [snapshot.snapshot_id for snapshot in server.snapshots]
    assert ask(series, server) == wanted[::-1]


def test_trades_and_books_are_sent() -> None:
    server = Server()

    async def trade(client: AsyncRiskClient) -> list[TradeAccepted]:
        sent = await client.send_trade(TRADE)
        amendment = AmendRequest(quantity=-1.0, price=3.0)
        return [
            sent,
            await client.amend_trade(sent.trade_id, amendment),
            await client.cancel_trade(sent.trade_id, version=2),
        ]

    told = ask(trade, server)
    assert [trade.action for trade in told] == list(TradeAction)
    assert [message.version for message in server.bus.sent] == [0, 1, 2]
    book = PortfolioImport(portfolio=Portfolio(portfolio="mine"))
    assert ask(lambda client: client.import_portfolio(book)).portfolio == "mine"


def test_a_refusal_carries_the_api_s_problem() -> None:
    with pytest.raises(ApiRefusedError, match="no portfolio 'gamma'; known: alpha") as caught:
        ask(lambda client: client.current_var("gamma"))
    assert caught.value.problem.known == ("alpha",)


def test_names_are_quoted_into_the_path() -> None:
    with pytest.raises(ApiRefusedError, match=r"no portfolio 'a/../b\?c'"):
        ask(lambda client: client.positions("a/../b?c"))


def test_a_wrong_token_is_refused_and_never_shown() -> None:
    async def body() -> None:
        async with Server().client("s3cret") as client:
            assert "s3cret" not in repr(client)
            await client.portfolios()

    with pytest.raises(ApiRefusedError, match="401") as caught:
        asyncio.run(body())
    assert "s3cret" not in str(caught.value)
