"""Route of server-sent events: resumable, fed by one reader of the push stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request
from sse_starlette.sse import EventSourceResponse

from system.contracts.api.risk import GAP_EVENT, SNAPSHOT_EVENT, StreamGap
from system.contracts.codec import encode, encoded_by_rows
from system.serve.http.errors import TooManyStreamsError, invalid_field
from system.serve.http.parameters import PortfolioFilter
from system.serve.http.responses import refusals
from system.serve.services.connections import Services, services_of
from system.serve.services.hub import (
    CLIENTS_MAX,
    PushedSnapshot,
    Subscription,
    framed,
    status_frame,
)
from system.serve.services.registry import names_of
from system.store.redis.redis_values import entry_place

SEND_BOUND_S: Final = 30.0
RECONNECT_MS: Final = 1_000
REPLAY_COUNT: Final = 32
REPLAY_PAGES_MAX: Final = 1_000
_EVENT_STREAM: Final = {
    "description": (
        "Events `snapshot` (a `RiskSnapshot`, or a `CurrentRisk` with `compact=true`; has an id "
        "to resume from), `heartbeat` and `stale` (a `StreamStatus`), `gap` (a `StreamGap`: what "
        "was missed is gone; the newest of each portfolio follows), `limit` (a `TrailRow`: what is "
        "raised was acknowledged)."
    ),
    "content": {"text/event-stream": {}},
}
router = APIRouter(prefix="/v1")


@router.get(
    "/stream",
    tags=["risk"],
    response_class=EventSourceResponse,
    responses={200: _EVENT_STREAM, **refusals(401, 404, 422, 429, 503)},
)
async def stream(
    request: Request,
    portfolio: PortfolioFilter = None,
    compact: Annotated[bool, Query(description="Without positions.")] = False,
    last_event_id: Annotated[
        str | None, Header(description="Where to resume; sent by event sources themselves.")
    ] = None,
) -> EventSourceResponse:
    """Push every new snapshot as it is published, first the newest of each portfolio."""
    services = services_of(request)
    if services.hub.is_full:
        raise TooManyStreamsError(f"{CLIENTS_MAX} clients are on the stream; try again later")
    if portfolio is not None and await services.latest.current(portfolio) is None:
        await names_of(request).check_portfolio(portfolio)
    resume_from = None if not last_event_id else _valid_id(last_event_id)
    await services.hub.ready()
    subscription = Subscription(portfolio, compact=compact)
    return EventSourceResponse(
        events(services, subscription, resume_from),
        ping=0,
        send_timeout=SEND_BOUND_S,
    )


async def events(
    services: Services, subscription: Subscription, resume_from: str | None
) -> AsyncIterator[bytes]:
    """Yield a client's events, framed: first its past, then what comes, until the end.

    Parameters
    ----------
    services : Services
        Whose hub the client joins, from the first chunk to the last.
    subscription : Subscription
        What the client wants.
    resume_from : str or None
        The id of the last event that it has; None: it has nothing.

    Yields
    ------
    bytes
        One or several whole events.
    """
    services.hub.subscribe(subscription)
    try:
        yield f"retry: {RECONNECT_MS}\r\n".encode() + status_frame(services.hub.status, 0)
        async for chunk in _past(services, subscription, resume_from):
            yield chunk
        while (chunk_or_end := await subscription.next_chunk()) is not None:
            yield chunk_or_end
    finally:
        services.hub.unsubscribe(subscription)


async def _past(
    services: Services, subscription: Subscription, resume_from: str | None
) -> AsyncIterator[bytes]:
    """Yield what the client has missed, or the newest of each portfolio."""
    if resume_from is None:
        yield await _newest(services, subscription)
        return
    oldest, newest = await services.latest.kept_range()
    # Beyond the newest: the client's id is of a stream that has begun again since.
    if not entry_place(oldest) <= entry_place(resume_from) <= entry_place(newest):
        gap = StreamGap(resumed_from=resume_from, oldest_kept=oldest)
        yield framed(GAP_EVENT, encode(gap)) + await _newest(services, subscription)
        return
    async for chunk in _replayed(services, subscription, resume_from):
        yield chunk


async def _newest(services: Services, subscription: Subscription) -> bytes:
    named = subscription.portfolio
    wanted = await services.latest.portfolios() if named is None else [named]
    read = services.latest.currents if subscription.compact else services.latest.snapshots
    records = await read(wanted)
    for record in records:
        subscription.skip_batches_through(record.portfolio, record.fence, record.epoch)
    values = [record.json for record in records]
    if not subscription.compact:
        values = [encoded_by_rows(value) for value in values]
    # Without ids, for their entries are not known.
    return b"".join(framed(SNAPSHOT_EVENT, value) for value in values)


async def _replayed(
    services: Services, subscription: Subscription, last_id: str
) -> AsyncIterator[bytes]:
    for _ in range(REPLAY_PAGES_MAX):
        entries = await services.latest.read_since(last_id, count=REPLAY_COUNT)
        if not entries:
            return
        last_id = entries[-1].entry_id
        subscription.skip_entries_through(last_id)
        wanted = [e for e in entries if subscription.wants_portfolio(e.portfolio)]
        yield b"".join(subscription.frame(PushedSnapshot(entry)) for entry in wanted)


def _valid_id(last_event_id: str) -> str:
    try:
        entry_place(last_event_id)
    except ValueError:
        raise invalid_field(
            "Last-Event-ID", f"{last_event_id[:40]!r} is not an id that this stream gave out"
        ) from None
    return last_event_id
