"""Programs that start with the default handling of signals, whatever the tests inherited."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_RESET = """
import os, signal, sys
for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGPIPE"):
    signal.signal(signal.Signals[name], signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, ())
os.execvp(sys.argv[1], sys.argv[1:])
"""


def with_default_signals(command: Sequence[str]) -> list[str]:
    """Return a command that resets the handling of signals and becomes the given one.

    ``nohup`` ignores SIGHUP, a shell's background SIGINT; a program inherits both. The process
    id stays the same.
    """
    return [sys.executable, "-c", _RESET, *command]
