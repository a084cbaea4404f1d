"""Signals that ask a program to end: heard as Ctrl-C, or noted until the work under way is done."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
NOTED_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def heed_interrupts() -> None:
    """Let SIGINT, SIGTERM and a closed terminal interrupt this process from now on.

    A shell makes what it starts in the background ignore SIGINT, and a program inherits that:
    it would wait for ever for what never hears it. A SIGHUP that somebody chose to ignore
    (``nohup``) stays ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


@contextmanager
def stop_signals_as_interrupt() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end a run as Ctrl-C does.

    A signal that is ignored (``nohup``) stays ignored.
    """
    before = {
        number: signal.signal(number, _interrupt)
        for number in STOP_SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class StopRequest:
    """SIGTERM or SIGINT, noted from now on for a main loop that ends after the work under way.

    A handler that sets an ``Event`` can wait for ever: it may interrupt the thread that holds the
    event's lock. This one writes into a pipe.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        for number in NOTED_SIGNALS:
            signal.signal(number, self._note)

    def is_set(self) -> bool:
        """Return whether a signal has come."""
        return self.wait(0.0)

    def wait(self, timeout: float) -> bool:
        """Return whether a signal has come, after at most ``timeout`` seconds."""
        return bool(select.select([self._read], [], [], timeout)[0])

    def _note(self, number: int, frame: FrameType | None) -> None:
        os.write(self._write, b"!")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
