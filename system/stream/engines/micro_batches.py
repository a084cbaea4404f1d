"""Micro-batch engine: Spark cuts the batches, and calls the driver with each."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, cast

from pyspark.errors import StreamingQueryException
from pyspark.sql.streaming.query import StreamingQuery

from system.errors import InternalError, RiskstreamError
from system.stream.engines.engine import Subscription, Work
from system.stream.spark.fetched_rows import Collect, Read, with_each_batch
from system.stream.spark.profile import BatchProfile
from system.stream.spark.query import choose_first_reader, consumed_offsets, records


class MicroBatchEngine:
    """Starts queries with a ``foreachBatch`` sink.

    Parameters
    ----------
    collect : callable
        Fetches the rows of a batch.
    profile : BatchProfile, optional
        Samples Spark's own account of the batches.
    trigger_seconds : int
        Between starts of batches; 0: no pause.
    tuned_fetch : bool
        As `system.stream.spark.query.records`.
    first_reader : bool
        As `system.stream.spark.query.choose_first_reader`.
    """

    def __init__(
        self,
        collect: Collect,
        profile: BatchProfile | None = None,
        *,
        trigger_seconds: int = 0,
        tuned_fetch: bool = True,
        first_reader: bool = True,
    ) -> None:
        self._collect = collect
        self._profile = profile
        self._trigger_seconds = trigger_seconds
        self._tuned_fetch = tuned_fetch
        self._first_reader = first_reader

    def start(self, subscription: Subscription, work: Work) -> RunningMicroBatches:
        """Start the query; each batch calls ``work`` on Spark's thread."""
        running = RunningMicroBatches(work, self._profile)
        choose_first_reader(subscription.spark, is_wanted=self._first_reader)
        writer = (
            records(
                subscription.spark,
                subscription.bootstrap,
                subscription.offsets,
                tuned_fetch=self._tuned_fetch,
                max_batch_records=subscription.max_batch_records,
            )
            .writeStream.queryName(subscription.name)
            .option("checkpointLocation", str(subscription.checkpoint))
            .trigger(processingTime=f"{self._trigger_seconds} seconds")
        )
        running.query = with_each_batch(
            subscription.spark, writer, running.work, self._collect
        ).start()
        return running


class RunningMicroBatches:
    """A query of micro-batches.

    Parameters
    ----------
    work : callable
        Called with each batch.
    profile : BatchProfile, optional
        Sampled while the query is awaited.
    """

    query: StreamingQuery

    def __init__(self, work: Work, profile: BatchProfile | None) -> None:
        self._work = work
        self._profile = profile
        self._failure: RiskstreamError | None = None

    def work(self, read: Read) -> None:
        """Work on a batch.

        Raises
        ------
        RiskstreamError
            As ``work``.
        """
        try:
            self._work(read)
        except RiskstreamError as error:
            self._failure = error  # Spark passes on its text only, and its class is needed
            raise

    def consumed(self) -> dict[str, int]:
        """Return where the batches that the query has finished end in each partition."""
        return consumed_offsets(self.query)

    def waits(self, _ends: Mapping[str, int]) -> bool:
        """Return whether the query knows of records that it has not read."""
        return bool(self.query.status["isDataAvailable"])

    def silence(self, _ends: Mapping[str, int]) -> Hashable | None:
        """Return the time of the query's last report; it reports also when nothing comes."""
        report = cast(Any, self.query)._jsq.lastProgress()
        return None if report is None else str(report.timestamp())

    @property
    def is_active(self) -> bool:
        """True until the query has ended."""
        return bool(self.query.isActive)

    def await_end(self, seconds: float) -> bool:
        """Wait, and return whether the query has ended by itself."""
        if self._profile is not None:
            self._profile.sample(self.query)
        try:
            return bool(self.query.awaitTermination(seconds))  # type: ignore[arg-type]
        except StreamingQueryException:
            return True

    def await_readers(self, _is_wanted: Callable[[], bool]) -> None:
        """Return at once: each batch starts its own tasks."""

    def error(self) -> Exception | None:
        """Return why the query ended by itself; None while it runs."""
        if self.query.isActive:
            return None
        return self._failure or InternalError(
            f"the query ended by itself: {self.query.exception()}"
        )

    def stop(self) -> None:
        """End the query; Spark waits for the batch under way, also for an empty one."""
        self.query.stop()
