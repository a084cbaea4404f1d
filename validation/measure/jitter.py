"""By how much each core was late for somebody who goes before everybody: the machine's own pauses.

A thread on each core sleeps for 2 ms again and again, in real time above every process of the
run, and notes by how much it woke late. What makes it late is neither the load nor the system
under test but what lies below them: a hypervisor that lends the core to somebody else, or the
kernel. Gil Tene's jHiccup asks the same of a JVM, whence the word. One thread more asks the
same of the disk: twice a second it writes a page beside the file and waits until it is there,
which a commit of PostgreSQL waits for as well.

Run it as ``python -m validation.measure.jitter FILE``; it says ``watching`` when it is ready and
ends on SIGTERM or SIGINT. Where the operating system grants no real-time priority it notes that
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
from validation.measure.record import whole_lines

READY: Final = "watching"
SLEEP_NS: Final = 2_000_000
LEAST_NS: Final = 1_000_000
"""Lateness below it is a timer's, not a pause."""
PRIORITY: Final = REAL_TIME_PRIORITY + 1
"""Ahead of what answers and measures, whose work is the run's."""
ENDS: Final = (signal.SIGTERM, signal.SIGINT)
DISK: Final = "disk"
DISK_PERIOD_S: Final = 0.5
DISK_LEAST_NS: Final = 20_000_000
"""A disk that is well takes half a millisecond, and some where others write."""
PAGE: Final = b"\0" * 4096


class Watched(msgspec.Struct, frozen=True, tag="watched"):
    """The first line of a file: the places that are watched, none without the privilege."""

    places: tuple[str, ...]


class Late(msgspec.Struct, frozen=True, tag="late"):
    """A place that was late: when it was due, CLOCK_MONOTONIC, and by how much."""

    place: str
    due_ns: int
    late_ns: int


class Hiccups(msgspec.Struct, frozen=True, kw_only=True):
    """Pauses of a core (1 ms or more) or of the disk (20 or more): how many, how long in ms.

    ``place`` is ``core 0`` and so on, or ``disk``; ``points`` are seconds since the first tick
    was due, and ms, of each.
    """

    place: str
    count: int
    total_ms: float
    longest_ms: float
    points: tuple[tuple[float, float], ...]


def read_hiccups(path: Path, *, begin_ns: int, first_ns: int, last_ns: int) -> tuple[Hiccups, ...]:
    """Return the pauses of each place between two moments; empty where none was watched.

    Parameters
    ----------
    path : Path
        What ``python -m validation.measure.jitter`` wrote; may be missing, its last line torn.
    begin_ns : int
        When the first tick was due, CLOCK_MONOTONIC.
    first_ns, last_ns : int
        The two moments, in the same.
    """
    if not path.exists():
        return ()
    lines = [msgspec.json.decode(line, type=Watched | Late) for line in whole_lines(path)]
    late = [line for line in lines if isinstance(line, Late) and first_ns <= line.due_ns <= last_ns]
    return tuple(
        _hiccups(place, [late_call for late_call in late if late_call.place == place], begin_ns)
        for head in lines
        if isinstance(head, Watched)
        for place in head.places
    )


def _hiccups(place: str, late: Sequence[Late], begin_ns: int) -> Hiccups:
    points = [((late_call.due_ns - begin_ns) / 1e9, late_call.late_ns / 1e6) for late_call in late]
    return Hiccups(
        place=place,
        count=len(points),
        total_ms=sum((ms for _, ms in points), 0.0),
        longest_ms=max((ms for _, ms in points), default=0.0),
        points=tuple(points),
    )


def watch(
    place: str,
    act: Callable[[], object],
    note: Callable[[Late], None],
    stopped: Callable[[], bool],
    *,
    usual_ns: int = 0,
    least_ns: int,
    clock: Callable[[], int] = monotonic_ns,
) -> None:
    """Act again and again, and note each time that ended late, until told to stop.

    Parameters
    ----------
    place : str
        What is late then.
    act : callable
        What takes ``usual_ns`` nanoseconds in a place that is well.
    note : callable
        Told of each time that took ``least_ns`` more.
    stopped : callable
        Asked before each.
    usual_ns, least_ns : int
        Nanoseconds.
    clock : callable
        The same.
    """
    while not stopped():
        due_ns = clock() + usual_ns
        act()
        late_ns = clock() - due_ns
        if late_ns >= least_ns:
            note(Late(place, due_ns, late_ns))


def watch_disk(
    path: Path,
    note: Callable[[Late], None],
    stopped: Callable[[float], bool],
    *,
    clock: Callable[[], int] = monotonic_ns,
) -> None:
    """Note each time that a page took long to be on the disk, until told to stop.

    Parameters
    ----------
    path : Path
        Of the page; removed at the end.
    note : callable
        Told of each.
    stopped : callable
        Waits for so many seconds, or until the end, and returns whether it has come.
    clock : callable
        Nanoseconds.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)

    def write() -> None:
        os.pwrite(descriptor, PAGE, 0)
        os.fdatasync(descriptor)

    try:
        write()  # the first one allocates
        watch(
            DISK,
            write,
            note,
            lambda: stopped(DISK_PERIOD_S),
            least_ns=DISK_LEAST_NS,
            clock=clock,
        )
    finally:
        os.close(descriptor)
        path.unlink()


def main(arguments: Sequence[str] | None = None) -> int:
    """Watch this process's cores, and the disk, until a signal ends it; return the exit code."""
    options = _parser().parse_args(arguments)
    # The threads inherit the mask: the signals wait for this one to ask for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    ended = threading.Event()
    cores = sorted(os.sched_getaffinity(0)) if _goes_before_everybody() else []
    with options.file.open("wb") as stream:
        write = _Lines(stream)
        write(Watched((*map(_named, cores), DISK) if cores else ()))
        threads = [
            threading.Thread(target=_watch_core, args=(core, write, ended.is_set)) for core in cores
        ]
        if cores:
            page = options.file.with_suffix(".disk")
            threads.append(threading.Thread(target=watch_disk, args=(page, write, ended.wait)))
        for thread in threads:
            thread.start()
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        signal.sigwait(ENDS)
        ended.set()
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
    watch(
        _named(core),
        lambda: time.sleep(SLEEP_NS / 1e9),
        note,
        stopped,
        usual_ns=SLEEP_NS,
        least_ns=LEAST_NS,
    )


def _named(core: int) -> str:
    return f"core {core}"


def _goes_before_everybody() -> bool:
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        return True
    return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m validation.measure.jitter")
    parser.add_argument("file", type=Path, help="file to write")
    return parser


if __name__ == "__main__":
    sys.exit(main())
