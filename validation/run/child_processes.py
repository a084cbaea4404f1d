"""Child processes of a run: the observer, the recomputation, the jitter watch, the replay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

from system.contracts.oracle import OracleCheck
from system.simulate.progress import DaySent, Progress, PublishSummary, read_progress
from validation.measure import jitter, observer
from validation.oracle import recompute_ahead
from validation.run.child_process import ChildProcess, python_command


class ObserverProcess(ChildProcess):
    """The observer as a process of its own.

    Parameters
    ----------
    record : Path
        Record that it writes.
    state_dir : Path
        Folder of the stack that it observes.
    log : Path
        File for its errors.
    options : sequence of str
        Further options of ``validation.measure.observer``.
    """

    def __init__(
        self, record: Path, *, state_dir: Path, log: Path, options: Sequence[str] = ()
    ) -> None:
        arguments = (str(record), "--state-dir", str(state_dir), *options)
        command = python_command("validation.measure.observer", *arguments)
        super().__init__("the observer", command, ready=observer.READY, log=log)


class AheadProcess(ChildProcess):
    """The recomputation of every announced snapshot, during the run, as a process of its own.

    Parameters
    ----------
    path : Path
        File of verdicts that it writes.
    state_dir : Path
        Folder of the stack that it follows.
    log : Path
        File for its errors.
    """

    def __init__(self, path: Path, *, state_dir: Path, log: Path) -> None:
        arguments = (str(path), "--state-dir", str(state_dir))
        command = python_command("validation.oracle.recompute_ahead", *arguments)
        super().__init__("the recomputing oracle", command, ready=recompute_ahead.READY, log=log)
        self._path = path

    def verdicts(self) -> dict[str, OracleCheck]:
        """End it, and return its verdicts by the digest of the snapshot."""
        self.stop()
        return recompute_ahead.read_recomputed(self._path)


class HiccupProcess(ChildProcess):
    """The watch of the machine's own pauses, as a process of its own.

    Parameters
    ----------
    path : Path
        File of pauses that it writes.
    log : Path
        File for its errors.
    """

    def __init__(self, path: Path, *, log: Path) -> None:
        command = python_command("validation.measure.jitter", str(path))
        super().__init__("the watch of the machine", command, ready=jitter.READY, log=log)


class ReplayProcess(ChildProcess):
    """The source of market data as a process of its own.

    Parameters
    ----------
    arguments : sequence of str
        Arguments of the module.
    log : Path
        File for its errors.
    on_day : callable
        Receives each day that was sent, from another thread.
    module : str
        Module that is run.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        log: Path,
        on_day: Callable[[DaySent], None] = lambda day: None,
        module: str = "system.simulate",
    ) -> None:
        command = python_command(module, *arguments)
        super().__init__("the replay", command, log=log, on_line=self._take_line)
        self._on_day = on_day
        self.summary: PublishSummary | None = None

    def _take_line(self, line: bytes) -> None:
        self._take(read_progress(line))

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
