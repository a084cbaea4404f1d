"""A browser gets a word with the page, and is known by it."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from system.settings import Settings
from system.show.server.browsers import COOKIE, UNKNOWN, browser_of
from system.show.server.guards import middleware
from tests.system.web.asking import KNOWN_HOST, asked


async def page(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("page")


def app() -> ASGIApp:
    routes = [Route("/", page), Route("/live/health", page)]
    return Starlette(routes=routes, middleware=middleware(Settings()))


def test_a_new_browser_gets_a_word_that_scripts_and_other_sites_cannot_use() -> None:
    cookie = asked(app(), "/", KNOWN_HOST).headers["set-cookie"]
    assert re.fullmatch(rf"{COOKIE}=[\w-]{{22}}; Path=/; HttpOnly; SameSite=Strict", cookie)
    word = cookie.split("=")[1].split(";")[0]
    assert browser_of(Headers({"cookie": f"a=b; {COOKIE}={word}"})) == word


def test_a_known_browser_keeps_its_word() -> None:
    known = ("Cookie", f"{COOKIE}={'w' * 22}")
    assert "set-cookie" not in asked(app(), "/", KNOWN_HOST, known).headers


def test_only_the_page_gives_words() -> None:
    assert "set-cookie" not in asked(app(), "/live/health", KNOWN_HOST).headers


@pytest.mark.parametrize(
    "cookie", ["", "x", f"{COOKIE}=", f"{COOKIE}=short", f"{COOKIE}=;;=\0", "\\"]
)
def test_no_word_or_none_of_ours_is_the_unknown_browser(cookie: str) -> None:
    assert browser_of(Headers({"cookie": cookie})) == UNKNOWN
