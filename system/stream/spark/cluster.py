"""Spark's cluster and query as the watchdog sees them, each asked by a word or two to the JVM."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from system.stream.lifecycle.watchdog import (
    BATCH_BUSY,
    NO_ANSWER,
    NO_EXECUTOR,
    QUERY_SILENT,
    Watchdog,
)

POLL_S: Final = 1


@dataclass
class StreamStates:
    """States of a stream that runs.

    Parameters
    ----------
    batch : int or None
        Epoch of the batch under way.
    executor_count : int
        When it was last asked.
    question : int or None
        Number of the question that the JVM has been asked and has not answered.
    progress : str or None
        Time of the query's last report.
    """

    batch: int | None = None
    executor_count: int = 1
    question: int | None = None
    progress: str | None = None
    question_count: int = 0

    @contextmanager
    def at_work(self, epoch: int) -> Iterator[None]:
        """Say that a batch is under way, as long as the block runs."""
        self.batch = epoch
        try:
            yield
        finally:
            self.batch = None

    def has_ended(self, spark: SparkSession, query: StreamingQuery) -> bool:
        """Ask the JVM for what it knows, wait ``POLL_S``, and return whether the query has ended.

        With an error or without; the query holds it.
        """
        self.question_count += 1
        self.question = self.question_count
        try:
            self.executor_count = executor_count(spark)
            self.progress = progress_mark(query)
            return bool(query.awaitTermination(POLL_S))
        except StreamingQueryException:
            return True
        finally:
            self.question = None

    def let_watch(self, watchdog: Watchdog) -> None:
        """Let a watchdog look at all of them."""
        watchdog.watch(BATCH_BUSY, lambda: self.batch)
        watchdog.watch(NO_EXECUTOR, lambda: None if self.executor_count else "none")
        watchdog.watch(NO_ANSWER, lambda: self.question)
        watchdog.watch(QUERY_SILENT, lambda: self.progress)


def executor_count(spark: SparkSession) -> int:
    """Return how many executors the driver has; with a local master, at least the driver itself."""
    context = cast(Any, spark.sparkContext)
    members = int(context._jsc.sc().getExecutorMemoryStatus().size())
    return members if context.master.startswith("local") else members - 1


def progress_mark(query: StreamingQuery) -> str | None:
    """Return the time of the query's last report, as Spark writes it; None before the first."""
    report = cast(Any, query)._jsq.lastProgress()
    return None if report is None else str(report.timestamp())
