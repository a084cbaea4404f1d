"""Feed of the dashboard from the API: no network, a transport of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import msgspec
import pytest

from system.client.errors import ApiMismatchError, ApiRefusedError, ApiUnavailableError
from system.contracts.api.risk import SnapshotPage, StreamState, StreamStatus
from system.contracts.messages import RiskSnapshot
from system.show.server.feed import FeedEvent, api_feed, transport_words
from tests.system.show.fake_api import TOKEN

STATUS = StreamStatus(
    state=StreamState.RUNNING,
    heartbeat_age_ms=1,
    fence=1,
    epoch=2,
    durable_fence=1,
    durable_epoch=2,
    published_ns=3,
)
Handler = Callable[[httpx.Request], httpx.Response]


class Chunks(httpx.AsyncByteStream):
    """A body that ends with an error, as a broken connection does."""

    def __init__(self, *chunks: bytes, error: Exception | None = None) -> None:
        self._chunks = chunks
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._error is not None:
            raise self._error


def events_response(body: httpx.AsyncByteStream) -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=body)


def event(name: str, payload: bytes) -> bytes:
    return b"event: %s\r\ndata: %s\r\n\r\n" % (name.encode(), payload)


def heard(handler: Handler) -> list[FeedEvent]:
    async def listen() -> list[FeedEvent]:
        transport = httpx.MockTransport(handler)
        async with api_feed("http://api.test", TOKEN, transport) as feed:
            return [item async for item in feed.events()]

    return asyncio.run(listen())


def test_snapshots_and_statuses_are_heard_in_order_and_other_events_left_alone(
    long_short: RiskSnapshot,
) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        chunks = Chunks(
            event("heartbeat", msgspec.json.encode(STATUS)),
            event("snapshot", msgspec.json.encode(long_short)),
            event("something-new", b"{}"),
            event("stale", msgspec.json.encode(STATUS)),
        )
        return events_response(chunks)

    assert heard(answer) == [STATUS, long_short, STATUS]
    assert requests[0].url.path == "/v1/stream"
    assert requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_wrong_token_is_a_refusal() -> None:
    problem = b'{"title": "Unauthorized", "status": 401, "detail": "wrong token"}'
    with pytest.raises(ApiRefusedError, match="wrong token"):
        heard(lambda _: httpx.Response(401, content=problem))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ReadTimeout(""), "no answer in time"),
        (httpx.ReadError("connection reset"), "connection reset"),
        (httpx.ReadError(""), "ReadError"),
    ],
)
def test_a_connection_that_breaks_says_why(error: httpx.HTTPError, words: str) -> None:
    assert transport_words(error) == words
    with pytest.raises(ApiUnavailableError, match=words):
        heard(lambda _: events_response(Chunks(error=error)))


def test_an_api_that_is_not_there_says_so() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    with pytest.raises(ApiUnavailableError, match="connection refused"):
        heard(refuse)


def test_an_event_that_does_not_follow_the_contract_is_not_guessed_at() -> None:
    broken = Chunks(event("snapshot", b'{"type": "risk_snapshot", "portfolio": 7}'))
    with pytest.raises(ApiMismatchError, match="snapshot"):
        heard(lambda _: events_response(broken))


def test_the_history_is_the_newest_days_with_components_and_the_newest_live_points() -> None:
    asked: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/stream":
            return events_response(Chunks())
        asked.append(dict(request.url.params))
        assert request.url.raw_path.startswith(b"/v1/portfolios/a%2Fb/snapshots")
        page = SnapshotPage(portfolio="a/b", points=())
        return httpx.Response(200, content=msgspec.json.encode(page))

    async def ask() -> None:
        transport = httpx.MockTransport(answer)
        async with api_feed("http://api.test", TOKEN, transport) as feed:
            assert await feed.history("a/b") == ()

    asyncio.run(ask())
    assert [(query["kind"], query["newest_first"]) for query in asked] == [
        ("end_of_day", "true"),
        ("live", "true"),
    ]
    assert asked[0]["components"] == "true"
    assert "components" not in asked[1]
