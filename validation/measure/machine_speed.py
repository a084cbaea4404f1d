"""Speed of the machine: a fixed piece of CPU work and a page written to disk, timed.

A latency in milliseconds says as much about the machine as about the system. Reports that state
one state this speed too, and bounds of the harness stretch with it.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
import numpy as np

from validation.measure.jitter import PAGE

ROUNDS: Final = 9
QUICK_ROUNDS: Final = 3
DISK_WRITES: Final = 15
MAX_STRETCH: Final = 8.0
AS_FAST: Final = 1.3
"""Up to here a machine counts as fast as the reference: repeats differ by as much."""


class MachineSpeed(msgspec.Struct, frozen=True, kw_only=True):
    """Time that a machine takes for work of fixed size, in milliseconds.

    ``work_ms`` is the least CPU time of a piece of Python and NumPy on one core, ``elapsed_ms``
    the median time by the clock of the same piece, other programs included, and ``disk_ms`` the
    median time until a page is on the disk, which a commit of PostgreSQL waits for as well.
    """

    work_ms: float
    elapsed_ms: float
    disk_ms: float

    @property
    def slowness(self) -> float:
        """Time for the fixed piece over the reference's, by the clock; below 1 when faster."""
        return self.elapsed_ms / REFERENCE.elapsed_ms

    @property
    def stretch(self) -> float:
        """Factor by which bounds of the harness are longer here: 1 to ``MAX_STRETCH``."""
        return stretch_of(self.elapsed_ms)

    def sentence(self) -> str:
        """Return the speed beside that of the reference, for a person."""
        measured = (
            f"fixed CPU work {self.elapsed_ms:.0f} ms against {REFERENCE.elapsed_ms:.0f}, "
            f"a disk write {self.disk_ms:.1f} ms against {REFERENCE.disk_ms:.1f}"
        )
        if self.slowness <= AS_FAST:
            return f"a machine as fast as the reference ({measured})"
        return f"a machine {self.slowness:.1f} times slower than the reference ({measured})"


REFERENCE: Final = MachineSpeed(work_ms=24.0, elapsed_ms=25.0, disk_ms=1.0)
"""Two quiet cores of the machine on which the latency budgets were set."""


def fixed_piece() -> None:
    """Work on tuples, a dictionary and sorted numbers in one thread, as the driver does."""
    rows = [(number, str(number), number * 0.5) for number in range(30_000)]
    totals: dict[str, float] = {}
    for number, name, value in rows:
        totals[name] = totals.get(name, 0.0) + value * number
    numbers = np.sin(np.arange(100_000) * 1e3)
    np.searchsorted(np.sort(numbers), numbers)


def machine_speed(folder: Path | None = None) -> MachineSpeed:
    """Measure this machine now, which takes about a third of a second.

    Parameters
    ----------
    folder : Path, optional
        Where the page is written; the folder of temporary files by default.
    """
    times = [_timed_piece() for _ in range(ROUNDS)]
    return MachineSpeed(
        work_ms=min(cpu_ms for cpu_ms, _ in times),
        elapsed_ms=median(elapsed_ms for _, elapsed_ms in times),
        disk_ms=median(_disk_ms(folder)),
    )


def stretch_of(elapsed_ms: float) -> float:
    """Return by which factor bounds are longer where the fixed piece takes so long."""
    return min(max(elapsed_ms / REFERENCE.elapsed_ms, 1.0), MAX_STRETCH)


def current_stretch() -> float:
    """Measure in a tenth of a second by which factor bounds are longer here and now."""
    return stretch_of(median(_timed_piece()[1] for _ in range(QUICK_ROUNDS)))


def _timed_piece() -> tuple[float, float]:
    cpu_ns, clock_ns = time.process_time_ns(), time.perf_counter_ns()
    fixed_piece()
    return (time.process_time_ns() - cpu_ns) / 1e6, (time.perf_counter_ns() - clock_ns) / 1e6


def _disk_ms(folder: Path | None) -> Sequence[float]:
    with tempfile.TemporaryFile(dir=folder) as page:
        return [_timed_write(page.fileno()) for _ in range(DISK_WRITES + 1)][1:]


def _timed_write(descriptor: int) -> float:
    began_ns = time.perf_counter_ns()
    os.pwrite(descriptor, PAGE, 0)
    os.fdatasync(descriptor)
    return (time.perf_counter_ns() - began_ns) / 1e6
