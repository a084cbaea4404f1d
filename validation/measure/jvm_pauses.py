"""Pauses of the JVMs' garbage collectors, read from their unified logs after a run.

The stream writes them when ``RISKSTREAM_GC_LOG_DIR`` names a folder; each line begins with
the JVM's ``timenanos``, which on Linux is CLOCK_MONOTONIC.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

PAUSE: Final = re.compile(
    r"^\[(?P<at_ns>\d+)ns\].*\bPause (?P<kind>\S+).*? (?P<ms>[0-9.]+)ms\s*$", re.MULTILINE
)


class JvmPauses(msgspec.Struct, frozen=True, kw_only=True):
    """Pauses of one JVM in the measured part: how many, and how long, milliseconds."""

    process: str
    count: int
    full_count: int
    total_ms: float
    longest_ms: float


def jvm_pauses(folder: Path, *, first_ns: int, last_ns: int) -> tuple[JvmPauses, ...]:
    """Return the pauses of each JVM that logged into a folder, between two moments.

    Parameters
    ----------
    folder : Path
        Holds ``gc-NAME-PID.log`` files; may be missing.
    first_ns, last_ns : int
        CLOCK_MONOTONIC.
    """
    return tuple(
        _pauses(path.stem.removeprefix("gc-"), path.read_text("utf-8"), first_ns, last_ns)
        for path in sorted(folder.glob("gc-*.log"))
    )


def _pauses(process: str, log: str, first_ns: int, last_ns: int) -> JvmPauses:
    pauses = [
        (pause["kind"], float(pause["ms"]))
        for pause in PAUSE.finditer(log)
        if first_ns <= int(pause["at_ns"]) <= last_ns
    ]
    return JvmPauses(
        process=process,
        count=len(pauses),
        full_count=sum(kind == "Full" for kind, _ in pauses),
        total_ms=sum((ms for _, ms in pauses), 0.0),
        longest_ms=max((ms for _, ms in pauses), default=0.0),
    )
