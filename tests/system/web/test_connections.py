"""A client that is slow, or many clients that are, keep no place from others."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from system.web import connections
from system.web.connections import BoundedConnection, allow_open_files

BOUND_S = 20.0
CUT_WITHIN_S = 8.0
WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
HALF_BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf"
LARGE_BYTES = 64 * 1024**2
LARGE = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def page(request: Request) -> Response:
    await request.body()
    return PlainTextResponse("ok")


async def large(_request: Request) -> Response:
    return PlainTextResponse("x" * LARGE_BYTES)


async def slowly() -> AsyncIterator[bytes]:
    for _ in range(10):
        await asyncio.sleep(0.15)
        yield b"event\n"


async def events(_request: Request) -> Response:
    return StreamingResponse(slowly())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[uvicorn.Server]:
    """A server with eight places and short bounds."""
    for name in ("HEAD_BOUND_S", "BODY_BOUND_S", "UNREAD_BOUND_S"):
        monkeypatch.setattr(connections, name, 0.4)
    monkeypatch.setattr(connections, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 8)
    kind: Any = BoundedConnection
    app = Starlette(
        routes=[
            Route("/", page, methods=["GET", "POST"]),
            Route("/large", large),
            Route("/events", events),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=kind, log_level="critical"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    until(lambda: server.started)
    yield server
    server.should_exit = True
    thread.join(BOUND_S)


@pytest.fixture
def port(server: uvicorn.Server) -> int:
    address: tuple[str, int] = server.servers[0].sockets[0].getsockname()
    return address[1]


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


@contextlib.contextmanager
def opened(port: int, *pieces: bytes) -> Iterator[socket.socket]:
    """Yield a connection on which pieces were sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=BOUND_S) as client:
        for piece in pieces:
            client.sendall(piece)
        yield client


def is_cut(client: socket.socket) -> bool:
    """Return whether the server ends a connection, read to its end within the bound."""
    client.settimeout(CUT_WITHIN_S)
    try:
        while client.recv(65_536):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


def is_cut_while_sending(client: socket.socket, piece: bytes, pause_s: float = 0.0) -> bool:
    """Return whether the server ends a connection on which a client goes on to send."""
    give_up = time.monotonic() + BOUND_S
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < give_up:
            client.sendall(piece)
            time.sleep(pause_s)
    return time.monotonic() < give_up


@pytest.mark.parametrize("pieces", [(), (HALF,), (HALF_BODY,)], ids=["none", "head", "body"])
def test_a_client_that_does_not_go_on_is_cut_off(port: int, pieces: tuple[bytes, ...]) -> None:
    with opened(port, *pieces) as client:
        assert is_cut(client)


def test_a_head_that_comes_byte_by_byte_is_cut_off(port: int) -> None:
    with opened(port, HALF) as client:
        assert is_cut_while_sending(client, b"a", pause_s=0.02)


def test_half_of_a_second_request_is_cut_off_too(port: int) -> None:
    with opened(port, WHOLE) as client:
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        client.sendall(HALF)
        assert is_cut(client)


def test_a_head_without_end_is_cut_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_BOUND_S", BOUND_S)
    with opened(port, HALF) as client:
        assert is_cut_while_sending(client, b"X: " + b"x" * 65_536 + b"\r\n")


def test_a_client_that_does_not_read_is_cut_off(server: uvicorn.Server, port: int) -> None:
    with opened(port, LARGE) as client:
        until(lambda: server.server_state.total_requests == 1)
        until(lambda: not server.server_state.connections)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while chunk := client.recv(65_536):
                received += len(chunk)
        assert received < LARGE_BYTES


def test_a_client_that_reads_gets_all_of_a_large_answer(port: int) -> None:
    with opened(port, LARGE) as client:
        received = 0
        while received < LARGE_BYTES:
            received += len(client.recv(2**20))


def test_a_stream_of_events_outlives_every_bound(port: int) -> None:
    request = b"GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with opened(port, request) as client:
        received = b""
        while chunk := client.recv(65_536):
            received += chunk
    assert received.count(b"event\n") == 10


def test_a_new_client_is_served_while_all_places_are_held(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_BOUND_S", 10 * BOUND_S)
    with contextlib.ExitStack() as held:
        waiting = [held.enter_context(opened(port, HALF)) for _ in range(8)]
        with opened(port, WHOLE) as client:
            assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        assert is_cut(waiting[0]), "the one that has waited longest gives way"


def test_open_files_are_allowed_up_to_what_connections_need() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1_024, before[1]), before[1]))
        allow_open_files()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft == min(connections.OPEN_FILES, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
