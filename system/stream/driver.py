"""The driver: takes over where the last one ended, and runs the query until it is stopped."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from system.book.book import Book
from system.book.valuation.limits import LimitAlerts
from system.bus.admin import create_topics
from system.bus.consumer import CONNECT_TIMEOUT_SECONDS, TopicEnds, end_offsets
from system.bus.fetching import RecordFetcher
from system.bus.producer import MessageProducer
from system.clock import SystemClock
from system.contracts.topics import INPUT_TOPICS, WARM_UP
from system.contracts.warm_up import WarmUpProgress
from system.errors import InternalError, RiskstreamError
from system.exits import REFUSAL
from system.settings import Connections, Settings
from system.store.errors import FencedError
from system.store.postgres.history import RiskHistory
from system.store.postgres.lease import DriverLease
from system.store.records import StoredState
from system.store.redis.keyspace import STREAM_ATTEMPTS
from system.store.redis.latest import LatestStore
from system.stream.batch.durable import DurableWriter
from system.stream.batch.micro_batch import MicroBatch
from system.stream.batch.pruning import Pruner
from system.stream.batch.quarantine import Attempt, Attempts, Salvage
from system.stream.batch.shards import ShardedValuation
from system.stream.lifecycle.heartbeat import ASK_BOUND_S, Progress, Pulse
from system.stream.lifecycle.standby import await_turn
from system.stream.lifecycle.takeover import (
    BrokerWatch,
    check_state,
    next_epoch,
    published_offsets,
    starting_offsets,
    taken_over,
)
from system.stream.lifecycle.watchdog import (
    COMMITTING,
    MIGRATING,
    REFUSALS,
    STARTING,
    Watchdog,
    warming_up,
)
from system.stream.spark.checkpoints import own_checkpoint
from system.stream.spark.cluster import StreamStates
from system.stream.spark.fetched_rows import (
    Collect,
    Read,
    collected,
    rows_collected,
    with_each_batch,
)
from system.stream.spark.profile import BatchProfile
from system.stream.spark.query import consumed_offsets, records
from system.stream.spark.session import OwnSession, SessionSource
from system.stream.warm_up.rehearsal import Rehearsal
from system.stream.warm_up.warm_up import WarmUpPlan, warm_up

QUERY_NAME: Final = "riskstream"
GC_THRESHOLDS: Final = (200_000, 20, 100)
"""Python's own collector looks at every tuple of a batch again and again, and they hold no
cycles: with its defaults decoding 60,000 ticks takes 0.33 s, with these 0.13 s."""
_LOG: Final = logging.getLogger(__name__)


def collect_seldom() -> None:
    """Let the collector leave alone what is there for good, and come seldom for the rest."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


@dataclass(frozen=True)
class Servers:
    """A driver's connections, opened once and used until its end."""

    bootstrap: str
    history: RiskHistory
    latest: LatestStore
    producer: MessageProducer
    topic_ends: TopicEnds


