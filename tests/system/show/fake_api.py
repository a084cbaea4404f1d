"""A small API with the contract of the real one, for the dashboard alone: a test double.

It serves ``GET /v1/stream`` (bearer token, heartbeats, snapshots), the end-of-day history
and ``POST /v1/trades`` over a simulated market. What a test does to it stands in
``FakeApi``: freeze the stream, cut the connections, refuse trades.

Run it by hand with ``python -m tests.system.show.fake_api --port 8000 --token secret``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from system.clock import monotonic_ns, wall_ns
from system.contracts.api.questions import WhatIfRequest
from system.contracts.api.risk import (
    HEARTBEAT_EVENT,
    SNAPSHOT_EVENT,
    STALE_EVENT,
    SnapshotPage,
    SnapshotPoint,
    StreamState,
    StreamStatus,
    TradeAccepted,
    TradeRequest,
)
from system.contracts.messages import RiskSnapshot, SnapshotKind, TradeAction
from system.contracts.replay import ReplayStatus
from tests.system.show import answers
from tests.system.show.market import Market, stamped

TOKEN = "test-token"  # noqa: S105 - of the double alone
HEARTBEAT_SECONDS = 0.5
MAX_QUEUED = 1_000


@dataclass
class FakeApi:
    """The double's state and how tests break it.

    ``frozen``: the stream has stopped and the API says so; ``paused``: no new numbers;
    ``silent``: no heartbeats; ``cut``: open streams end; ``refusal``: why trades are refused.

    Parameters
    ----------
    market : Market
        Where its numbers come from.
    steps_per_day, step_seconds : int, float
        How fast a day goes by.
    """

    market: Market = field(default_factory=Market)
    token: str = TOKEN
    steps_per_day: int = 36
    step_seconds: float = 0.09
    frozen: bool = False
    cut: bool = False
    paused: bool = False
    silent: bool = False
    refusal: str = ""
    replay: ReplayStatus | None = None
    latest: dict[str, RiskSnapshot] = field(default_factory=dict)
    sent: dict[str, RiskSnapshot] = field(default_factory=dict)
    published_ms: dict[str, float] = field(default_factory=dict)
    trades: list[TradeRequest] = field(default_factory=list)
    connections: int = 0
    _readers: list[asyncio.Queue[tuple[str, bytes]]] = field(default_factory=list)

    def app(self) -> Starlette:
        """Return the ASGI application; its market runs while the application does."""
        return Starlette(
            routes=[
                Route("/v1/stream", self._stream),
                Route("/v1/portfolios/{portfolio}/snapshots", self._history),
                Route("/v1/snapshots/{snapshot_id}", self._snapshot),
                Route("/v1/health", self._health),
                Route("/v1/rejected", self._rejected),
                Route("/v1/portfolios/{portfolio}/var/change", self._change),
                Route("/v1/portfolios/{portfolio}/what-if", self._what_if, methods=["POST"]),
                Route("/v1/trades", self._trade, methods=["POST"]),
                Route("/control/{what}", self._control, methods=["POST"]),
            ],
            lifespan=self._lifespan,
        )

    def mend(self) -> None:
        """Undo all that tests break."""
        self.frozen = self.paused = self.silent = self.cut = False
        self.refusal = ""
        self.replay = None

    def play_days(self, count: int) -> None:
        """Let days pass before anybody listens."""
        for _ in range(count):
            for batch in self.market.one_day(self.steps_per_day):
                self._keep(batch)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._play()), asyncio.create_task(self._beat())]
        yield
        for task in tasks:
            task.cancel()

    async def _play(self) -> None:
        batches = self.market.days(self.steps_per_day)
        while True:
            await asyncio.sleep(self.step_seconds)
            if not (self.frozen or self.paused):
                self.publish(next(batches))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if not self.silent:
                self._push(*self._status())

    def publish(self, batch: list[RiskSnapshot]) -> None:
        """Send a batch to whoever listens."""
        self._keep(batch)
        for snapshot in batch:
            self.published_ms[snapshot.snapshot_id] = wall_ns() / 1e6
            self._push(SNAPSHOT_EVENT, msgspec.json.encode(stamped(snapshot, monotonic_ns())))

    def _keep(self, batch: list[RiskSnapshot]) -> None:
        self.latest.update({snapshot.portfolio: snapshot for snapshot in batch})
        self.sent.update({snapshot.snapshot_id: snapshot for snapshot in batch})

    def _status(self) -> tuple[str, bytes]:
        state = StreamState.STALE if self.frozen else StreamState.RUNNING
        epoch = self.market.epoch
        status = StreamStatus(
            replay=self.replay,
            state=state,
            heartbeat_age_ms=None if self.frozen else 120,
            fence=self.market.fence,
            epoch=epoch,
            durable_fence=self.market.fence,
            durable_epoch=epoch,
            published_ns=monotonic_ns(),
        )
        return STALE_EVENT if self.frozen else HEARTBEAT_EVENT, msgspec.json.encode(status)

    def _push(self, event: str, payload: bytes) -> None:
        for reader in self._readers:
            if reader.qsize() < MAX_QUEUED:
                reader.put_nowait((event, payload))

    async def _stream(self, request: Request) -> Response:
        if (refusal := self._unauthorized(request)) is not None:
            return refusal
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        for event, payload in [self._status(), *self._newest()]:
            queue.put_nowait((event, payload))
        self._readers.append(queue)
        self.connections += 1
        try:
            while not self.cut:
                with contextlib.suppress(TimeoutError):
                    event, payload = await asyncio.wait_for(queue.get(), timeout=0.1)
                    yield b"event: %s\ndata: %s\n\n" % (event.encode(), payload)
        finally:
            self._readers.remove(queue)

    def _newest(self) -> Iterator[tuple[str, bytes]]:
        for snapshot in self.latest.values():
            yield SNAPSHOT_EVENT, msgspec.json.encode(snapshot)

    async def _history(self, request: Request) -> Response:
        if (refusal := self._unauthorized(request)) is not None:
            return refusal
        portfolio, asked = request.path_params["portfolio"], request.query_params
        kept = [
            s
            for s in self.sent.values()
            if (s.portfolio, s.kind) == (portfolio, SnapshotKind(asked["kind"]))
        ]
        points = tuple(_point(s) for s in kept[::-1][: int(asked["limit"])])
        return _json(SnapshotPage(portfolio=portfolio, points=points))

    async def _snapshot(self, request: Request) -> Response:
        if (refusal := self._unauthorized(request)) is not None:
            return refusal
        return _json(self.sent[request.path_params["snapshot_id"]])

    async def _health(self, request: Request) -> Response:
        if (refusal := self._unauthorized(request)) is not None:
            return refusal
        status = msgspec.json.decode(self._status()[1], type=StreamStatus)
        offsets = next(iter(self.latest.values())).offsets
        return _json(answers.health(status, offsets))

    async def _rejected(self, request: Request) -> Response:
        return self._unauthorized(request) or _json(answers.REJECTED)

    async def _change(self, request: Request) -> Response:
        if (refusal := self._unauthorized(request)) is not None:
            return refusal
        portfolio = request.path_params["portfolio"]
        return _json(answers.change(self.market.stated[portfolio], self.latest[portfolio]))

    async def _what_if(self, request: Request) -> Response:
        if (refusal := self._unauthorized(request)) is not None:
            return refusal
        asked = msgspec.json.decode(await request.body(), type=WhatIfRequest)
        return _json(answers.what_if(self.latest[request.path_params["portfolio"]], asked))

    async def _trade(self, request: Request) -> Response:
        if (refusal := self._unauthorized(request)) is not None:
            return refusal
        if self.refusal:
            problem = {"title": "Refused", "status": 422, "detail": self.refusal}
            return JSONResponse(problem, 422, media_type="application/problem+json")
        trade = msgspec.json.decode(await request.body(), type=TradeRequest)
        trade_id = trade.trade_id or f"fake-{len(self.trades)}"
        self.trades.append(trade)
        self.market.trade(trade_id, trade.portfolio, trade.instrument, trade.quantity)
        return _json(_accepted(trade, trade_id, offset=len(self.trades)), status=202)

    async def _control(self, request: Request) -> Response:
        what = request.path_params["what"]
        changes: dict[str, Any] = dict(request.query_params)
        assert what == "set"
        for name, value in changes.items():
            kind = type(getattr(self, name))
            setattr(self, name, value == "1" if kind is bool else kind(value))
        return JSONResponse(changes)

    def _unauthorized(self, request: Request) -> Response | None:
        if request.headers.get("authorization") == f"Bearer {self.token}":
            return None
        problem = {
            "title": "Unauthorized",
            "status": 401,
            "detail": "bearer token missing or wrong",
        }
        return JSONResponse(problem, 401, media_type="application/problem+json")


def _point(snapshot: RiskSnapshot) -> SnapshotPoint:
    names = [name for name in SnapshotPoint.__struct_fields__ if name != "component_var"]
    return SnapshotPoint(
        **{name: getattr(snapshot, name) for name in names},
        component_var={row.instrument: row.component_var for row in snapshot.positions},
    )


def _accepted(trade: TradeRequest, trade_id: str, *, offset: int) -> TradeAccepted:
    return TradeAccepted(
        trade_id=trade_id,
        version=0,
        action=TradeAction.NEW,
        portfolio=trade.portfolio,
        instrument=trade.instrument,
        quantity=trade.quantity,
        price=trade.price,
        topic="trades",
        partition=0,
        offset=offset,
        watch=f"/v1/stream?portfolio={trade.portfolio}",
    )


def _json(view: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(view), status, media_type="application/json")


def main() -> None:
    """Serve the double until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--days", type=int, default=0, help="days that have passed at the start")
    parser.add_argument("--step-seconds", type=float, default=0.09)
    parser.add_argument("--books", type=int, default=3)
    options = parser.parse_args()
    market = Market(book_count=options.books)
    api = FakeApi(market, token=options.token, step_seconds=options.step_seconds)
    api.play_days(options.days)
    uvicorn.run(api.app(), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
