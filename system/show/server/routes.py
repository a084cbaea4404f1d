"""The dashboard's own routes: the push to browsers, and the files that draw.

They keep clear of Streamlit's prefixes (``/_stcore/``, ``/media/``, ``/component/``,
``/static/``). The address of the files carries a hash of them, so that a browser never
draws with yesterday's.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Final

from sse_starlette import EventSourceResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from system.clock import monotonic_ns, wall_ns
from system.contracts.text.names import MAX_ID_LENGTH
from system.show.server.browsers import browser_of
from system.show.server.fanout import Listener, TooManyBrowsersError
from system.show.server.runtime import Dashboard, current
from system.show.state.dashboard import Cursor, encoded

STREAM_PATH: Final = "/live/stream"
STATIC_DIR: Final = Path(__file__).parents[1] / "static"
HEARTBEAT_SECONDS: Final = 0.5
"""A browser calls the page stale after 2 s without a push: it gets four chances."""
COALESCE_SECONDS: Final = 0.003
"""The snapshots of one batch come within this; they go out as one push."""
MIN_INTERVAL_SECONDS: Final = 0.03
SEND_TIMEOUT_SECONDS: Final = 10.0
KEEP_FOR_EVER: Final = "public, max-age=31536000, immutable"


def routes() -> list[Route]:
    """Return the routes to mount beside Streamlit's."""
    return [
        Route(STREAM_PATH, _stream),
        Route("/live/health", _health),
        Route("/live/assets/{version}/{name}", _asset),
    ]


@cache
def asset_version() -> str:
    """Return a hash of the files that draw; new files have new addresses."""
    digest = hashlib.sha256()
    for path in sorted(STATIC_DIR.iterdir()):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def asset_url(name: str) -> str:
    """Return the address of a file, relative to the page."""
    return f"live/assets/{asset_version()}/{name}"


async def _stream(request: Request) -> Response:
    portfolio = request.query_params.get("portfolio", "")[:MAX_ID_LENGTH]
    return EventSourceResponse(
        _pushes(current(), portfolio, browser_of(request.headers)),
        headers={"Cache-Control": "no-store"},
        send_timeout=SEND_TIMEOUT_SECONDS,
    )


async def _pushes(live: Dashboard, portfolio: str, browser: str = "") -> AsyncIterator[bytes]:
    """Yield the newest state whenever it has changed, at most 30 times a second."""
    try:
        with live.fanout.listener(browser) as listener:
            cursor = Cursor()
            while True:
                message, cursor = live.desk.message(
                    portfolio, cursor, now_ns=monotonic_ns(), wall_ns=wall_ns()
                )
                if message.selected:
                    live.look_at(message.selected)
                yield b"data: %s\n\n" % encoded(message)
                await _pause(listener)
    except TooManyBrowsersError as error:
        yield b"event: refused\ndata: %s\n\n" % str(error).encode()


async def _pause(listener: Listener) -> None:
    await asyncio.sleep(MIN_INTERVAL_SECONDS)
    if await listener.changed(HEARTBEAT_SECONDS):
        await asyncio.sleep(COALESCE_SECONDS)


async def _health(_request: Request) -> Response:
    live = current()
    return PlainTextResponse(f"ok, {len(live.fanout)} listening\n")


async def _asset(request: Request) -> Response:
    name, version = request.path_params["name"], request.path_params["version"]
    if name not in _asset_names() or version != asset_version():
        raise HTTPException(404, f"no such file: {name}")
    return FileResponse(STATIC_DIR / name, headers={"Cache-Control": KEEP_FOR_EVER})


@cache
def _asset_names() -> frozenset[str]:
    return frozenset(path.name for path in STATIC_DIR.iterdir())
