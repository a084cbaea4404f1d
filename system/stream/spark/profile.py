"""Spark's own account of its batches, sampled once a second where somebody measures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from system.clock import Clock

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

FILE: Final = "batches.jsonl"
_LOG: Final = logging.getLogger(__name__)


class BatchDurations(msgspec.Struct, frozen=True, kw_only=True):
    """One batch as Spark accounts for it: durations by its own names, milliseconds.

    ``at_ns`` is CLOCK_MONOTONIC when it was asked; ``triggerExecution`` is the whole.
    """

    at_ns: int
    batch: int
    rows: int
    ms: dict[str, int]


class BatchProfile:
    """Appends the newest batch's durations to a file; does nothing without a folder.

    Parameters
    ----------
    folder : Path or None
        Of ``FILE``: that of the JVMs' collection logs.
    clock : Clock
        Stamps each line.
    """

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        self._path = None if folder is None else folder / FILE
        self._clock = clock
        self._last = -1

    def sample(self, query: StreamingQuery) -> None:
        """Ask for the newest batch, and keep it if it read anything and is not kept yet.

        What cannot be asked or written ends the profile, never the stream.
        """
        if self._path is None:
            return
        try:
            self._take(query, self._path)
        except (OSError, LookupError, ValueError) as error:
            _LOG.warning("batches are no longer profiled: %s", error)
            self._path = None

    def _take(self, query: StreamingQuery, path: Path) -> None:
        progress = query.lastProgress
        if progress is None or not progress.numInputRows or progress.batchId == self._last:
            return
        self._last = progress.batchId
        durations = BatchDurations(
            at_ns=self._clock.monotonic_ns(),
            batch=progress.batchId,
            rows=progress.numInputRows,
            ms=dict(progress.durationMs),
        )
        with path.open("ab") as stream:
            stream.write(msgspec.json.encode(durations) + b"\n")
