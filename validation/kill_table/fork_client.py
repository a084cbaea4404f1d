"""Client of the fork server: starts it, sends runs of pytest, ends it with all that it runs."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from validation.kill_table.fork_server import GRACE_S, LIBRARIES, ONE_THREAD, Reply, Request
from validation.run.command import CommandResult, log_tail

SCRIPT: Final = Path(__file__).with_name("fork_server.py")
START_BOUND_S: Final = 300.0
"""Longest time for the imports of the server; the first run waits for them."""
END_BOUND_S: Final = 30.0
LOG_LINES: Final = 5


class ForkServerError(Exception):
    """The fork server gave no reply; its last words are quoted."""


class ForkServer:
    """A fork server and its pipes; a context manager, used by one thread at a time.

    Parameters
    ----------
    folder : Path
        Folder that its children run in, with the packages under test.
    log : Path
        File for the complaints of the server itself.
    libraries : sequence of str
        Modules that it imports once; never one of this project.
    """

    def __init__(self, folder: Path, *, log: Path, libraries: Sequence[str] = LIBRARIES) -> None:
        self._folder = folder
        self._log = log
        self._libraries = libraries
        self._reading = threading.Lock()

    def __enter__(self) -> Self:
        with self._log.open("ab") as stream:
            # -P keeps both folders off sys.path. Hypothesis takes the folder of its example
            # database from the working folder while it is imported: the copy, which is deleted.
            self._process = subprocess.Popen(
                (sys.executable, "-P", str(SCRIPT), *self._libraries),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                cwd=self._folder,
                env={**os.environ, **ONE_THREAD},
                start_new_session=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the server; a run that another thread waits for ends with it."""
        assert self._process.stdin is not None, "its input is a pipe"
        self._process.stdin.close()
        try:
            self._process.wait(END_BOUND_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with self._reading:  # a thread that waits for a reply has now met the end of the pipe
            assert self._process.stdout is not None, "its output is a pipe"
            self._process.stdout.close()

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def run(self, request: Request) -> CommandResult:
        """Run pytest in a child of the server and return how it ended.

        Raises
        ------
        ForkServerError
            If the server ended, or gave no reply in time.
        """
        assert self._process.stdin is not None, "its input is a pipe"
        assert self._process.stdout is not None, "its output is a pipe"
        with self._reading:
            try:
                self._process.stdin.write(msgspec.json.encode(request) + b"\n")
                self._process.stdin.flush()
            except BrokenPipeError:
                raise self._silent() from None
            bound_s = START_BOUND_S + request.bound_s + GRACE_S
            replied, _, _ = select.select([self._process.stdout], [], [], bound_s)
            line = self._process.stdout.readline() if replied else b""
        if not line:
            raise self._silent()
        reply = msgspec.json.decode(line, type=Reply)
        return CommandResult(ending=reply.ending, exit_code=reply.exit_code, seconds=reply.seconds)

    def _silent(self) -> ForkServerError:
        return ForkServerError(f"the fork server does not reply: {log_tail(self._log, LOG_LINES)}")
