"""Spark's cluster and query as the watchdog sees them, each asked by a word or two to the JVM."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

from pyspark.sql import SparkSession

from system.contracts.topics import INPUT_TOPICS
from system.errors import InputError
from system.settings import Settings
from system.stream.lifecycle.watchdog import (
    BATCH_BUSY,
    NO_ANSWER,
    NO_EXECUTOR,
    QUERY_SILENT,
    Watchdog,
)

POLL_S: Final = 1.0
SPARE_CORES: Final = 16
"""Logical cores of a worker beyond those that a driver asks for now."""


class TooFewCoresError(InputError):
    """The cluster has fewer cores than a real-time query has tasks."""


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
    silence : hashable or None
        What stays the same while the query makes no progress; None where it need not.
    """

    batch: int | None = None
    executor_count: int = 1
    question: int | None = None
    silence: Hashable | None = None
    question_count: int = 0

    @contextmanager
    def at_work(self, epoch: int) -> Iterator[None]:
        """Say that a batch is under way, as long as the block runs."""
        self.batch = epoch
        try:
            yield
        finally:
            self.batch = None

    def has_ended(
        self,
        spark: SparkSession,
        silence: Callable[[], Hashable | None],
        await_end: Callable[[float], bool],
    ) -> bool:
        """Ask the JVM for what it knows, wait ``POLL_S``, and return whether the query has ended.

        Parameters
        ----------
        spark : SparkSession
            Of the driver.
        silence : callable
            Returns what stays the same while the query makes no progress.
        await_end : callable
            Waits so many seconds, and returns whether the query has ended.
        """
        self.question_count += 1
        self.question = self.question_count
        try:
            self.executor_count = executor_count(spark)
            self.silence = silence()
            return await_end(POLL_S)
        finally:
            self.question = None

    def let_watch(self, watchdog: Watchdog) -> None:
        """Let a watchdog look at all of them."""
        watchdog.watch(BATCH_BUSY, lambda: self.batch)
        watchdog.watch(NO_EXECUTOR, lambda: None if self.executor_count else "none")
        watchdog.watch(NO_ANSWER, lambda: self.question)
        watchdog.watch(QUERY_SILENT, lambda: self.silence)


def executor_count(spark: SparkSession) -> int:
    """Return how many executors the driver has; with a local master, at least the driver itself."""
    context = cast(Any, spark.sparkContext)
    members = int(context._jsc.sc().getExecutorMemoryStatus().size())
    return members if context.master.startswith("local") else members - 1


def stream_cores(settings: Settings) -> int:
    """Return how many cores the stream asks the cluster for, as Spark counts them."""
    reading = sum(map(settings.partition_count, INPUT_TOPICS))
    return settings.executor_cores + (reading if settings.engine == "real-time" else 0)


def worker_cores(settings: Settings) -> int:
    """Return how many cores the embedded worker offers: more than a driver of any engine asks for.

    The stream may be started again with the other engine, or with more partitions.
    """
    reading = sum(map(settings.partition_count, INPUT_TOPICS))
    return settings.executor_cores + reading + SPARE_CORES


def require_cores(spark: SparkSession, settings: Settings, partition_count: int) -> None:
    """Return if the executors that there are have a core for each partition, where one is needed.

    Parameters
    ----------
    spark : SparkSession
        Of the driver.
    settings : Settings
        Names the engine.
    partition_count : int
        Of the input topics.

    Raises
    ------
    TooFewCoresError
        If some task of a real-time query would never start.
    """
    if settings.engine != "real-time" or not executor_count(spark):
        return
    cores = int(spark.sparkContext.defaultParallelism)
    if cores < partition_count:
        raise TooFewCoresError(
            f"the engine real-time keeps a core for each of {partition_count} partitions, and the "
            f"cluster gives the stream {cores}: let its workers offer more (they may offer more "
            "than the machine has: these tasks wait most of the time), or set "
            "RISKSTREAM_ENGINE=micro-batch"
        )
