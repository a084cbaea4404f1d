"""Starts ``console_server`` in a process of its own: locust replaces parts of the library."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from system.runtime.components.ports import free_ports

START_SECONDS = 60.0


@contextmanager
def console() -> Iterator[str]:
    """Give the address of a console that listens."""
    (port,) = free_ports([None])
    command = [sys.executable, "-m", "tests.loadtests.users.console_server", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        timer = threading.Timer(START_SECONDS, process.kill)
        timer.start()
        try:
            assert process.stdout.readline() == b"ready\n", "it ended, or took too long"
            timer.cancel()
            yield f"http://127.0.0.1:{port}"
        finally:
            timer.cancel()
            process.kill()
