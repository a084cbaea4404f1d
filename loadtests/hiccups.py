"""By how much each core was late for somebody who goes before everybody: the machine's own pauses.

A thread on each core sleeps for 2 ms again and again, in real time above every process of the
run, and notes by how much it woke late. What makes it late is neither the load nor the system
under test but what lies below them: a hypervisor that lends the core to somebody else, or the
kernel. Gil Tene's jHiccup asks the same of a JVM, whence the word.

Run it as ``python -m loadtests.hiccups FILE``; it says ``watching`` when it is ready and ends
on SIGTERM or SIGINT. Where the operating system grants no real-time priority it notes that
alone: without, it would measure the load.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import msgspec

from system.clock import monotonic_ns
from system.priority import REAL_TIME_PRIORITY

READY: Final = "watching"
SLEEP_NS: Final = 2_000_000
LEAST_NS: Final = 1_000_000
"""Lateness below it is a timer's, not a pause."""
PRIORITY: Final = REAL_TIME_PRIORITY + 1
"""Ahead of what answers and measures, whose work is the run's."""
LOOK_S: Final = 0.2


class Watched(msgspec.Struct, frozen=True, tag="watched"):
    """The first line of a file: the cores that are watched, none without the privilege."""

    cores: tuple[int, ...]


class Late(msgspec.Struct, frozen=True, tag="late"):
    """A core that was late: when it was due, CLOCK_MONOTONIC, and by how much."""

    core: int
    due_ns: int
    late_ns: int


class Hiccups(msgspec.Struct, frozen=True, kw_only=True):
    """Pauses of one core, of 1 ms or more: how many, and how long in ms.

    ``points`` are seconds since the first tick was due, and ms, of each.
    """

    core: int
    count: int
    total_ms: float
    longest_ms: float
    points: tuple[tuple[float, float], ...]


def read_hiccups(path: Path, *, begin_ns: int, first_ns: int, last_ns: int) -> tuple[Hiccups, ...]:
    """Return the pauses of each core between two moments; empty where none was watched.

    Parameters
    ----------
    path : Path
        What ``python -m loadtests.hiccups`` wrote; may be missing, its last line torn.
    begin_ns : int
        When the first tick was due, CLOCK_MONOTONIC.
    first_ns, last_ns : int
        The two moments, in the same.
    """
    if not path.exists():
        return ()
    lines: list[Watched | Late] = []
    for line in path.read_bytes().splitlines():
        with suppress(msgspec.DecodeError):
            lines.append(msgspec.json.decode(line, type=Watched | Late))
    late = [one for one in lines if isinstance(one, Late) and first_ns <= one.due_ns <= last_ns]
    return tuple(
        _hiccups(core, [one for one in late if one.core == core], begin_ns)
        for head in lines
        if isinstance(head, Watched)
        for core in head.cores
    )


def _hiccups(core: int, late: Sequence[Late], begin_ns: int) -> Hiccups:
    points = [((one.due_ns - begin_ns) / 1e9, one.late_ns / 1e6) for one in late]
    return Hiccups(
        core=core,
        count=len(points),
        total_ms=sum((ms for _, ms in points), 0.0),
        longest_ms=max((ms for _, ms in points), default=0.0),
        points=tuple(points),
    )


def watch(
    core: int,
    note: Callable[[Late], None],
    stopped: Callable[[], bool],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], int] = monotonic_ns,
) -> None:
    """Sleep again and again, and note each time that ended late, until told to stop."""
    while not stopped():
        due_ns = clock() + SLEEP_NS
        sleep(SLEEP_NS / 1e9)
        late_ns = clock() - due_ns
        if late_ns >= LEAST_NS:
            note(Late(core, due_ns, late_ns))


def main(arguments: Sequence[str] | None = None) -> int:
    """Watch every core of this process until a signal ends it; return the exit code."""
    options = _parser().parse_args(arguments)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _received, _frame: ended.set())
    cores = tuple(sorted(os.sched_getaffinity(0))) if _goes_before_everybody() else ()
    with options.file.open("wb") as stream:
        write = _Lines(stream)
        write(Watched(cores))
        threads = [
            threading.Thread(target=_watch_core, args=(core, write, ended.is_set)) for core in cores
        ]
        for thread in threads:
            thread.start()
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        while not ended.wait(LOOK_S):
            pass
        for thread in threads:
            thread.join()
    return 0


class _Lines:
    """Writes lines as they come, from any thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, line: Watched | Late) -> None:
        with self._lock:
            self._stream.write(msgspec.json.encode(line) + b"\n")


def _watch_core(core: int, note: Callable[[Late], None], stopped: Callable[[], bool]) -> None:
    os.sched_setaffinity(0, {core})  # of this thread alone
    watch(core, note, stopped)


def _goes_before_everybody() -> bool:
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        return True
    return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests.hiccups")
    parser.add_argument("file", type=Path, help="file to write")
    return parser


if __name__ == "__main__":
    sys.exit(main())
