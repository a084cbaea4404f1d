"""Which browser asks: a random word in a cookie, so that one browser's tabs are counted together.

It is no log-in, and says nothing of a person: only how many places the same browser holds.
"""

from __future__ import annotations

import re
import secrets
from http.cookies import SimpleCookie
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE: Final = "riskstream_browser"
UNKNOWN: Final = ""
"""Whoever sends no cookie is one browser, however many there are."""
_WORD: Final = re.compile(r"[A-Za-z0-9_-]{22}")


def browser_of(headers: Headers) -> str:
    """Return the word of the browser that sent a request, `UNKNOWN` where it sent none."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(headers.get("cookie", ""))
    except ValueError:
        return UNKNOWN
    word = cookies[COOKIE].value if COOKIE in cookies else UNKNOWN
    return word if _WORD.fullmatch(word) else UNKNOWN


class BrowserCookie:
    """ASGI middleware that gives a browser its word with the page.

    Parameters
    ----------
    app : ASGIApp
        What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; the answer to a new browser's visit sets the cookie."""
        is_visit = scope["type"] == "http" and scope["path"] == "/"
        if not is_visit or browser_of(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return

        async def known(message: Message) -> None:
            if message["type"] == "http.response.start":
                word = secrets.token_urlsafe(16)
                cookie = f"{COOKIE}={word}; Path=/; HttpOnly; SameSite=Strict"
                MutableHeaders(scope=message).append("Set-Cookie", cookie)
            await send(message)

        await self._app(scope, receive, known)
