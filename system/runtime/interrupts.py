"""Treat every signal that asks a program to end as Ctrl-C, so that its child processes end too."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)


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


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
