"""CPU and memory by process while a load runs, sampled once a second by a thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import psutil

from system.clock import monotonic_ns
from validation.measure.memory_growth import MemorySamples
from validation.measure.sampler_thread import Background

PERIOD_S: Final = 1.0
WAITING_EVERY: Final = 5
"""Samples: some 400 files are read for it, one for each thread."""
STOP_BOUND_S: Final = 10.0
EXECUTOR: Final = "CoarseGrainedExecutorBackend"
JAVA: Final = "java"
MEBIBYTE: Final = 1024**2


class ProcessUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Resources that one part of the system used while it was watched.

    ``cores`` is CPU seconds per second, and ``waiting`` the seconds per second that its threads
    were ready to run and had no core, together: of what they did, so much was waiting for others.
    None where the kernel does not tell. ``memory_mb_first`` and ``_last`` are resident sets
    at the first and last sample, shared pages included: the first is of the moment when the
    pump starts, before the warm-up.
    """

    name: str
    cpu_s: float
    cores: float
    waiting: float | None = None
    memory_mb_first: float
    memory_mb_last: float
    memory_mb_max: float


@dataclass
class _Seen:
    """The samples of one name so far; CPU seconds are kept per process, waiting per thread."""

    cpu_first: dict[int, float] = field(default_factory=dict)
    cpu_last: dict[int, float] = field(default_factory=dict)
    memory_mb: list[float] = field(default_factory=list)
    at_ns: list[int] = field(default_factory=list)
    own_mb: list[float] = field(default_factory=list)
    waited_first_ns: dict[int, int] = field(default_factory=dict)
    waited_last_ns: dict[int, int] = field(default_factory=dict)


@dataclass
class _Memory:
    """The memory of one name at one moment, MB: all of it, and without what is shared."""

    resident_mb: float = 0.0
    own_mb: float = 0.0


class UsageSampler(Background):
    """Watches processes and their children; a context manager.

    Parameters
    ----------
    roots : mapping of str to int
        Process ids by the name they are shown under. A JVM below a Python process is
        shown apart, and so is Spark's executor.
    """

    def __init__(self, roots: Mapping[str, int]) -> None:
        super().__init__("usage", join_bound_s=STOP_BOUND_S)
        self._roots = dict(roots)
        self._seen: dict[str, _Seen] = {}
        self._first_ns = self._last_ns = self._waited_until_ns = self._sampled = 0

    def usage(self) -> tuple[ProcessUsage, ...]:
        """Return what was used so far, the largest first."""
        # Sampled on, here and below: what is walked through is a copy.
        usages = [self._usage(name, seen) for name, seen in list(self._seen.items())]
        return tuple(sorted(usages, key=lambda usage: -usage.cpu_s))

    def memory(self) -> tuple[MemorySamples, ...]:
        """Return the memory of every process over time so far."""
        return tuple(
            MemorySamples(
                name=name,
                at_ns=tuple(seen.at_ns[:whole]),
                own_mb=tuple(seen.own_mb[:whole]),
            )
            for name, seen in list(self._seen.items())
            # Sampled on: the last sample may be half written.
            for whole in [len(seen.own_mb)]
        )

    def sample(self) -> None:
        """Take one sample of every process that there is now."""
        self._last_ns = monotonic_ns()
        self._first_ns = self._first_ns or self._last_ns
        with_waiting = self._sampled % WAITING_EVERY == 0
        if with_waiting:
            self._waited_until_ns = self._last_ns
        memory: dict[str, _Memory] = {}
        for root, pid in self._roots.items():
            for name, process in _family(root, pid):
                self._count(name, process, memory, with_waiting=with_waiting)
        for name, used in memory.items():
            seen = self._seen[name]
            seen.at_ns.append(self._last_ns)
            seen.memory_mb.append(used.resident_mb)
            seen.own_mb.append(used.own_mb)
        self._sampled += 1

    def _run(self) -> None:
        self.sample()
        while not self._stopped.wait(PERIOD_S):
            self.sample()

    def _count(
        self,
        name: str,
        process: psutil.Process,
        memory: dict[str, _Memory],
        *,
        with_waiting: bool,
    ) -> None:
        try:
            with process.oneshot():
                times, pages = process.cpu_times(), process.memory_info()
        except psutil.Error:
            return
        seen = self._seen.setdefault(name, _Seen())
        cpu = times.user + times.system
        seen.cpu_first.setdefault(process.pid, cpu)
        seen.cpu_last[process.pid] = cpu
        if with_waiting:
            for thread, waited_ns in _waited_ns(process.pid):
                seen.waited_first_ns.setdefault(thread, waited_ns)
                seen.waited_last_ns[thread] = waited_ns
        used = memory.setdefault(name, _Memory())
        used.resident_mb += pages.rss / MEBIBYTE
        used.own_mb += (pages.rss - pages.shared) / MEBIBYTE

    def _usage(self, name: str, seen: _Seen) -> ProcessUsage:
        cpu_s = sum(last - seen.cpu_first[pid] for pid, last in list(seen.cpu_last.items()))
        seconds = (self._last_ns - self._first_ns) / 1e9
        waited = list(seen.waited_last_ns.items())
        waited_ns = sum(last - seen.waited_first_ns[thread] for thread, last in waited)
        watched_ns = max(self._waited_until_ns - self._first_ns, round(PERIOD_S * 1e9))
        return ProcessUsage(
            name=name,
            cpu_s=cpu_s,
            cores=cpu_s / max(seconds, PERIOD_S),
            waiting=waited_ns / watched_ns if waited else None,
            memory_mb_first=seen.memory_mb[0],
            memory_mb_last=seen.memory_mb[-1],
            memory_mb_max=max(seen.memory_mb),
        )


def _family(root: str, pid: int) -> list[tuple[str, psutil.Process]]:
    """Return a process and all below it that are there now, named."""
    try:
        process = psutil.Process(pid)
        below = process.children(recursive=True)
    except psutil.Error:
        return []
    processes = [(root, process)]
    for child in below:
        with suppress(psutil.Error):
            processes.append((_name(root, child), child))
    return processes


def _waited_ns(pid: int) -> Iterator[tuple[int, int]]:
    """Yield each thread of a process and how long it was ready and had no core, so far."""
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError, ValueError):  # it has ended, or its kernel keeps no count
            _ran, waited_ns, _turns = path.read_text().split()
            yield int(path.parent.name), int(waited_ns)


def _name(root: str, process: psutil.Process) -> str:
    if EXECUTOR in " ".join(process.cmdline()):
        return "spark-executor"
    return f"{root} (JVM)" if process.name() == JAVA else root
