"""Requests are taken under known host names only.

A web page of another site can let its own name point to this machine (DNS rebinding): its
requests then come from the user's own browser, with an Origin that fits the Host. What such a
page cannot do is send another Host than its own name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from system.contracts.api.risk import Problem
from system.contracts.codec import encode
from system.contracts.text.checked import shown

LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})
PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
_AUTHORITY: Final = re.compile(
    r"(?P<name>[a-z0-9]([a-z0-9._-]{0,252}[a-z0-9])?)\.?(:[0-9]{1,5})?|\[(?P<address>[0-9a-f:.]{2,45})\](:[0-9]{1,5})?"
)


def host_name(authority: str) -> str | None:
    """Return the host of a ``Host`` header in small letters, None where it is none.

    Examples
    --------
    >>> host_name("LocalHost:8501"), host_name("[::1]:8000"), host_name("a@b")
    ('localhost', '::1', None)
    """
    parts = _AUTHORITY.fullmatch(authority.lower())
    return (parts["name"] or parts["address"]) if parts else None


class HostCheck:
    """ASGI middleware that refuses a request or a WebSocket under any other host name.

    Parameters
    ----------
    app : ASGIApp
        What is asked under a name that is allowed.
    hosts : iterable of str
        Names and addresses without a port, beside those of loopback.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = LOOPBACK_HOSTS | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 421."""
        if scope["type"] not in {"http", "websocket"} or self._is_known(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        await _refusal(HTTPConnection(scope))(scope, receive, send)

    def _is_known(self, headers: Headers) -> bool:
        given = headers.getlist("host")
        return len(given) == 1 and host_name(given[0]) in self._hosts


def _refusal(connection: HTTPConnection) -> Response:
    status = HTTPStatus.MISDIRECTED_REQUEST
    named = ", ".join(map(shown, connection.headers.getlist("host"))) or "nothing"
    problem = Problem(
        title=status.phrase,
        status=status,
        detail=f"not served under the host {named}: use 127.0.0.1 or localhost, or name the host "
        "in RISKSTREAM_ALLOWED_HOSTS where the server is started",
    )
    return Response(encode(problem), status, media_type=PROBLEM_MEDIA_TYPE)
