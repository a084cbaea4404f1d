"""Every answer says that it may not be framed, and what it may load."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from system.web.headers import NOTHING, SECURITY_HEADERS, SecurityHeaders
from tests.system.web.asking import asked


async def page(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("plain")


async def own(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("own", headers={"Content-Security-Policy": "default-src 'self'"})


def app() -> ASGIApp:
    routes = [Route("/", page), Route("/own", own)]
    return Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)])


def test_every_answer_has_the_headers() -> None:
    for path in ("/", "/nothing-here"):
        headers = asked(app(), path).headers
        assert headers["content-security-policy"] == NOTHING
        assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_a_policy_of_the_answer_itself_is_kept() -> None:
    headers = asked(app(), "/own").headers
    assert headers["content-security-policy"] == "default-src 'self'"
    assert headers["x-frame-options"] == "DENY"
