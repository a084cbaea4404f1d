"""Requests to end are heard as Ctrl-C, however the program was started."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.signals import with_default_signals

BOUND_S = 60
PROGRAM = """
import contextlib, signal, sys
from system.runtime import interrupts
way, *ignored = sys.argv[1:]
for name in ignored:
    signal.signal(signal.Signals[name], signal.SIG_IGN)
made = getattr(interrupts, way)()
try:
    with made or contextlib.nullcontext():
        print("up", flush=True)
        sys.stdin.read()
        print("to the end")
except KeyboardInterrupt:
    print("interrupted")
"""
FOR_GOOD = "heed_interrupts"
FOR_A_WHILE = "stop_signals_as_interrupt"


def told(sent: signal.Signals, *ignored: str, way: str = FOR_GOOD) -> str:
    """Return what a program says that gets a signal and then the end of its input.

    It starts with the default handling of every signal, however the tests were started, and
    ignores those that are named.
    """
    with subprocess.Popen(
        with_default_signals([sys.executable, "-c", PROGRAM, way, *ignored]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "up\n"
        program.send_signal(sent)
        rest, _ = program.communicate(timeout=BOUND_S)
    return rest.strip()


@pytest.mark.parametrize("way", [FOR_GOOD, FOR_A_WHILE])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_interrupts(sent, way):
    assert told(sent, way=way) == "interrupted"


NOTING = """
from system.runtime.interrupts import StopRequest
request = StopRequest()
print(request.is_set(), request.wait(0.01), flush=True)
while not request.wait(60):
    pass
print(request.is_set(), request.wait(60))
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_request_is_noted_and_ends_a_wait(sent):
    with subprocess.Popen(
        with_default_signals([sys.executable, "-c", NOTING]), stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "False False\n"
        program.send_signal(sent)
        rest, _ = program.communicate(timeout=BOUND_S)
    assert rest == "True True\n"
    assert program.returncode == 0


def test_what_the_background_made_deaf_hears_interrupts_again():
    assert told(signal.SIGINT, "SIGINT") == "interrupted"


@pytest.mark.parametrize("way", [FOR_GOOD, FOR_A_WHILE])
def test_what_nohup_ignores_stays_ignored(way):
    assert told(signal.SIGHUP, "SIGHUP", way=way) == "to the end"
