"""SSE clients of plain sockets: what is pushed is stamped, counted and matched."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from loadtests.studies import sse_listeners
from loadtests.studies.sse_listeners import listened, push_lines, pushed_trades, received, snapshots
from system.clock import monotonic_ns
from system.errors import UnavailableError
from system.settings import Connections

HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nretry: 1000\r\n"


def event(kind: str, **data: object) -> bytes:
    return f"event: {kind}\r\ndata: {json.dumps(data)}\r\n\r\n".encode()


def snapshot(late_ns: int, *trade_ids: str) -> bytes:
    stages = {"valued_ns": monotonic_ns() - late_ns, "read_ns": 1}
    return event("snapshot", stages=stages, trade_ids=trade_ids, var=1.0)


def served(say: Callable[[asyncio.StreamWriter], None], talk):
    """Run ``talk`` against a server that answers each client with ``say``."""

    handling: set[asyncio.Task] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handling.add(asyncio.current_task())
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            say(writer)
            await writer.drain()
            await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def run():
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        facts = {"api_url": f"http://127.0.0.1:{port}", "api_token": "secret"}
        async with server:
            try:
                return await talk(Connections(facts, Path("nowhere")))
            finally:
                await asyncio.gather(*handling)

    return asyncio.run(run())


def test_snapshots_are_read_and_other_events_are_passed_over():
    def say(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD.encode() + event("heartbeat", epoch=3) + snapshot(0, "t-1", "t-2"))

    async def talk(connections):
        async with push_lines(connections, "book") as reader:
            head, _ = await anext(snapshots(reader))
            return head

    assert served(say, talk).trade_ids == ("t-1", "t-2")


def test_every_push_but_the_first_is_counted_by_its_age():
    def say(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD.encode())
        for late_ms in (9_000, 50, 70):
            writer.write(snapshot(late_ms * 10**6))

    async def listen(connections):
        return await listened(connections, ["a"], seconds=0.3)

    late_ms = served(say, listen)
    assert len(late_ms) == 2
    assert 50 <= late_ms[0] < 9_000
    assert late_ms[1] >= 70


def test_a_client_that_is_dropped_or_is_told_nothing_new_is_named():
    """Left out of the sample, it would make the figure better."""

    def drop(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD.encode() + snapshot(0) + snapshot(0))
        writer.write_eof()

    def say_once(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD.encode() + snapshot(0))

    async def talk(connections):
        await listened(connections, ["a"], seconds=0.3)

    with pytest.raises(UnavailableError, match="push stream of a ended within"):
        served(drop, talk)
    with pytest.raises(UnavailableError, match="nothing new of a"):
        served(say_once, talk)


def test_a_stream_that_falls_silent_is_named(monkeypatch):
    """Events that would have come late are not counted at all."""
    monkeypatch.setattr(sse_listeners, "SILENT_NS", 100_000_000)

    def say(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD.encode() + snapshot(0) + snapshot(0))

    async def talk(connections):
        await listened(connections, ["a"], seconds=0.3)

    with pytest.raises(UnavailableError, match="nothing new of a was pushed to the end"):
        served(say, talk)


def test_a_snapshot_in_pieces_came_with_its_last_piece():
    whole = event("heartbeat", epoch=1) + snapshot(0, "t-1") + snapshot(0, "t-2")
    for cut in range(len(whole)):
        events = list(received([(1, whole[:cut]), (2, whole[cut:])]))
        assert [head.trade_ids for head, _ in events] == [("t-1",), ("t-2",)]
        assert [at for _, at in events] in ([1, 1], [1, 2], [2, 2])
    assert [at for _, at in received([(1, whole[:-20]), (2, whole[-20:])])] == [1, 2]


def test_a_client_that_is_refused_or_gets_nothing_is_named():
    def refuse(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")

    def close(writer: asyncio.StreamWriter) -> None:
        writer.write_eof()

    async def talk(connections):
        await listened(connections, ["a"], seconds=30.0)

    with pytest.raises(UnavailableError, match="503"):
        served(refuse, talk)
    with pytest.raises(UnavailableError, match="answered nothing"):
        served(close, talk)


def test_a_refusal_is_named():
    def say(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 401 Unauthorized\r\n\r\n")

    async def talk(connections):
        async with push_lines(connections, "book"):
            pass

    with pytest.raises(UnavailableError, match="401"):
        served(say, talk)


def test_trades_go_out_on_their_schedule_however_late_their_numbers_come(monkeypatch):
    """The VaR of the first is pushed only once the last was sent."""
    monkeypatch.setattr(sse_listeners, "TRADES_PER_S", 200.0)
    streams: list[asyncio.StreamWriter] = []
    sent: list[str] = []
    sent_ns: list[int] = []

    def say(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD.encode())
        streams.append(writer)

    def accept(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content)["trade_id"])
        sent_ns.append(monotonic_ns())
        if len(sent) == 10:
            streams[0].write(snapshot(0, *sent))
        return httpx.Response(202)

    async def talk(connections):
        transport = httpx.MockTransport(accept)
        async with httpx.AsyncClient(base_url="http://api", transport=transport) as client:
            return await pushed_trades(client, connections, "book", "SIM001", seconds=0.05)

    late_ms = served(say, talk)
    assert len(set(sent)) == len(late_ms) == 10
    for trade_id, at_ns in zip(sent, sent_ns, strict=True):
        _, began_ns, number = trade_id.split("-")
        due_ns = int(began_ns) + int(number) * 5_000_000
        assert at_ns >= due_ns - 1_000_000, "none goes out before it is due"
    assert late_ms[0] > late_ms[8]
