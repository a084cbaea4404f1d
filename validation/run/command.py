"""Runs a command of a step: bounded, logged, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from system.clock import Clock, SystemClock

POLL_S: Final = 0.5
GROUP_POLL_S: Final = 0.05
GRACE_S: Final = (30.0, 10.0, 5.0)
"""Seconds that a process group may take to end after SIGINT, then SIGTERM, then SIGKILL."""
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
LARGEST_TAIL_BYTES: Final = 16_384

Ending = Literal["ended", "timed out", "not started"]


class CommandResult(msgspec.Struct, frozen=True, kw_only=True):
    """End of a command; ``exit_code`` is that of the process, 0 where none started."""

    ending: Ending
    exit_code: int
    seconds: float


def run_command(
    command: Sequence[str],
    *,
    log: Path,
    timeout_s: float,
    cwd: Path,
    on_wait: Callable[[], None] = lambda: None,
    clock: Clock | None = None,
) -> CommandResult:
    """Run a command to its end, with its output appended to a log.

    It runs in a process group of its own. At its bound, or when the caller is
    interrupted, the whole group is ended: SIGINT, then SIGTERM, then SIGKILL.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    log : Path
        File that both output streams are appended to.
    timeout_s : float
        Bound, seconds.
    cwd : Path
        Folder to run in.
    on_wait : callable
        Called about twice a second while the command runs.
    clock : Clock, optional
        Measures the bound.

    Returns
    -------
    CommandResult
        Also when the program does not exist or did not end in time.
    """
    clock = clock or SystemClock()
    started_ns = clock.monotonic_ns()
    with log.open("ab") as stream:
        stream.write(f"$ {' '.join(command)}\n".encode())
        stream.flush()
        try:
            process = subprocess.Popen(
                command, cwd=cwd, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
            )
        except OSError as error:
            stream.write(f"{error}\n".encode())
            return CommandResult(ending="not started", exit_code=0, seconds=0.0)
    deadline_ns = started_ns + round(timeout_s * 1e9)
    ended = _wait(process, deadline_ns, on_wait, clock)
    return CommandResult(
        ending="ended" if ended else "timed out",
        exit_code=process.returncode,
        seconds=(clock.monotonic_ns() - started_ns) / 1e9,
    )


def log_tail(log: Path, line_count: int) -> str:
    """Return the last lines of a log; nothing where there is no log."""
    if not log.is_file():
        return ""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - LARGEST_TAIL_BYTES))
        text = stream.read().decode("utf-8", "replace")
    return "\n".join(text.rstrip().splitlines()[-line_count:])


def _wait(
    process: subprocess.Popen[bytes], deadline_ns: int, on_wait: Callable[[], None], clock: Clock
) -> bool:
    try:
        while clock.monotonic_ns() < deadline_ns:
            try:
                process.wait(POLL_S)
            except subprocess.TimeoutExpired:
                on_wait()
            else:
                return True
    except BaseException:
        end_group(process, clock)
        raise
    end_group(process, clock)
    return False


def end_group(process: subprocess.Popen[bytes], clock: Clock | None = None) -> None:
    """End a process and all of its group, gently first; harmless when they have ended."""
    clock = clock or SystemClock()
    for number, grace_s in zip(SIGNALS, GRACE_S, strict=True):
        if not _signal_group(process, number):
            return
        deadline_ns = clock.monotonic_ns() + round(grace_s * 1e9)
        while _signal_group(process, 0) and clock.monotonic_ns() < deadline_ns:
            clock.sleep(GROUP_POLL_S)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Return whether a member of the group was there to receive a signal."""
    process.poll()
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True
