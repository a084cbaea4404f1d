"""The one running dashboard of this process: where pages and routes find the desk.

Streamlit runs a page in its own thread; the desk belongs to the event loop. What a page
wants done there it hands over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from system.errors import InternalError
from system.settings import Connections
from system.show.server.fanout import Fanout
from system.show.state.dashboard import DashboardState


@dataclass(frozen=True)
class Dashboard:
    """Parts of a running dashboard.

    Parameters
    ----------
    desk : DashboardState
        Read anywhere, changed only in ``loop``.
    fanout : Fanout
        The browsers.
    loop : asyncio.AbstractEventLoop
        The one that the desk belongs to.
    connections : callable
        Where the API is now.
    look_at : callable
        Told which portfolio a browser looks at, in ``loop``.
    """

    desk: DashboardState
    fanout: Fanout
    loop: asyncio.AbstractEventLoop
    connections: Callable[[], Connections]
    look_at: Callable[[str], None] = lambda _portfolio: None

    def change(self, change: Callable[[DashboardState], None]) -> None:
        """Have the desk changed in its own thread, and the browsers told."""
        self.loop.call_soon_threadsafe(self._changed, change)

    def _changed(self, change: Callable[[DashboardState], None]) -> None:
        change(self.desk)
        self.fanout.wake()


_RUNNING: list[Dashboard] = []


def start(live: Dashboard) -> None:
    """Make a dashboard the one of this process."""
    assert not _RUNNING, "one dashboard per process"
    _RUNNING.append(live)


def stop() -> None:
    """Forget the dashboard of this process."""
    _RUNNING.clear()


def current() -> Dashboard:
    """Return the dashboard of this process.

    Raises
    ------
    InternalError
        If none runs: the page was started without ``system/show/app.py``.
    """
    if not _RUNNING:
        raise InternalError("no pump runs: start system/show/app.py, not page.py")
    return _RUNNING[0]
