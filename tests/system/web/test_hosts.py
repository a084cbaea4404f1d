"""Only requests under a known host name are taken, HTTP and WebSocket alike."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from system.web.hosts import HostCheck, host_name
from tests.system.web.asking import ACCEPTED, asked


async def page(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("numbers")


async def orders(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("numbers")
    await websocket.close()


def app(*hosts: str) -> ASGIApp:
    return Starlette(
        routes=[Route("/", page), WebSocketRoute("/orders", orders)],
        middleware=[Middleware(HostCheck, hosts=hosts)],
    )


KNOWN = ("localhost", "LOCALHOST:8501", "127.0.0.1", "127.0.0.1:80", "[::1]:8501", "localhost.")
UNKNOWN = (
    *("evil.example", "evil.example:8501", "localhost.evil.example", "evil.localhost", "127.0.0.2"),
    *(
        "169.254.169.254",
        "[::]",
        "localhost:x",
        "a@localhost",
        "localhost@evil.example",
        "",
        "[::1",
        "*",
    ),
    *("localhost evil.example", "localhost,evil.example", "127.0.0.1.nip.io", "2130706433"),
)


@pytest.mark.parametrize("host", KNOWN)
def test_names_of_loopback_are_taken(host: str) -> None:
    assert asked(app(), "/", ("Host", host)).body == b"numbers"
    assert asked(app(), "/orders", ("Host", host), websocket=True).status == ACCEPTED


@pytest.mark.parametrize("host", UNKNOWN)
def test_a_request_under_another_name_is_refused(host: str) -> None:
    answer = asked(app(), "/", ("Host", host))
    assert answer.status == 421
    assert answer.headers["content-type"] == "application/problem+json"
    assert "RISKSTREAM_ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize("host", UNKNOWN)
def test_a_websocket_under_another_name_is_refused(host: str) -> None:
    headers = (("Host", host), ("Origin", f"http://{host}"))
    assert asked(app(), "/orders", *headers, websocket=True).status == 421


def test_a_name_that_is_allowed_is_taken_beside_those_of_loopback() -> None:
    for host in ("desk.example", "desk.example:443", "localhost"):
        assert asked(app("Desk.example"), "/", ("Host", host)).status == 200
    assert asked(app("Desk.example"), "/", ("Host", "x.desk.example")).status == 421


@pytest.mark.parametrize("names", [(), ("localhost", "evil.example"), ("localhost", "localhost")])
def test_a_request_with_no_name_or_two_is_refused(names: tuple[str, ...]) -> None:
    assert asked(app(), "/", *(("Host", name) for name in names)).status == 421


@pytest.mark.parametrize(
    ("authority", "host"), [("Desk.Example:80", "desk.example"), ("[::1]", "::1"), ("/", None)]
)
def test_a_host_is_read_without_its_port(authority: str, host: str | None) -> None:
    assert host_name(authority) == host
