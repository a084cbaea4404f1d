"""Child process of a run: started, read, bounded, and never left behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from system.errors import UnavailableError
from validation.run.command import log_tail

READY_BOUND_S: Final = 120.0
STOP_BOUND_S: Final = 30.0
"""Longest time between SIGTERM, or the end of its input, and SIGKILL."""
LOG_LINES: Final = 5


class ProcessFailedError(UnavailableError):
    """A child process ended with an error; names it, its exit code and the end of its log."""


class ChildProcess:
    """Child process in a session of its own; a context manager.

    Parameters
    ----------
    name : str
        Name in errors, with its article.
    command : sequence of str
        Program and arguments.
    log : Path
        File that standard error is appended to.
    ready : str, optional
        Line on standard output that ``start`` waits for.
    on_line : callable, optional
        Receives each whole line of standard output, line end included, from another thread.
    environment : mapping of str to str, optional
        Default: that of this process.
    cwd : Path, optional
        Default: that of this process.
    ends_with_input : bool
        Whether ``stop`` ends it by closing its standard input; otherwise by SIGTERM.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        ready: str | None = None,
        on_line: Callable[[bytes], None] | None = None,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        ends_with_input: bool = False,
    ) -> None:
        self._name = name
        self._command = list(command)
        self._log = log
        self._ready = ready
        self._on_line = on_line
        self._environment = environment
        self._cwd = cwd
        self._ends_with_input = ends_with_input
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._started().pid

    @property
    def is_running(self) -> bool:
        """True from its start to its end."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, and return once it is ready.

        Raises
        ------
        ProcessFailedError
            If it does not print its ready line within ``READY_BOUND_S``.
        """
        with self._log.open("ab") as stream:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                env=None if self._environment is None else dict(self._environment),
                cwd=self._cwd,
                start_new_session=True,
            )
        ready = self._ready
        if ready is not None and self.read_line(READY_BOUND_S).strip() != ready.encode():
            self.stop()
            raise ProcessFailedError(f"{self._name} did not start: {self._log_end()}")
        if self._on_line is not None:
            output = _pipe(self._process.stdout)
            self._reader = threading.Thread(
                target=_read_lines, args=(output, self._on_line), name=self._name, daemon=True
            )
            self._reader.start()

    def stop(self) -> None:
        """End it, and return when it has ended and its output is read; harmless when it has."""
        process, self._process = self._process, None
        if process is None:
            return
        if self._ends_with_input:
            _close(process.stdin)
        elif process.poll() is None:
            process.terminate()
        try:
            process.wait(STOP_BOUND_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._join()
        _close(process.stdin)
        if self._reader is None:
            _close(process.stdout)

    def wait(self, timeout_s: float) -> None:
        """Wait for its end, until everything that it printed was handled.

        Parameters
        ----------
        timeout_s : float
            Bound, seconds.

        Raises
        ------
        ProcessFailedError
            If it ended with an error, or did not end in time.
        """
        try:
            code = self._started().wait(timeout_s)
        except subprocess.TimeoutExpired:
            msg = f"{self._name} did not end within {timeout_s:.0f} s"
            raise ProcessFailedError(msg) from None
        self._join()
        if code:
            raise ProcessFailedError(f"{self._name} ended with {code}: {self._log_end()}")

    def read_line(self, bound_s: float) -> bytes:
        """Return the next line of standard output; kills the process at the bound.

        Parameters
        ----------
        bound_s : float
            Seconds.

        Returns
        -------
        bytes
            Line end included; empty where the output has ended.
        """
        process = self._started()
        timer = threading.Timer(bound_s, process.kill)
        timer.start()
        try:
            return _pipe(process.stdout).readline()
        finally:
            timer.cancel()

    def write_line(self, line: bytes) -> None:
        """Write a line to standard input, without its end; a process that has ended misses it."""
        stream = _pipe(self._started().stdin)
        with suppress(BrokenPipeError, ValueError):
            stream.write(line + b"\n")
            stream.flush()

    def _started(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self._name} was started and not stopped"
        return self._process

    def _join(self) -> None:
        if self._reader is not None:
            self._reader.join(STOP_BOUND_S)

    def _log_end(self) -> str:
        return log_tail(self._log, LOG_LINES) or "it said nothing"


def python_command(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs a module with this interpreter."""
    return (sys.executable, "-m", module, *arguments)


def _read_lines(stream: IO[bytes], on_line: Callable[[bytes], None]) -> None:
    with stream:
        for line in stream:
            if line.endswith(b"\n"):
                on_line(line)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None, "both streams of a child process are pipes"
    return stream


def _close(stream: IO[bytes] | None) -> None:
    with suppress(BrokenPipeError):
        _pipe(stream).close()
