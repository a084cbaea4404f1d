"""SSE clients that cost little: plain sockets, one line at a time, stamped on receipt.

A hundred clients of a comfortable library would measure themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlparse

import httpx
import msgspec

from system.clock import monotonic_ns
from system.errors import UnavailableError
from system.settings import Connections

LINE_BOUND: Final = 4 * 2**20
CONNECT_BOUND_S: Final = 10.0
TRADE_BOUND_S: Final = 10.0
TRADES_PER_S: Final = 2.0
PRICE: Final = 100.0
DATA: Final = b"data: "
SNAPSHOT: Final = b"event: snapshot"


class _Stages(msgspec.Struct):
    valued_ns: int = 0


class PushedHead(msgspec.Struct):
    """The part of a pushed snapshot that is counted; other fields are skipped unread."""

    stages: _Stages
    trade_ids: tuple[str, ...] = ()


@asynccontextmanager
async def push_lines(
    connections: Connections, portfolio: str
) -> AsyncIterator[asyncio.StreamReader]:
    """Open the push stream of a book, and give what comes.

    Raises
    ------
    UnavailableError
        If the API does not answer with a stream.
    """
    place = urlparse(connections.api_url)
    opening = asyncio.open_connection(place.hostname, place.port, limit=LINE_BOUND)
    reader, writer = await asyncio.wait_for(opening, CONNECT_BOUND_S)
    request = (
        f"GET /v1/stream?portfolio={portfolio}&compact=true HTTP/1.1\r\nHost: {place.netloc}\r\n"
        f"Authorization: Bearer {connections.api_token}\r\nAccept: text/event-stream\r\n\r\n"
    )
    try:
        writer.write(request.encode())
        status = await asyncio.wait_for(reader.readline(), CONNECT_BOUND_S)
        if b" 200 " not in status:
            raise UnavailableError(f"the push stream answered {status.decode().strip()}")
        yield reader
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def snapshots(reader: asyncio.StreamReader) -> AsyncIterator[tuple[PushedHead, int]]:
    """Yield each pushed snapshot with its receipt, CLOCK_MONOTONIC."""
    is_snapshot = False
    while line := await reader.readline():
        received_ns = monotonic_ns()
        if line.startswith(b"event: "):
            is_snapshot = line.startswith(SNAPSHOT)
        elif line.startswith(DATA) and is_snapshot:
            yield msgspec.json.decode(line[len(DATA) :], type=PushedHead), received_ns


async def listened(
    connections: Connections, portfolios: Sequence[str], *, seconds: float
) -> list[float]:
    """Return how late every push came to a client per name in ``portfolios``, ms after valued.

    The first snapshot of each client was there before it came, and is not counted.

    Raises
    ------
    UnavailableError
        If a client is refused.
    """
    ends_ns = monotonic_ns() + round(seconds * 1e9)

    async def one(portfolio: str) -> list[float]:
        late_ms: list[float] = []
        async with push_lines(connections, portfolio) as reader:
            async for head, received_ns in snapshots(reader):
                late_ms.append((received_ns - head.stages.valued_ns) / 1e6)
                if received_ns > ends_ns:
                    break
        return late_ms[1:]

    return [late for each in await asyncio.gather(*map(one, portfolios)) for late in each]


async def pushed_trades(
    client: httpx.AsyncClient,
    connections: Connections,
    portfolio: str,
    instrument: str,
    *,
    seconds: float,
) -> list[float]:
    """Return how long each trade took from its acceptance to the new VaR pushed, ms.

    Raises
    ------
    UnavailableError
        If a trade's VaR is not pushed within ``TRADE_BOUND_S``.
    """
    waiting: dict[str, asyncio.Future[int]] = {}

    async def listen(reader: asyncio.StreamReader) -> None:
        async for head, received_ns in snapshots(reader):
            for trade_id in head.trade_ids:
                if trade_id in waiting and not waiting[trade_id].done():
                    waiting[trade_id].set_result(received_ns)

    late_ms: list[float] = []
    async with push_lines(connections, portfolio) as reader:
        listening = asyncio.create_task(listen(reader))
        for number in range(int(seconds * TRADES_PER_S)):
            trade_id = f"goal-{monotonic_ns()}"
            waiting[trade_id] = asyncio.get_running_loop().create_future()
            body = {
                "portfolio": portfolio,
                "instrument": instrument,
                "quantity": 1.0 if number % 2 else -1.0,
                "price": PRICE,
                "trade_id": trade_id,
            }
            (await client.post("/v1/trades", json=body)).raise_for_status()
            accepted_ns = monotonic_ns()
            late_ms.append(await _until(waiting[trade_id], trade_id) - accepted_ns)
            await asyncio.sleep(1 / TRADES_PER_S)
        listening.cancel()
    return [max(late_ns, 0) / 1e6 for late_ns in late_ms]


async def _until(pushed: asyncio.Future[int], trade_id: str) -> int:
    try:
        return await asyncio.wait_for(pushed, TRADE_BOUND_S)
    except TimeoutError:
        raise UnavailableError(
            f"no VaR with trade {trade_id} was pushed within {TRADE_BOUND_S:.0f} s"
        ) from None
