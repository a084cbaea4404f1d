"""The clients against the app itself over fakes, and against transports that fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest

from system.book.state.rows import PortfolioState
from system.client import bounds
from system.client.async_client import AsyncRiskClient
from system.client.calls import SeriesQuestion
from system.client.errors import ApiMismatchError, ApiRefusedError, ApiUnavailableError
from system.client.events import GapEvent, SnapshotEvent, StatusEvent, StreamEvent, covers
from system.client.sync_client import RiskClient
from system.clock import ManualClock
from system.contracts.api.risk import (
    AmendRequest,
    CurrentRisk,
    PortfolioImport,
    Problem,
    StreamGap,
    TradeAccepted,
    TradeRequest,
    current_risk,
)
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
from system.serve.services.hub import NO_STATUS, SnapshotHub, framed
from system.store.postgres.history_fake import MemoryHistory
from system.store.records import BatchCommit
from system.store.redis.latest_fake import MemoryLatest
from system.store.sample_snapshots import sample_snapshot

TOKEN = "the-token"  # noqa: S105 - of the fake
TRADE = TradeRequest(portfolio="alpha", instrument="EQ000", quantity=5.0, price=2.0)


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


# -- transports that fail -----------------------------------------------------------------


def client_of(handler: Callable[[httpx.Request], httpx.Response]) -> RiskClient:
    transport = httpx.MockTransport(handler)
    return RiskClient("http://localhost", TOKEN, transport=transport, clock=ManualClock())


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "BACKOFF_BASE_S", 0.0)


def unavailable() -> httpx.Response:
    problem = Problem(title="Service Unavailable", status=503, detail="Redis does not answer")
    return httpx.Response(503, content=encode(problem))


def test_what_fails_in_passing_is_asked_again() -> None:
    answers = iter([unavailable(), httpx.ConnectError("refused")])

    def handler(_: httpx.Request) -> httpx.Response:
        answer = next(answers, None)
        if isinstance(answer, Exception):
            raise answer
        return answer or httpx.Response(
            200, content=b'{"portfolios":[],"unvalued":[],"stream":"stale"}'
        )

    assert client_of(handler).portfolios().portfolios == ()


def test_attempts_are_bounded_and_the_cause_is_told() -> None:
    asked = 0

    def handler(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return unavailable()

    with pytest.raises(ApiUnavailableError, match="Redis does not answer"):
        client_of(handler).portfolios()
    assert asked == bounds.ATTEMPTS


def test_a_trade_is_repeated_under_the_same_id() -> None:
    bodies: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        return unavailable()

    with pytest.raises(ApiUnavailableError):
        client_of(handler).send_trade(TRADE)
    assert len(set(bodies)) == 1
    assert msgspec.json.decode(bodies[0])["trade_id"]


def test_a_refusal_is_not_asked_again() -> None:
    asked = 0

    def handler(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(404, text="not here")

    with pytest.raises(ApiRefusedError, match="not here"):
        client_of(handler).portfolios()
    assert asked == 1


def test_an_answer_of_another_type_is_told_as_such() -> None:
    with pytest.raises(ApiMismatchError, match="GET /v1/portfolios"):
        client_of(lambda _: httpx.Response(200, content=b'{"other":1}')).portfolios()


def test_nobody_at_the_address_says_what_to_do() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(ApiUnavailableError, match="is the stack up"):
        client_of(handler).health()


# -- the push stream ----------------------------------------------------------------------


def frames(*chunks: bytes, then: Exception | None = None) -> Iterator[bytes]:
    yield from chunks
    if then is not None:
        raise then


def streamed(*chunks: bytes, then: Exception | None = None) -> httpx.Response:
    headers = {"content-type": "text/event-stream"}
    return httpx.Response(200, headers=headers, content=frames(*chunks, then=then))


def snapshot_frame(epoch: int) -> bytes:
    return framed("snapshot", encode(sample_snapshot(epoch=epoch)), f"{epoch}-0")


def read(client: RiskClient, count: int, **kwargs: Any) -> list[StreamEvent]:
    events = client.stream(**kwargs)
    return [next(events) for _ in range(count)]


def test_events_are_typed_and_unknown_ones_are_left_out() -> None:
    gap = StreamGap(resumed_from="1-0", oldest_kept="5-0")
    chunks = (
        b"retry: 1000\r\n" + framed("heartbeat", encode(NO_STATUS)),
        framed("novelty", b"{}"),
        framed("gap", encode(gap)),
        snapshot_frame(3),
    )
    status, told, snapshot = read(client_of(lambda _: streamed(*chunks)), 3)
    assert status == StatusEvent(NO_STATUS)
    assert told == GapEvent(gap)
    assert snapshot == SnapshotEvent("3-0", sample_snapshot(epoch=3))


def test_the_short_form_is_typed_too() -> None:
    risk = current_risk(sample_snapshot())
    frame = framed("snapshot", encode(risk), "1-0")
    (event,) = read(client_of(lambda _: streamed(frame)), 1, compact=True)
    assert isinstance(event, SnapshotEvent)
    assert isinstance(event.risk, CurrentRisk)
    assert event.risk == risk


def test_a_lost_stream_is_resumed_after_the_last_event() -> None:
    asked: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("last-event-id"))
        lost = httpx.ReadError("lost")
        return streamed(snapshot_frame(len(asked)), then=lost if len(asked) < 3 else None)

    events = read(client_of(handler), 4, portfolio="alpha")
    ids = [event.event_id for event in events if isinstance(event, SnapshotEvent)]
    assert ids == ["1-0", "2-0", "3-0", "4-0"]
    assert asked == [None, "1-0", "2-0", "3-0"]


def test_a_stream_that_never_comes_back_is_given_up_after_its_bound() -> None:
    asked = 0

    def handler(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        raise httpx.ConnectError("refused")

    with pytest.raises(ApiUnavailableError, match="no stream after"):
        read(client_of(handler), 1)
    assert asked == bounds.RECONNECTS_MAX + 1


def test_a_refused_stream_is_not_asked_for_again() -> None:
    problem = Problem(title="Unknown portfolio", status=404, detail="no portfolio 'x'")
    client = client_of(lambda _: httpx.Response(404, content=encode(problem)))
    with pytest.raises(ApiRefusedError, match="no portfolio 'x'"):
        read(client, 1, portfolio="x")


def test_a_snapshot_covers_a_trade_once_its_offset_is_passed() -> None:
    trade = TradeAccepted(
        trade_id="t",
        version=0,
        action=TradeAction.NEW,
        portfolio="alpha",
        instrument="EQ000",
        quantity=1.0,
        price=1.0,
        topic="trades",
        partition=0,
        offset=4,
        watch="",
    )
    assert not covers(sample_snapshot(offsets={"trades:0": 4}), trade)
    assert covers(sample_snapshot(offsets={"trades:0": 5}), trade)
    assert not covers(sample_snapshot(offsets={"market_data:0": 9}), trade)
    assert not covers(sample_snapshot("beta", offsets={"trades:0": 5}), trade)
