"""Covered latency while a run goes on: the laws of ``coverage``, over what is still open.

The verdict of a run comes from its whole record; this is what a console shows meanwhile.
Each tick is told once, when every portfolio that holds it was readable beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec
import numpy as np

from system.bus.consumer import Record
from system.contracts.codec import decode_topic
from system.contracts.messages import Tick
from system.contracts.topics import MARKET_DATA
from system.errors import MessageError
from validation.measure.coverage import NEVER, Int64Array, coverage
from validation.measure.coverage_arrays import SentMessage, tables
from validation.measure.record import RECORD_LINE, Holding, RecordLine, SeenSnapshot, SeenWatermark

MAX_OPEN_TICKS: Final = 2_000_000
"""Bounds what a stream that covers nothing can pile up here; beyond it the oldest are dropped
from the console (never from the verdict)."""

KEEP_NS: Final = 5_000_000_000


class LiveLatency(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="covered"):
    """Ticks that were covered since the last line: how many by whole milliseconds."""

    at_ns: int
    counts: dict[int, int]
    open_count: int


class Polled(Protocol):
    """Source of the ticks: ``Follower``, or a fake in tests."""

    def poll(self, timeout_seconds: float = ...) -> Sequence[Record]:
        """Return what has come."""
        ...


class LiveCoverage:
    """Ticks that are open, and the snapshots that may cover them.

    Parameters
    ----------
    keep_ns : int
        How much later than a snapshot that covers it a tick may be added: so long are
        snapshots kept.
    """

    def __init__(self, *, keep_ns: int = KEEP_NS) -> None:
        self._keep_ns = keep_ns
        self._open: list[SentMessage] = []
        self._holdings: list[Holding] = []
        self._snapshots: list[SeenSnapshot] = []
        self._watermarks: list[SeenWatermark] = []

    @property
    def open_count(self) -> int:
        """Number of ticks that are not covered yet."""
        return len(self._open)

    def add_ticks(self, records: Iterable[Record]) -> None:
        """Add what was read from the market data topic; marks are left out, and what is no tick."""
        for record in records:
            try:
                message = decode_topic(record.value, MARKET_DATA)
            except MessageError:
                continue
            if isinstance(message, Tick) and message.intended_monotonic_ns:
                self._open.append(
                    SentMessage(
                        record.topic,
                        record.partition,
                        record.offset,
                        message.ticker,
                        message.intended_monotonic_ns,
                    )
                )
        del self._open[:-MAX_OPEN_TICKS]

    def add_lines(self, lines: Iterable[RecordLine]) -> None:
        """Add what the observer has written since."""
        for line in lines:
            if isinstance(line, Holding):
                self._holdings.append(line)
            elif isinstance(line, SeenSnapshot):
                self._snapshots.append(line)
            else:
                self._watermarks.append(line)

    def settled(self) -> Int64Array:
        """Take out the ticks that are covered now, and return their latencies.

        Returns
        -------
        ndarray of int64
            Nanoseconds from intended send to covered; ticks that nobody holds are taken
            out and not told.
        """
        if not self._open or not self._snapshots:
            return np.zeros(0, dtype=np.int64)
        lines: list[RecordLine] = [*self._holdings, *self._snapshots, *self._watermarks]
        arrays = tables(self._open, lines)
        covered = coverage(arrays.inputs, arrays.observations, arrays.watermarks)
        done = covered.covered_ns != NEVER
        held = done & (covered.holder_count > 0)
        self._open = [
            tick for tick, over in zip(self._open, done.tolist(), strict=True) if not over
        ]
        self._forget()
        return np.asarray(covered.covered_ns[held] - arrays.inputs.intended_ns[held])

    def _forget(self) -> None:
        """Drop what is older than ``keep_ns``, but the newest of each portfolio.

        A portfolio that covered an open tick before that counts from a newer snapshot; the
        one that is missing comes later still, so the latest of all is the same.
        """
        newest = {snapshot.portfolio: snapshot.snapshot_id for snapshot in self._snapshots}
        bound_ns = self._snapshots[-1].received_ns - self._keep_ns
        self._snapshots = [
            snapshot
            for snapshot in self._snapshots
            if snapshot.received_ns >= bound_ns
            or newest[snapshot.portfolio] == snapshot.snapshot_id
        ]
        del self._watermarks[:-1]


class RecordTail:
    """Reads a record while it grows.

    Parameters
    ----------
    path : Path
        The file; it may not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def lines(self) -> list[RecordLine]:
        """Return the whole lines that came since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as stream:
            stream.seek(self._offset)
            whole = stream.read().rpartition(b"\n")[0]
        self._offset += len(whole) + bool(whole)
        return [RECORD_LINE.decode(line) for line in whole.split(b"\n") if line]


def live_latency(settled_ns: Int64Array, *, at_ns: int, open_count: int) -> LiveLatency:
    """Return latencies as counts by whole milliseconds."""
    milliseconds, counts = np.unique(np.maximum(settled_ns, 0) // 10**6, return_counts=True)
    return LiveLatency(
        at_ns=at_ns,
        counts=dict(zip(milliseconds.tolist(), counts.tolist(), strict=True)),
        open_count=open_count,
    )
