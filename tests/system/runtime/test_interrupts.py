"""Requests to end are heard as Ctrl-C, however the program was started."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

BOUND_S = 30
PROGRAM = """
import signal, sys
from system.runtime.interrupts import heed_interrupts
for name in sys.argv[1:]:
    signal.signal(signal.Signals[name], signal.SIG_IGN)
heed_interrupts()
try:
    print("up", flush=True)
    sys.stdin.read()
    print("to the end")
except KeyboardInterrupt:
    print("interrupted")
"""


def told(sent: signal.Signals, *deaf_to: str) -> str:
    """Return what the program says that gets a signal and then the end of its input."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *deaf_to],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "up\n"
        program.send_signal(sent)
        rest, _ = program.communicate(timeout=BOUND_S)
    return rest.strip()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_interrupts(sent):
    assert told(sent) == "interrupted"


def test_what_the_background_made_deaf_hears_interrupts_again():
    assert told(signal.SIGINT, "SIGINT") == "interrupted"


def test_what_nohup_ignores_stays_ignored():
    assert told(signal.SIGHUP, "SIGHUP") == "to the end"
