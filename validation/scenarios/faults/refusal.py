"""A driver that refuses to start: its sentence in the log, and the command that it names."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

from system.clock import Clock
from system.errors import UnavailableError
from system.places import PROJECT_DIR
from validation.run.wait import polled

SAID_WITHIN_S: Final = 120.0
COMMAND_BOUND_S: Final = 120.0
POLL_S: Final = 0.5
COMMAND: Final = re.compile(r"`(riskstream recover[^`]*)`")
SHOWN: Final = 200


class RefusalLog:
    """Log of a driver from now on.

    Parameters
    ----------
    path : Path
        Log of the stream; rotated only when it is far larger than what one start says.
    clock : Clock
        Measures waits.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._begin = path.stat().st_size if path.exists() else 0

    def await_command(self, text: str) -> tuple[str, str]:
        """Return the line that refuses, and the command in it.

        Parameters
        ----------
        text : str
            Part of the line that is waited for.

        Raises
        ------
        UnavailableError
            If no line has the text and a command within ``SAID_WITHIN_S``.
        """

        def look() -> tuple[str, str] | None:
            for line in self._lines():
                if text in line and (match := COMMAND.search(line)):
                    return line, match[1]
            return None

        if refusal := polled(look, bound_s=SAID_WITHIN_S, poll_s=POLL_S, clock=self._clock):
            return refusal
        raise UnavailableError(
            f"the driver named no `riskstream recover` beside {text!r} within {SAID_WITHIN_S:.0f} s"
        )

    def _lines(self) -> list[str]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as log:
            log.seek(self._begin)
            return log.read().decode("utf-8", errors="replace").splitlines()


def run_command(command: str, state_dir: Path) -> str:
    """Run a command of the product as a person would who reads it; return the end of its output.

    Parameters
    ----------
    command : str
        As the driver wrote it.
    state_dir : Path
        Folder of the stack that it is for.

    Raises
    ------
    UnavailableError
        If it fails, or takes too long; says what it printed.
    """
    program, *arguments = shlex.split(command)
    environment = {
        **os.environ,
        "RISKSTREAM_STATE_DIR": str(state_dir),
        "PYTHONPATH": str(PROJECT_DIR),
    }
    try:
        done = subprocess.run(
            (str(Path(sys.executable).parent / program), *arguments),
            input="y\n",
            capture_output=True,
            text=True,
            timeout=COMMAND_BOUND_S,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"`{command}` took over {COMMAND_BOUND_S:.0f} s") from None
    printed = (done.stdout + done.stderr).strip()
    if done.returncode:
        raise UnavailableError(f"`{command}` failed ({done.returncode}): {printed[-1_000:]}")
    return " ".join(printed.split())[-SHOWN:] if printed else "nothing printed"
