"""One desk, many browsers: each is told that something changed, and takes the newest.

Nothing queues: a browser that is slow misses the states in between, never the last one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from system.errors import UnavailableError

MAX_BROWSERS: Final = 64


class TooManyBrowsersError(UnavailableError):
    """Every place is taken; the message says how many there are."""


class Fanout:
    """Wakes whoever listens.

    Parameters
    ----------
    max_browsers : int
        More are refused, not queued.
    """

    def __init__(self, max_browsers: int = MAX_BROWSERS) -> None:
        self._max_browsers = max_browsers
        self._signals: set[asyncio.Event] = set()

    def __len__(self) -> int:
        return len(self._signals)

    def wake(self) -> None:
        """Tell every browser's task that the desk has changed."""
        for signal in self._signals:
            signal.set()

    @contextmanager
    def listener(self) -> Iterator[Listener]:
        """Hold a place while a browser listens.

        Raises
        ------
        TooManyBrowsersError
            If every place is taken.
        """
        if len(self._signals) >= self._max_browsers:
            raise TooManyBrowsersError(f"{self._max_browsers} browsers listen already")
        signal = asyncio.Event()
        self._signals.add(signal)
        try:
            yield Listener(signal)
        finally:
            self._signals.discard(signal)


class Listener:
    """One browser's place."""

    def __init__(self, signal: asyncio.Event) -> None:
        self._signal = signal

    async def changed(self, within_seconds: float) -> bool:
        """Wait for a change, at most so long; return whether there was one."""
        try:
            await asyncio.wait_for(self._signal.wait(), within_seconds)
        except TimeoutError:
            return False
        self._signal.clear()
        return True
