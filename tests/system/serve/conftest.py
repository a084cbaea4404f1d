"""An API over fakes: no server, no network."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from system.book.state.rows import PortfolioState, TradeState
from system.clock import ManualClock
from system.contracts.codec import encode
from system.contracts.messages import Instrument, Portfolio, RiskSnapshot, Trade
from system.serve.app import app_over
from system.serve.services.bus_fake import MemoryBus
from system.serve.services.connections import Services
from system.serve.services.hub import SnapshotHub
from system.store.postgres.history_fake import MemoryHistory
from system.store.records import BatchCommit
from system.store.redis.latest_fake import MemoryLatest
from tests.system.book.feed import holding, opened, tick
from tests.system.book.state.test_stressed import CRISIS
from tests.system.book.valuation.test_options import optioned as optioned_feed
from tests.system.serve.streamed import PRICED, RATES, Streamed

TOKEN = "the-token"  # noqa: S105 - of the fake
WALL_NS = 1_800_000_000_000_000_000
"""The wall clock of a world: years after what its streams replay."""


class Client:
    """Asks an app in this process, one request after the other."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        self.app = app
        # Bodies are passed on to clients as they are, with their headers.
        self.headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "identity"}
        self._runner = runner

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.request("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.request("POST", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.request("PUT", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.request("DELETE", path, **kwargs)

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                sent = {**self.headers, **(headers or {})}
                return await client.request(method, path, headers=sent, **kwargs)

        return self._runner.run(ask())


@dataclass
class World:
    """API of a test, with the fakes that it reads from."""

    client: Client
    latest: MemoryLatest
    history: MemoryHistory
    bus: MemoryBus
    now_ms: list[int]
    clock: ManualClock
    fence: int = 0
    epoch: int = -1

    def publish(self, *snapshots: RiskSnapshot, durable: bool = True) -> None:
        """Let the stream make a batch of snapshots."""
        self.epoch += 1
        batch = (self.fence, self.epoch)
        offsets = {"trades:0": self.epoch}
        self.latest.publish(
            snapshots, fence=self.fence, epoch=self.epoch, offsets=offsets, published_ns=1
        )
        if durable:
            self.history.commit(BatchCommit(*batch, offsets, snapshots=snapshots))
            self.latest.mark_durable(*batch)

    def know(self, **state: msgspec.Struct) -> None:
        """Let the stream's state hold rows: ``portfolio__a=...`` is the key ``portfolio:a``."""
        self.epoch += 1
        rows = {key.replace("__", ":", 1): encode(value) for key, value in state.items()}
        self.history.commit(BatchCommit(self.fence, self.epoch, {}, rows))

    def book(self, trade: Trade) -> None:
        """Let the stream's state hold a trade."""
        self.know(**{f"trade__{trade.trade_id}": TradeState(trade=trade, rank=0)})


@contextlib.contextmanager
def opened_world() -> Iterator[World]:
    """Yield an API over empty fakes."""
    now_ms = [0]
    latest, history, bus = MemoryLatest(now_ms=lambda: now_ms[0]), MemoryHistory(), MemoryBus()
    reader = latest.reader()
    clock = ManualClock(wall_ns=WALL_NS)
    services = Services(reader, history, bus, SnapshotHub(reader), TOKEN, clock=clock)
    with asyncio.Runner() as runner:
        client = Client(app_over(services), runner)
        yield World(client, latest, history, bus, now_ms, clock, fence=history.acquire_fence())


@pytest.fixture
def world() -> Iterator[World]:
    with opened_world() as opened:
        yield opened


@pytest.fixture
def trading(world: World) -> World:
    """A world in which portfolio ``alpha`` may trade ``EQ000``."""
    world.know(
        portfolio__alpha=PortfolioState(definition=Portfolio(portfolio="alpha")),
        instrument__EQ000=Instrument(instrument="EQ000", asset_class="equity", currency="USD"),
    )
    return world


@pytest.fixture
def streamed(world: Any) -> Streamed:
    feed = opened(holding("A", 10.0), holding("D", -1.0), holding("cash:USD", 500_000.0))
    started = Streamed(world, feed)
    started.take(feed.send(*PRICED, *RATES))
    return started


@pytest.fixture
def optioned(world: Any) -> Streamed:
    feed = optioned_feed(*CRISIS)
    started = Streamed(world, feed)
    started.take(feed.send(*PRICED, *RATES, tick("B", 103.0, hour=15.5)))
    return started
