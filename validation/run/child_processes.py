"""Processes that a run is made of: the observer, and the source of market data."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from system.contracts.oracle import OracleCheck
from system.errors import UnavailableError
from system.simulate.progress import DaySent, Progress, PublishSummary, read_progress
from validation.measure import jitter, observer
from validation.oracle import recompute_ahead
from validation.run.command import log_tail

READY_BOUND_S: Final = 120.0
STOP_BOUND_S: Final = 15.0
LOG_LINES: Final = 5


class ProcessFailedError(UnavailableError):
    """A process of the run ended wrongly; names it, how it ended and its last words."""


class WatchingProcess:
    """A process that says a word once it watches, and ends when told; a context manager.

    Parameters
    ----------
    name : str
        What it is called in errors.
    arguments : sequence of str
        Behind ``python -m``.
    ready : str
        Its word.
    log : Path
        Where its complaints go.
    """

    def __init__(self, name: str, arguments: Sequence[str], *, ready: str, log: Path) -> None:
        self._name = name
        self._command = [sys.executable, "-m", *arguments]
        self._ready = ready
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

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
        """Its process id."""
        assert self._process is not None, "it is started"
        return self._process.pid

    def start(self) -> None:
        """Start it and return once it watches.

        Raises
        ------
        ProcessFailedError
            If it does not within ``READY_BOUND_S``.
        """
        with self._log.open("ab") as stream:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=stream, start_new_session=True
            )
        timer = threading.Timer(READY_BOUND_S, self._process.kill)
        timer.start()
        try:
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if line.strip() != self._ready.encode():
            self.stop()
            raise ProcessFailedError(f"the {self._name} did not start: {_words(self._log)}")

    def stop(self) -> None:
        """End it and return when all is written; harmless when it has ended."""
        if self._process is not None:
            _end(self._process)
            assert self._process.stdout is not None, "its output is a pipe"
            self._process.stdout.close()
            self._process = None


class ObserverProcess(WatchingProcess):
    """The observer as a process of its own.

    Parameters
    ----------
    record : Path
        Where it writes what it sees.
    state_dir : Path
        Folder of the stack that it observes.
    log : Path
        Where its complaints go.
    options : sequence of str
        Further options of ``validation.measure.observer``.
    """

    def __init__(
        self, record: Path, *, state_dir: Path, log: Path, options: Sequence[str] = ()
    ) -> None:
        arguments = [
            "validation.measure.observer",
            str(record),
            "--state-dir",
            str(state_dir),
            *options,
        ]
        super().__init__("observer", arguments, ready=observer.READY, log=log)


class AheadProcess(WatchingProcess):
    """The recomputation of every announced snapshot, beside the run, as a process of its own.

    Parameters
    ----------
    path : Path
        Where it writes its verdicts.
    state_dir : Path
        Folder of the stack that it follows.
    log : Path
        Where its complaints go.
    """

    def __init__(self, path: Path, *, state_dir: Path, log: Path) -> None:
        arguments = ["validation.oracle.recompute_ahead", str(path), "--state-dir", str(state_dir)]
        super().__init__("recomputing oracle", arguments, ready=recompute_ahead.READY, log=log)
        self._path = path

    def verdicts(self) -> dict[str, OracleCheck]:
        """End it, and return the verdicts that it came to, by the digest of the snapshot."""
        self.stop()
        return recompute_ahead.read_recomputed(self._path)


class HiccupProcess(WatchingProcess):
    """What watches the machine's own pauses, as a process of its own.

    Parameters
    ----------
    path : Path
        Where it writes what it sees.
    log : Path
        Where its complaints go.
    """

    def __init__(self, path: Path, *, log: Path) -> None:
        arguments = ["validation.measure.jitter", str(path)]
        super().__init__("watch of the machine", arguments, ready=jitter.READY, log=log)


class ReplayProcess:
    """The source of market data as a process of its own; a context manager.

    Parameters
    ----------
    arguments : sequence of str
        Behind ``python -m system.simulate``.
    log : Path
        Where its complaints go.
    on_day : callable
        Told of each day that is sent, from another thread.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        log: Path,
        on_day: Callable[[DaySent], None] = lambda day: None,
    ) -> None:
        self._command = [sys.executable, "-m", "system.simulate", *arguments]
        self._log = log
        self._on_day = on_day
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self.summary: PublishSummary | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as stream:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), name="replay-progress", daemon=True
        )
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            _end(self._process)
            self._join()
            assert self._process.stdin is not None, "its input is a pipe"
            with suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process = None

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process is not None and self._process.poll() is None

    def wait(self, timeout_s: float) -> PublishSummary | None:
        """Return what was sent once all is sent; None for reference data alone.

        Parameters
        ----------
        timeout_s : float
            Bound, seconds.

        Raises
        ------
        ProcessFailedError
            If it failed, or did not end in time.
        """
        assert self._process is not None, "wait() is for a process that was started"
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise ProcessFailedError(f"the replay did not end within {timeout_s:.0f} s") from None
        self._join()
        if code:
            raise ProcessFailedError(f"the replay ended with {code}: {_words(self._log)}")
        return self.summary

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                if line.endswith(b"\n"):
                    self._take(read_progress(line))

    def _join(self) -> None:
        assert self._reader is not None, "its reader is started with it"
        self._reader.join(STOP_BOUND_S)

    def _take(self, progress: Progress) -> None:
        if isinstance(progress, DaySent):
            self._on_day(progress)
        elif isinstance(progress, PublishSummary):
            self.summary = progress


def replay_arguments(
    command: str,
    *,
    bootstrap_servers: str,
    days: tuple[dt.date, dt.date],
    currencies: Sequence[str] = (),
    options: Sequence[str] = (),
) -> list[str]:
    """Return the arguments of the source of market data.

    Parameters
    ----------
    command : str
        ``reference`` or ``replay``.
    bootstrap_servers : str
        The brokers.
    days : tuple of date
        First and last day, both included.
    currencies : sequence of str
        Whose rates are sent.
    options : sequence of str
        Further options, as on the command line.
    """
    first, last = days
    where = ["--bootstrap", bootstrap_servers, "--currencies", ",".join(currencies)]
    return [command, "--from", str(first), "--to", str(last), *where, *options]


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_BOUND_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _words(log: Path) -> str:
    return log_tail(log, LOG_LINES) or "it said nothing"
