"""The API as a process, with PostgreSQL, Redis and Kafka behind it, through the client."""

from __future__ import annotations

import asyncio
import datetime as dt
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import msgspec
import pytest

from system.book.state.rows import PortfolioState
from system.bus.consumer import read_topic
from system.client.async_client import AsyncRiskClient
from system.client.call import SeriesQuestion
from system.client.commands.push_watch import send_and_watch
from system.client.errors import ApiRefusedError
from system.client.events import SnapshotEvent, StatusEvent
from system.contracts.api.risk import (
    AmendRequest,
    CurrentRisk,
    PortfolioImport,
    StreamState,
    TradeAccepted,
    TradeRequest,
)
from system.contracts.codec import encode
from system.contracts.messages import (
    CloseHistory,
    ClosePoint,
    Instrument,
    OpeningPosition,
    Portfolio,
    RiskSnapshot,
    Trade,
    TradeAction,
)
from system.contracts.topics import REFERENCE, TRADES
from system.store.records import BatchCommit
from system.store.sample_snapshots import sample_snapshot

pytestmark = pytest.mark.integration
BOUND_S = 20
TRADE = TradeRequest(portfolio="alpha", instrument="EQ000", quantity=5.0, price=2.0)


class Stream:
    """Plays the stream: one batch after the other into both stores."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self.fence = api.history.acquire_fence()
        self.epoch = -1
        self.batch(
            **{
                "portfolio:alpha": PortfolioState(definition=Portfolio(portfolio="alpha")),
                "instrument:EQ000": Instrument(
                    instrument="EQ000", asset_class="equity", currency="USD"
                ),
            }
        )

    def batch(self, *snapshots: RiskSnapshot, **state: Any) -> None:
        """Publish and commit."""
        self.epoch += 1
        place = {"fence": self.fence, "epoch": self.epoch}
        self._api.latest.publish(snapshots, **place, offsets={"trades:0": 0}, published_ns=1)
        rows = {key: encode(row) for key, row in state.items()}
        self._api.history.commit(BatchCommit(self.fence, self.epoch, {}, rows, snapshots))
        self._api.latest.mark_durable(self.fence, self.epoch)
        self.beat()

    def beat(self) -> None:
        """Say that the stream lives."""
        self._api.latest.beat(self.fence, self.epoch, monotonic_ns=1, state=StreamState.RUNNING)


def wait_until(condition: Callable[[], bool], beat: Callable[[], None] = lambda: None) -> None:
    bound = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < bound, "the condition did not come true in time"
        beat()
        time.sleep(0.02)


def test_what_the_stream_wrote_is_what_the_client_reads(api: Any) -> None:
    stream = Stream(api)
    snapshots = [sample_snapshot(epoch=epoch, position_count=40) for epoch in range(6)]
    for snapshot in snapshots:
        stream.batch(snapshot)
    with api.client() as client:
        current = client.current_var("alpha")
        assert (current.var, current.durable) == (snapshots[-1].var, True)
        assert client.positions("alpha").positions == snapshots[-1].positions
        assert client.snapshot(snapshots[2].snapshot_id) == snapshots[2]
        series = list(client.series("alpha", SeriesQuestion(page_rows=4)))
        assert [point.var for point in series] == [snapshot.var for snapshot in snapshots]


def test_health_tells_a_living_stream_from_a_dead_one(api: Any) -> None:
    stream = Stream(api)
    with api.client() as client:
        wait_until(lambda: client.health().ok, stream.beat)
        health = client.health()
        assert {part.name for part in health.components} == {"kafka", "postgresql", "redis"}
        assert health.lag is not None
        wait_until(lambda: client.health().stream.state is StreamState.STALE)
        assert not client.health().ok


def test_a_trade_and_its_changes_lie_in_kafka_where_the_api_says(api: Any) -> None:
    Stream(api)
    with api.client() as client:
        sent = client.send_trade(TRADE)
        amended = client.amend_trade(sent.trade_id, AmendRequest(quantity=-1.0, price=3.0))
        cancelled = client.cancel_trade(sent.trade_id)
    places = [f"{told.topic}:{told.partition}" for told in (sent, amended, cancelled)]
    assert set(places) == {"trades:0"}
    start = {"trades:0": sent.offset}
    messages = [record.message() for record in read_topic(api.kafka, TRADES, start=start)]
    assert all(isinstance(message, Trade) for message in messages)
    assert [(m.trade_id, m.version, m.action) for m in messages] == [
        (sent.trade_id, version, action) for version, action in enumerate(TradeAction)
    ]
    assert cancelled.offset == sent.offset + 2


def test_a_book_lies_in_kafka_behind_what_it_needs(api: Any) -> None:
    Stream(api)
    days = (dt.date(2020, 1, 1) + dt.timedelta(days=n) for n in range(31))
    closes = CloseHistory(series="X", closes=tuple(ClosePoint(day, 10.0) for day in days))
    position = OpeningPosition(instrument="X", quantity=1.0, entry_price=9.0)
    book = PortfolioImport(
        portfolio=Portfolio(portfolio="mine", positions=(position,)),
        instruments=(Instrument(instrument="X", asset_class="equity", currency="USD"),),
        histories=(closes,),
    )
    with api.client() as client:
        told = client.import_portfolio(book)
        client.send_trade(TradeRequest(portfolio="mine", instrument="X", quantity=1.0, price=1.0))
        assert client.portfolios().unvalued == ("alpha", "mine")
        with pytest.raises(ApiRefusedError, match="known: alpha, mine"):
            client.positions("none")
    start = {"reference:0": told.offset - 2}
    messages = [record.message() for record in read_topic(api.kafka, REFERENCE, start=start)]
    stamped = msgspec.structs.replace(book.portfolio, as_of_ns=messages[-1].as_of_ns)
    assert messages == [*book.instruments, closes, stamped]
    assert stamped.as_of_ns is not None, "positions without a moment count as of their import"


def test_a_snapshot_is_pushed_to_every_client_and_resumed_without_a_gap(api: Any) -> None:
    stream = Stream(api)
    stream.batch(sample_snapshot(epoch=0))

    async def epochs(
        client: AsyncRiskClient, count: int, opened: asyncio.Event, **options: Any
    ) -> list[Any]:
        seen = []
        async for event in client.stream("alpha", **options):
            if isinstance(event, SnapshotEvent):
                seen.append((event.risk.epoch, event.event_id))
                opened.set()
            if len(seen) == count:
                return seen
        raise AssertionError("the stream does not end")

    async def body() -> None:
        async with AsyncRiskClient(api.url, "token-of-these-tests") as client:
            opened = [asyncio.Event() for _ in range(20)]
            reading = [
                asyncio.create_task(epochs(client, 11, seen, compact=bool(number % 2)))
                for number, seen in enumerate(opened)
            ]
            async with asyncio.timeout(BOUND_S):
                await asyncio.gather(*(seen.wait() for seen in opened))
            for epoch in range(1, 11):
                await asyncio.to_thread(stream.batch, sample_snapshot(epoch=epoch))
            async with asyncio.timeout(BOUND_S):
                results = await asyncio.gather(*reading)
            for seen in results:
                assert [epoch for epoch, _ in seen] == list(range(11))
            resumed = await epochs(client, 4, opened[0], last_event_id=results[0][6][1])
            assert [epoch for epoch, _ in resumed] == [7, 8, 9, 10]

    asyncio.run(body())


def test_a_stream_that_stops_is_told_to_clients_that_wait(api: Any) -> None:
    stream = Stream(api)
    with api.client() as client:
        states = (event.status.state for event in client.stream() if isinstance(event, StatusEvent))
        wait_until(lambda: next(states) is StreamState.RUNNING, stream.beat)
        wait_until(lambda: next(states) is StreamState.STALE)


def test_a_trade_is_watched_until_a_snapshot_covers_it(api: Any) -> None:
    stream = Stream(api)
    stream.batch(sample_snapshot(epoch=1))

    def answer(trade: TradeAccepted) -> None:
        offsets = {"trades:0": trade.offset + 1}
        stream.batch(sample_snapshot(epoch=2, offsets=offsets, trade_ids=(trade.trade_id,)))

    with api.client() as client, ThreadPoolExecutor(1) as pool:

        def send() -> TradeAccepted:
            trade = client.send_trade(TRADE)
            pool.submit(answer, trade)
            return trade

        outcome = send_and_watch(client, send)
    assert isinstance(outcome.after, CurrentRisk)
    assert outcome.before is not None
    assert (outcome.before.epoch, outcome.after.epoch, outcome.rejected) == (1, 2, None)


def test_a_stop_ends_open_streams_and_the_process(api: Any) -> None:
    """The last of the module: it stops the module's API."""
    Stream(api)
    headers = {"Authorization": "Bearer token-of-these-tests"}
    with (
        httpx.Client(base_url=api.url, timeout=BOUND_S) as client,
        client.stream("GET", "/v1/stream", headers=headers) as response,
    ):
        chunks = response.iter_bytes()
        assert next(chunks).startswith(b"retry:")
        api.process.terminate()
        started = time.monotonic()
        with suppress(httpx.RemoteProtocolError):  # cut off in the middle, and not left open
            list(chunks)
    assert api.process.wait(BOUND_S) in (0, -signal.SIGTERM)
    assert time.monotonic() - started < BOUND_S, "heartbeats would keep an open stream going"