class Driver:
    """One life of the stream: from taking the fence to the end of the query.

    Parameters
    ----------
    settings : Settings
        Folders and sizes.
    connections : Connections
        Where the servers are.
    cores : int
        Cores to ask the cluster for.
    watchdog : Watchdog
        Bounds every state.
    sessions : SessionSource, optional
        Gives the Spark session; one of the driver's own by default.
    """

    def __init__(
        self,
        settings: Settings,
        connections: Connections,
        *,
        cores: int,
        watchdog: Watchdog,
        sessions: SessionSource | None = None,
    ) -> None:
        self._settings = settings
        self._connections = connections
        self._cores = cores
        self._watchdog = watchdog
        self._sessions = sessions or OwnSession()
        self._states = StreamStates()
        self._clock = SystemClock()
        self._stopping = threading.Event()
        self._at_work = threading.Lock()
        self._redis_was_emptied = threading.Event()
        self._failure: Exception | None = None

    def stop(self) -> None:
        """Ask the driver to end; it finishes the batch under way."""
        self._watchdog.ends(None)
        self._stopping.set()

    def fail(self, error: Exception) -> None:
        """Let the driver end with an error."""
        self._failure = error
        self._watchdog.ends(error)
        self._stopping.set()

    def linger(self, seconds: float) -> None:
        """Wait before the process ends, unless the driver is asked to stop."""
        self._stopping.wait(seconds)

    def fill_redis_again(self) -> None:
        """Ask the driver to publish every portfolio once more: Redis was emptied."""
        self._redis_was_emptied.set()

    def publish_what_redis_lost(self, batch: MicroBatch) -> None:
        """Publish every portfolio once more if it was asked for: no tick may come for days."""
        if self._redis_was_emptied.is_set():
            with self._at_work, self._states.at_work(batch.epoch):
                _LOG.warning("Redis was emptied: every portfolio is published again")
                batch.republish()
            self._redis_was_emptied.clear()

    def run(self) -> None:
        """Run until stopped.

        Raises
        ------
        RiskstreamError
            If a server does not answer, or a newer driver has taken over, or a person has to
            decide first: the log has that sentence at once, before Spark is waited for.
        InternalError
            If the query ended by itself.
        """
        with ExitStack() as stack:
            try:
                if self._has_its_turn(stack):
                    self._run(stack)
            except BaseException as error:
                if isinstance(error, REFUSALS):
                    # Now: on a slow machine the driver is ended while it waits for Spark's start.
                    _LOG.error("%s%s", REFUSAL, error)
                self._watchdog.ends(error)
                raise
            self._watchdog.ends(None)

    def _has_its_turn(self, stack: ExitStack) -> bool:
        """Stand by while another driver is active; False when asked to stop meanwhile."""
        lease = stack.enter_context(closing(DriverLease(self._connections.database_url)))
        is_held = await_turn(lease, self._connections, self._clock, self._stopping)
        if is_held:
            lease.keep()
        return is_held

    def _run(self, stack: ExitStack) -> None:
        session = self._session_under_way(stack)
        bootstrap = self._connections.kafka_bootstrap_servers
        history = RiskHistory(self._connections.database_url)
        stack.callback(history.close)
        latest = stack.enter_context(
            LatestStore(self._connections.redis_url, attempts=STREAM_ATTEMPTS)
        )
        self._make_tables_and_topics()
        fence = taken_over(history, latest, bootstrap)
        stored = history.load()
        topic_ends = stack.enter_context(closing(TopicEnds(bootstrap, INPUT_TOPICS)))
        ends = topic_ends.ask(CONNECT_TIMEOUT_SECONDS)
        offsets = starting_offsets(stored, ends)
        stale_after_ns = self._settings.stale_after_seconds * 10**9
        producer = stack.enter_context(MessageProducer(bootstrap))
        fetcher = stack.enter_context(closing(RecordFetcher(bootstrap)))

        def opened(stored: StoredState) -> MicroBatch:
            """Return a batch on a state that was loaded just now."""
            offsets = starting_offsets(stored, ends)
            valuer = self._valuer(session, stored, stale_after_ns)
            durable = DurableWriter(history, latest, producer, offsets)
            stack.callback(durable.close)
            return MicroBatch(
                Book(
                    offsets,
                    stored.state,
                    stale_after_ns=stale_after_ns,
                    valuer=valuer,
                    mark_wait_ms=self._settings.mark_wait_seconds * 1_000,
                ),
                latest,
                durable,
                clock=self._clock,
                fence=fence,
                epoch=next_epoch(history.committed(), fence),
                published=published_offsets(latest.watermark(), ends),
                alerts=LimitAlerts(history.limit_levels()),
                fetch=fetcher.value,
            )

        pruner = Pruner(history, self._clock)
        pruner.start()
        stack.callback(pruner.close)
        _LOG.info("fence %d goes on at %s", fence, offsets)
        attempts = Attempts(history, fence)
        stack.enter_context(attempts.under_way())
        attempt = attempts.begin(offsets, ends, reach=self._settings.max_batch_records)
        if attempt.is_salvage:
            _LOG.warning("%s", attempt.sentence)

            def keep(step: Attempt) -> None:
                attempts.keep(step)
                self._watchdog.enter(STARTING)  # each step of a long way has the whole bound

            salvage = Salvage(attempt, keep, fetcher.record, lambda: opened(history.load()))
            batch, offsets = salvage.run(), salvage.positions
            attempts.keep(Attempt(offsets=batch.offsets, until=salvage.positions))
        else:
            batch = opened(stored)
        takes_over = bool(stored.offsets)
        servers = Servers(bootstrap, history, latest, producer, topic_ends)
        if self._settings.warm_up_seconds and not takes_over:
            latest.publish_warm_up(WarmUpProgress(bound_s=self._settings.warm_up_seconds))
        spark = session.result()
        try:
            self._stream(spark, servers, offsets, batch, fence, takes_over=takes_over)
        except InternalError:
            # Where retention has overtaken a driver that lags, Spark says so in hundreds of lines.
            check_state(history, bootstrap)
            raise

    def _make_tables_and_topics(self) -> None:
        self._watchdog.enter(MIGRATING)
        with RiskHistory(self._connections.owner_database_url) as owner:
            owner.migrate()
        self._watchdog.enter(STARTING)
        create_topics(
            self._connections.kafka_bootstrap_servers,
            self._settings.partitions,
            retentions=self._settings.retentions,
        )

    def _valuer(
        self, session: Future[SparkSession], stored: StoredState, stale_after_ns: int
    ) -> ShardedValuation | None:
        if self._settings.shard_from_portfolios is None:
            return None
        return ShardedValuation(
            lambda: session.result().sparkContext,
            stored.state,
            from_portfolios=self._settings.shard_from_portfolios,
            shard_count=self._cores,
            stale_after_ns=stale_after_ns,
        )

    def _session_under_way(self, stack: ExitStack) -> Future[SparkSession]:
        """Start Spark beside everything else: it takes longest."""
        pool = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="spark-start"))
        session = pool.submit(
            self._sessions.start, self._settings, self._connections.spark_master, cores=self._cores
        )
        stack.callback(self._stop_session, session)
        return session

    def _stop_session(self, session: Future[SparkSession]) -> None:
        if session.exception() is None:
            self._sessions.stop(session.result())

    def _stream(
        self,
        spark: SparkSession,
        servers: Servers,
        offsets: Mapping[str, int],
        batch: MicroBatch,
        fence: int,
        *,
        takes_over: bool,
    ) -> None:
        query: StreamingQuery | None = None
        latest, topic_ends = servers.latest, servers.topic_ends

        def waiting() -> dict[str, int]:
            ends = topic_ends.ask(CONNECT_TIMEOUT_SECONDS)
            return {name: end for name, end in ends.items() if end > offsets[name]}

        backlog = waiting()

        def place() -> tuple[int, int, bool]:
            waits = batch.is_busy or (query is not None and bool(query.status["isDataAvailable"]))
            return max(batch.epoch - 1, 0), batch.finished_ns, waits

        pulse = Pulse(
            latest,
            self._clock,
            fence=fence,
            progress=Progress(
                place=place,
                covered=lambda: batch.covered(consumed_offsets(query)),
                caught_up=lambda: batch.has_read(backlog, consumed_offsets(query)),
                portfolio_count=lambda: batch.published_count,
            ),
            ask_broker=BrokerWatch(
                lambda: topic_ends.ask(ASK_BOUND_S),
                lambda: check_state(servers.history, servers.bootstrap),
            ),
            lag_bound_ns=round(self._settings.lag_bound_seconds * 1e9),
            on_emptied=self.fill_redis_again,
            on_fenced=self.fail,
        )
        pulse.start()
        self._watchdog.watch(COMMITTING, lambda: batch.durable.writing)
        try:
            with own_checkpoint(self._settings.checkpoint_dir, fence) as checkpoint:
                self._watchdog.enter(warming_up(self._settings.warm_up_seconds))
                self._warm_up(
                    spark,
                    servers,
                    checkpoint / "warm-up",
                    fence,
                    is_wanted=lambda: not takes_over or not waiting(),
                )
                batch.first()
                collect_seldom()
                query = self._start(spark, servers.bootstrap, offsets, batch, checkpoint / "stream")
                pulse.ready()
                latest.publish_warm_up(None)
                _LOG.info("ready")
                self._watchdog.enter(None)
                self._states.let_watch(self._watchdog)
                self._wait(spark, query, batch)
                batch.await_durable()
        finally:
            pulse.stop()

    def _warm_up(
        self,
        spark: SparkSession,
        servers: Servers,
        checkpoint: Path,
        fence: int,
        *,
        is_wanted: Callable[[], bool],
    ) -> None:
        """Warm up, unless a driver that takes over has something to read: that comes first.

        What goes wrong in it is logged and no more: the stream starts cold then.
        """
        seconds = self._settings.warm_up_seconds
        if not seconds or not is_wanted():
            return
        ends = end_offsets(servers.bootstrap, (WARM_UP,))
        try:
            with Rehearsal(
                self._connections,
                servers.history,
                servers.producer,
                fence=fence,
                ends=ends,
                stale_after_ns=self._settings.stale_after_seconds * 10**9,
                clock=self._clock,
            ) as rehearsal:
                plan = WarmUpPlan(spark, servers.bootstrap, checkpoint, ends, self._collect)
                warm_up(
                    plan,
                    rehearsal,
                    servers.producer,
                    clock=self._clock,
                    seconds=seconds,
                    tell=servers.latest.publish_warm_up,
                    is_wanted=lambda: not self._stopping.is_set() and is_wanted(),
                )
        except FencedError:
            raise
        except RiskstreamError as error:
            _LOG.warning("the stream starts without a warm-up: %s", error)

    def _start(
        self,
        spark: SparkSession,
        bootstrap: str,
        offsets: Mapping[str, int],
        batch: MicroBatch,
        checkpoint: Path,
    ) -> StreamingQuery:
        untuned = self._settings.untuned

        def on_batch(read: Read) -> None:
            with self._at_work:
                if not self._stopping.is_set():
                    self._run_batch(batch, read)

        writer = (
            records(
                spark,
                bootstrap,
                offsets,
                tuned_fetch="fetch" not in untuned,
                max_batch_records=self._settings.max_batch_records,
            )
            .writeStream.queryName(QUERY_NAME)
            .option("checkpointLocation", str(checkpoint))
            .trigger(processingTime=f"{self._settings.trigger_seconds} seconds")
        )
        return with_each_batch(spark, writer, on_batch, self._collect).start()

    def _run_batch(self, batch: MicroBatch, read: Read) -> None:
        try:
            with self._states.at_work(batch.epoch):
                batch.run(read)
        except RiskstreamError as error:
            self._failure = error  # Spark passes on its text only, and its class decides the exit
            raise

    @property
    def _collect(self) -> Collect:
        return rows_collected if "transfer" in self._settings.untuned else collected

    def _wait(self, spark: SparkSession, query: StreamingQuery, batch: MicroBatch) -> None:
        profile = BatchProfile(self._settings.gc_log_dir, self._clock)
        while not self._stopping.is_set():
            batch.durable.raise_if_failed()
            profile.sample(query)
            self.publish_what_redis_lost(batch)
            if self._states.has_ended(spark, query):
                raise self._failure or InternalError(
                    f"the query ended by itself: {query.exception()}"
                )
        # Whoever holds this is inside a batch; afterwards every batch is empty, and what
        # the query believes to have done does not matter: its checkpoint ends with it. Spark
        # waits for an empty batch too: one that waited for the lock would wait for ever.
        with self._at_work:
            pass
        query.stop()
        if self._failure is not None:
            raise self._failure
