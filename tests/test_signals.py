"""Programs of the tests start alike, whatever ``nohup`` or a background shell ignores."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.signals import with_default_signals

SHOWN = "import signal; print(*(signal.getsignal(number).name for number in (1, 3, 15)))"
IGNORING = """
import signal, subprocess, sys
for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
sys.exit(subprocess.call(sys.argv[1:]))
"""
PROGRAM = [sys.executable, "-c", SHOWN]


@pytest.mark.parametrize(
    ("command", "handling"),
    [(PROGRAM, "SIG_IGN SIG_IGN SIG_IGN"), (with_default_signals(PROGRAM), "SIG_DFL " * 3)],
)
def test_a_reset_command_ignores_nothing_that_its_parent_ignored(command, handling):
    done = subprocess.run(
        [sys.executable, "-c", IGNORING, *command], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == handling.strip()
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN
