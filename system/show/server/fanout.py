"""One desk, many browsers: each is told that something changed, and takes the newest.

Nothing queues: a browser that is slow misses the states in between, never the last one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from system.errors import UnavailableError

MAX_LISTENERS: Final = 64


class TooManyBrowsersError(UnavailableError):
    """Every place is taken; the message says how many there are."""


class Fanout:
    """Wakes whoever listens.

    Parameters
    ----------
    max_listeners : int
        More are not taken, not queued: where all places are, the browser with the most gives one
        to a browser with fewer, and a further tab of the first is refused.
    """

    def __init__(self, max_listeners: int = MAX_LISTENERS) -> None:
        self._max_listeners = max_listeners
        self._listeners: list[Listener] = []

    def __len__(self) -> int:
        return len(self._listeners)

    def wake(self) -> None:
        """Tell every listener that the desk has changed."""
        for listener in self._listeners:
            listener.wake()

    @contextmanager
    def listener(self, browser: str = "") -> Iterator[Listener]:
        """Hold a place while a tab listens.

        Parameters
        ----------
        browser : str
            Whose tab it is.

        Raises
        ------
        TooManyBrowsersError
            If every place is taken, and no other browser has more of them.
        """
        if len(self._listeners) >= self._max_listeners:
            self._make_room(browser)
        listener = Listener(browser)
        self._listeners.append(listener)
        try:
            yield listener
        finally:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def _make_room(self, browser: str) -> None:
        held = Counter(listener.browser for listener in self._listeners)
        most, count = held.most_common(1)[0] if held else (browser, 0)
        if count <= held[browser] + 1:
            raise TooManyBrowsersError(f"{self._max_listeners} tabs listen already")
        oldest = next(listener for listener in self._listeners if listener.browser == most)
        self._listeners.remove(oldest)
        oldest.end()


class Listener:
    """One tab's place.

    Parameters
    ----------
    browser : str
        Whose it is.
    """

    def __init__(self, browser: str = "") -> None:
        self.browser = browser
        self.is_ended = False
        self._signal = asyncio.Event()

    def wake(self) -> None:
        """Say that something has changed."""
        self._signal.set()

    def end(self) -> None:
        """Take the place away."""
        self.is_ended = True
        self._signal.set()

    async def changed(self, within_seconds: float) -> bool:
        """Wait for a change, at most so long; return whether there was one.

        Raises
        ------
        TooManyBrowsersError
            If the place was given to another browser.
        """
        try:
            await asyncio.wait_for(self._signal.wait(), within_seconds)
        except TimeoutError:
            return False
        if self.is_ended:
            raise TooManyBrowsersError("this browser has many tabs: another one has the place now")
        self._signal.clear()
        return True
