"""An engine's contract: what it is started with, and what a driver asks of it while it runs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pyspark.sql import SparkSession

from system.stream.spark.fetched_rows import Read

Work = Callable[[Read], None]
"""Called with each batch on one thread, in order; it reads the batch's rows when it wants them."""


@dataclass(frozen=True)
class Subscription:
    """Partitions that an engine reads.

    Parameters
    ----------
    name : str
        Of its query.
    spark : SparkSession
        Runs the query.
    bootstrap : str
        The brokers.
    offsets : mapping of str to int
        ``topic:partition`` to where to begin.
    checkpoint : Path
        A folder that is not there yet.
    max_batch_records : int or None
        Most records of one batch.
    """

    name: str
    spark: SparkSession
    bootstrap: str
    offsets: Mapping[str, int]
    checkpoint: Path
    max_batch_records: int | None = None


class Running(Protocol):
    """A subscription that is being read; safe to ask from any thread."""

    def consumed(self) -> dict[str, int]:
        """Return the first offset of each partition that no finished batch has passed."""
        ...

    def waits(self, ends: Mapping[str, int]) -> bool:
        """Return whether records wait to be read, given where the partitions end."""
        ...

    def silence(self, ends: Mapping[str, int]) -> Hashable | None:
        """Return what stays the same while the query makes no progress; None where it need not."""
        ...

    @property
    def is_active(self) -> bool:
        """True until it has ended."""
        ...

    def await_end(self, seconds: float) -> bool:
        """Wait, and return whether it has ended by itself."""
        ...

    def await_readers(self, is_wanted: Callable[[], bool]) -> None:
        """Return once every partition is being read, it has ended, or is not wanted any more."""
        ...

    def error(self) -> Exception | None:
        """Return why it ended by itself."""
        ...

    def stop(self) -> None:
        """End the query; batches that come meanwhile must be empty work."""
        ...


class Engine(Protocol):
    """A way to read Kafka with Spark."""

    def start(self, subscription: Subscription, work: Work) -> Running:
        """Begin to read."""
        ...
