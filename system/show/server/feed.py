"""Feed of the dashboard from the API, with a protocol that tests replace.

The stream is opened here, one connection at a time, and not through the client's endless
one: the screen must know at once that a connection broke, and why. Requests, events and
errors are the client's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import httpx
import httpx_sse

from system.client import calls
from system.client.async_client import AsyncRiskClient
from system.client.call import SeriesQuestion, raise_refusal
from system.client.errors import ApiUnavailableError
from system.client.events import SnapshotEvent, StatusEvent, event_from
from system.contracts.api.risk import SnapshotPoint, StreamStatus
from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.show.state.days import MAX_DAYS

CONNECT_SECONDS: Final = 2.0
SILENT_SECONDS: Final = 5.0
"""The API beats at least once a second; a connection silent for this long is dead."""
MAX_LIVE_POINTS: Final = 5_000
"""The curve of the day so far, fetched once per connection and portfolio."""

FeedEvent = RiskSnapshot | StreamStatus


class Feed(Protocol):
    """One connection to the API."""

    def events(self) -> AsyncIterator[FeedEvent]:
        """Yield what the API pushes, until it ends or a ``RiskstreamError``."""
        ...

    async def history(self, portfolio: str) -> tuple[SnapshotPoint, ...]:
        """Return a portfolio's stored ends of day and newest live points."""
        ...


class OpenFeed(Protocol):
    """Callable that opens a new connection after the last one broke."""

    def __call__(self) -> AbstractAsyncContextManager[Feed]:
        """Return a connection that is open inside ``async with``, or a ``RiskstreamError``."""
        ...


@dataclass(frozen=True)
class ApiFeed:
    """The API's event stream and history over HTTP.

    Parameters
    ----------
    client : AsyncRiskClient
        For questions.
    source : httpx_sse.EventSource
        The open stream.
    """

    client: AsyncRiskClient
    source: httpx_sse.EventSource

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Yield snapshots and heartbeats as they come; other events are left alone.

        Raises
        ------
        ApiUnavailableError
            If the connection breaks or stays silent for ``SILENT_SECONDS``.
        ApiMismatchError
            If an event does not follow the contract.
        """
        try:
            async for received in self.source.aiter_sse():
                event = event_from(received, compact=False)
                if isinstance(event, StatusEvent):
                    yield event.status
                elif isinstance(event, SnapshotEvent) and isinstance(event.risk, RiskSnapshot):
                    yield event.risk
        except httpx.HTTPError as error:
            raise ApiUnavailableError(transport_words(error)) from error

    async def history(self, portfolio: str) -> tuple[SnapshotPoint, ...]:
        """Return the newest ``MAX_DAYS`` ends of day and ``MAX_LIVE_POINTS`` live points.

        Raises
        ------
        ApiRefusedError
            If the portfolio is unknown.
        ApiUnavailableError
            If the API does not answer within its attempts.
        """
        days = SeriesQuestion(
            SnapshotKind.END_OF_DAY, components=True, newest_first=True, page_rows=MAX_DAYS
        )
        live = SeriesQuestion(SnapshotKind.LIVE, newest_first=True, page_rows=MAX_LIVE_POINTS)
        pages = [
            await self.client.send(calls.snapshot_page(portfolio, asked)) for asked in (days, live)
        ]
        return tuple(point for page in pages for point in page.points)


@asynccontextmanager
async def api_feed(
    api_url: str, token: str, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Feed]:
    """Open the API's event stream.

    Parameters
    ----------
    api_url : str
        Without a trailing slash.
    token : str
        Bearer token.
    transport : httpx.AsyncBaseTransport or None
        What carries the requests; None: the network.

    Raises
    ------
    ApiUnavailableError
        If it does not answer within ``CONNECT_SECONDS``.
    ApiRefusedError
        If the token is another one.
    """
    timeout = httpx.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        AsyncRiskClient(api_url, token, transport=transport) as client,
        httpx.AsyncClient(headers=headers, timeout=timeout, transport=transport) as http,
        _opened(http, f"{api_url}{calls.STREAM_PATH}") as source,
    ):
        yield ApiFeed(client, source)


@asynccontextmanager
async def _opened(http: httpx.AsyncClient, url: str) -> AsyncIterator[httpx_sse.EventSource]:
    try:
        async with httpx_sse.aconnect_sse(http, "GET", url) as source:
            if source.response.is_error:
                raise_refusal(source.response.status_code, await source.response.aread())
            yield source
    except httpx.HTTPError as error:
        raise ApiUnavailableError(transport_words(error)) from error


def transport_words(error: httpx.HTTPError) -> str:
    """Return why a transport failed, in words for a screen."""
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__
