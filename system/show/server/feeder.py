"""The pump: one connection to the API, kept up for ever, folded into the desk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from system.clock import monotonic_ns
from system.contracts.messages import RiskSnapshot
from system.errors import RiskstreamError
from system.show.server.fanout import Fanout
from system.show.server.feed import Feed, FeedEvent, OpenFeed
from system.show.state.dashboard import DashboardState

FIRST_RETRY_SECONDS: Final = 0.25
MAX_RETRY_SECONDS: Final = 2.0
MAX_BACKFILLS: Final = 1_024
EAGER_BACKFILLS: Final = 16
"""Books whose history is fetched unasked; a history is some thousand points."""
_LOGGER: Final = logging.getLogger(__name__)


@dataclass
class Feeder:
    """Feeds a desk from the API and wakes the browsers.

    Parameters
    ----------
    desk : DashboardState
        Owned by this pump's event loop from ``run`` on.
    fanout : Fanout
        Woken after each change.
    open_feed : OpenFeed
        Called anew for each connection, so that a moved API is found again.
    now_ns : callable
        CLOCK_MONOTONIC in nanoseconds.
    sleep : callable
        Waits between two attempts, seconds.
    """

    desk: DashboardState
    fanout: Fanout
    open_feed: OpenFeed
    now_ns: Callable[[], int] = monotonic_ns
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _delay: float = FIRST_RETRY_SECONDS
    _wanted: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(MAX_BACKFILLS))
    _asked: set[str] = field(default_factory=set)
    _dropped_count: int = 0

    async def run(self) -> None:
        """Connect, listen, and connect again, until cancelled."""
        while True:
            try:
                await self._listen()
                self._broken("the API ended the stream")
            except RiskstreamError as error:
                self._broken(str(error))
            await self.sleep(self._delay)
            self._delay = min(2 * self._delay, MAX_RETRY_SECONDS)

    async def _listen(self) -> None:
        async with self.open_feed() as feed:
            self._opened()
            backfill = asyncio.create_task(self._backfill(feed))
            try:
                async for event in feed.events():
                    self._take(event)
            finally:
                backfill.cancel()

    def _take(self, event: FeedEvent) -> None:
        if isinstance(event, RiskSnapshot):
            self.desk.take_snapshot(event, self.now_ns())
            if len(self._asked) < EAGER_BACKFILLS:
                self.want_history(event.portfolio)
        else:
            self.desk.take_status(event, self.now_ns())
            self._note_drops(event.dropped_count)
        self.fanout.wake()

    def _opened(self) -> None:
        self._delay = FIRST_RETRY_SECONDS
        self._asked.clear()
        self._dropped_count = 0
        self.desk.opened(self.now_ns())
        self.fanout.wake()

    def _broken(self, problem: str) -> None:
        _LOGGER.warning("no stream from the API: %s", problem)
        self.desk.broken(problem)
        self.fanout.wake()

    def _note_drops(self, dropped_count: int) -> None:
        """Ask for the history again where the API left snapshots out for our slowness."""
        if dropped_count > self._dropped_count:
            self._dropped_count = dropped_count
            self._asked.clear()

    def want_history(self, portfolio: str) -> None:
        """Have the stored history of a portfolio fetched, once per connection."""
        if portfolio not in self._asked and not self._wanted.full():
            self._asked.add(portfolio)
            self._wanted.put_nowait(portfolio)

    async def _backfill(self, feed: Feed) -> None:
        """Fetch the stored history of each portfolio that has shown up on this connection."""
        while True:
            portfolio = await self._wanted.get()
            try:
                self.desk.take_history(portfolio, await feed.history(portfolio))
            except RiskstreamError as error:
                _LOGGER.warning("no history: %s", error)
            self.fanout.wake()
