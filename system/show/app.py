"""The dashboard as an ASGI application: ``streamlit run system/show/app.py``.

Streamlit serves the page; beside it one pump listens to the API and the browsers listen to
the pump, on the same origin. The browser never holds the API's token.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import streamlit as st

from system.settings import Connections, load_settings
from system.show.server import runtime
from system.show.server.fanout import Fanout
from system.show.server.feed import Feed, api_feed
from system.show.server.feeder import Feeder
from system.show.server.guards import middleware
from system.show.server.routes import routes
from system.show.state.dashboard import DashboardState


def connections() -> Connections:
    """Return where the API is now; read anew each time, because a stack may restart.

    Raises
    ------
    SettingsError
        If a variable or the stack's own file is malformed.
    """
    return load_settings().connections()


def open_feed() -> AbstractAsyncContextManager[Feed]:
    """Return a connection to wherever the API is now.

    Raises
    ------
    NotConnectedError
        If nothing says where it is.
    SettingsError
        If a variable or the stack's own file is malformed.
    """
    now = connections()
    return api_feed(now.api_url, now.api_token)


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[dict[str, object]]:
    """Run the pump while the dashboard runs."""
    desk, fanout = DashboardState(), Fanout()
    feeder, loop = Feeder(desk, fanout, open_feed), asyncio.get_running_loop()
    runtime.start(runtime.Dashboard(desk, fanout, loop, connections, feeder.want_history))
    pump = asyncio.create_task(feeder.run())
    # Streamlit collects all garbage after each script run; what is loaded by now never is.
    gc.freeze()
    try:
        yield {}
    finally:
        pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pump
        runtime.stop()


app = st.App(
    "page.py",
    lifespan=lifespan,
    routes=routes(),
    # Before Streamlit's own, so that its WebSocket is covered as well.
    middleware=middleware(load_settings()),
)
