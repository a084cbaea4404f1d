"""SSE clients that cost little: plain sockets, stamped on receipt, read afterwards.

A hundred clients of a comfortable library would measure themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
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
TRADES_PER_S: Final = 10.0
"""On a schedule, whatever the answers; with few of them p99 would be the slowest one."""
SILENT_NS: Final = 5_000_000_000
"""Of a stream that has a push with every batch: what stays away longer is lost, not late."""
PRICE: Final = 100.0
DATA: Final = b"data: "
SNAPSHOT: Final = b"event: snapshot"


class _Stages(msgspec.Struct):
    valued_ns: int = 0


class PushedHead(msgspec.Struct):
    """The part of a pushed snapshot that is counted; other fields are skipped unread."""

    stages: _Stages
    trade_ids: tuple[str, ...] = ()


class Receipts(asyncio.Protocol):
    """One client: asks for a stream, and stamps what comes without looking at it.

    Parameters
    ----------
    request : bytes
        Sent as soon as the connection is made.
    """

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.pieces: list[tuple[int, bytes]] = []
        self.answered = asyncio.Event()
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Stamp with CLOCK_MONOTONIC, and keep."""
        self.pieces.append((monotonic_ns(), data))
        self.answered.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for no more."""
        self.answered.set()
        self.ended.set()


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
    try:
        writer.write(_request(connections, portfolio))
        _check_status(await asyncio.wait_for(reader.readline(), CONNECT_BOUND_S))
        yield reader
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def snapshots(reader: asyncio.StreamReader) -> AsyncIterator[tuple[PushedHead, int]]:
    """Yield each pushed snapshot with its receipt, CLOCK_MONOTONIC."""
    lines = SnapshotLines()
    while line := await reader.readline():
        received_ns = monotonic_ns()
        if (head := lines.take(line)) is not None:
            yield head, received_ns


def received(pieces: Sequence[tuple[int, bytes]]) -> Iterator[tuple[PushedHead, int]]:
    """Yield each snapshot of what a client got, with the receipt of the piece that ended it."""
    lines, rest = SnapshotLines(), b""
    for received_ns, piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if (head := lines.take(line)) is not None:
                yield head, received_ns


class SnapshotLines:
    """Picks the snapshots out of the lines of a push stream."""

    def __init__(self) -> None:
        self._is_snapshot = False

    def take(self, line: bytes) -> PushedHead | None:
        """Return the snapshot that a line carries, if it does."""
        if line.startswith(b"event: "):
            self._is_snapshot = line.startswith(SNAPSHOT)
        elif line.startswith(DATA) and self._is_snapshot:
            return msgspec.json.decode(line[len(DATA) :], type=PushedHead)
        return None


async def listened(
    connections: Connections, portfolios: Sequence[str], *, seconds: float
) -> list[float]:
    """Return how late every push came to a client per name in ``portfolios``, ms after valued.

    The first snapshot of each client was there before it came, and is not counted.

    Raises
    ------
    UnavailableError
        If a client is refused, gets no answer or no push, or is dropped before the end: a
        figure without it would be too good.
    """
    place = urlparse(connections.api_url)
    loop = asyncio.get_running_loop()

    async def one(portfolio: str) -> list[tuple[int, bytes]]:
        opening = loop.create_connection(
            lambda: Receipts(_request(connections, portfolio)),
            str(place.hostname),
            place.port or 80,
        )
        transport, client = await asyncio.wait_for(opening, CONNECT_BOUND_S)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(client.answered.wait(), CONNECT_BOUND_S)
            _check_status(client.pieces[0][1] if client.pieces else b"")
            with suppress(TimeoutError):
                await asyncio.wait_for(client.ended.wait(), seconds)
                raise UnavailableError(f"the push stream of {portfolio} ended within {seconds:g} s")
        finally:
            transport.close()
        return client.pieces

    late_ms: list[float] = []
    streams = await asyncio.gather(*map(one, portfolios))
    ended_ns = monotonic_ns()
    for portfolio, pieces in zip(portfolios, streams, strict=True):
        counted = list(received(pieces))[1:]
        last_ns = counted[-1][1] if counted else 0
        if ended_ns - last_ns > SILENT_NS:
            raise UnavailableError(f"nothing new of {portfolio} was pushed to the end")
        late_ms += [(at_ns - head.stages.valued_ns) / 1e6 for head, at_ns in counted]
    return late_ms


async def pushed_trades(
    client: httpx.AsyncClient,
    connections: Connections,
    portfolio: str,
    instrument: str,
    *,
    seconds: float,
) -> list[float]:
    """Return how long each trade took from its acceptance to the new VaR pushed, ms.

    Sent on an absolute schedule, ``TRADES_PER_S``: one that is slow holds no other back.

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

    began_ns = monotonic_ns()

    async def one(number: int) -> int:
        due_ns = began_ns + round(number / TRADES_PER_S * 1e9)
        await asyncio.sleep(max(due_ns - monotonic_ns(), 0) / 1e9)
        trade_id = f"goal-{began_ns}-{number}"
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
        return await _until(waiting[trade_id], trade_id) - accepted_ns

    async with push_lines(connections, portfolio) as reader:
        listening = asyncio.create_task(listen(reader))
        late_ns = await asyncio.gather(*map(one, range(int(seconds * TRADES_PER_S))))
        listening.cancel()
    return [max(late, 0) / 1e6 for late in late_ns]


def _request(connections: Connections, portfolio: str) -> bytes:
    return (
        f"GET /v1/stream?portfolio={portfolio}&compact=true HTTP/1.1\r\n"
        f"Host: {urlparse(connections.api_url).netloc}\r\n"
        f"Authorization: Bearer {connections.api_token}\r\nAccept: text/event-stream\r\n\r\n"
    ).encode()


def _check_status(answer: bytes) -> None:
    status = answer.partition(b"\n")[0]
    if b" 200 " not in status:
        raise UnavailableError(f"the push stream answered {status.decode().strip() or 'nothing'}")


async def _until(pushed: asyncio.Future[int], trade_id: str) -> int:
    try:
        return await asyncio.wait_for(pushed, TRADE_BOUND_S)
    except TimeoutError:
        raise UnavailableError(
            f"no VaR with trade {trade_id} was pushed within {TRADE_BOUND_S:.0f} s"
        ) from None
