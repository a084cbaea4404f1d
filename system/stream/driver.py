"""The driver: takes over where the last one ended, and runs the query until it is stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Final

from pyspark.sql import SparkSession

from system.book.book import Book
from system.book.valuation.limits import LimitAlerts
from system.bus.admin import create_topics
from system.bus.consumer import CONNECT_TIMEOUT_SECONDS, TopicEnds
from system.bus.fetching import RecordFetcher
from system.bus.producer import MessageProducer
from system.clock import SystemClock
from system.contracts.topics import INPUT_TOPICS
from system.errors import InternalError
from system.exits import REFUSAL
from system.settings import Connections, Settings
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
from system.stream.lifecycle.standby import await_turn
from system.stream.lifecycle.takeover import (
    check_state,
    next_epoch,
    published_offsets,
    starting_offsets,
    taken_over,
)
from system.stream.lifecycle.watchdog import (
    MIGRATING,
    REFUSALS,
    STARTING,
    Watchdog,
)
from system.stream.running import Control, Life, Servers, Stream
from system.stream.spark.cluster import StreamStates
from system.stream.spark.session import OwnSession, SessionSource

_LOG: Final = logging.getLogger(__name__)


def quiet_clients() -> None:
    """Keep a driver's log free of its clients: what they cannot do they raise.

    What they retry, they would say ten times a second.
    """
    for name in ("kafka", "psycopg"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger("py4j").setLevel(logging.WARNING)


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
        self._control = Control()

    def stop(self) -> None:
        """Ask the driver to end; it finishes the batch under way."""
        self._watchdog.ends(None)
        self._control.stopping.set()

    def fail(self, error: Exception) -> None:
        """Let the driver end with an error."""
        self._control.failure = error
        self._watchdog.ends(error)
        self._control.stopping.set()

    def linger(self, seconds: float) -> None:
        """Wait before the process ends, unless the driver is asked to stop."""
        self._control.stopping.wait(seconds)

    def fill_redis_again(self) -> None:
        """Ask the driver to publish every portfolio once more: Redis was emptied."""
        self._control.redis_was_emptied.set()

    def publish_what_redis_lost(self, batch: MicroBatch) -> None:
        """Publish every portfolio once more if it was asked for: no tick may come for days."""
        if self._control.redis_was_emptied.is_set():
            with self._control.at_work, self._states.at_work(batch.epoch):
                _LOG.warning("Redis was emptied: every portfolio is published again")
                batch.republish()
            self._control.redis_was_emptied.clear()

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
        is_held = await_turn(lease, self._connections, self._clock, self._control.stopping)
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
        batch, offsets = self._salvaged(
            stack, Attempts(history, fence), offsets, ends, fetcher, lambda: opened(history.load())
        ) or (opened(stored), offsets)
        takes_over = bool(stored.offsets)
        servers = Servers(bootstrap, history, latest, producer, topic_ends)
        stream = Stream(
            self._settings,
            self._connections,
            servers,
            self._control,
            states=self._states,
            watchdog=self._watchdog,
            clock=self._clock,
        )

        def each_second() -> None:
            batch.durable.raise_if_failed()
            self.publish_what_redis_lost(batch)

        life = Life(fence, offsets, takes_over)
        try:
            stream.run(session.result(), batch, life, each_second=each_second, fail=self.fail)
        except InternalError:
            # Where retention has overtaken a driver that lags, Spark says so in hundreds of lines.
            check_state(history, bootstrap)
            raise

    def _salvaged(
        self,
        stack: ExitStack,
        attempts: Attempts,
        offsets: Mapping[str, int],
        ends: Mapping[str, int],
        fetcher: RecordFetcher,
        open_batch: Callable[[], MicroBatch],
    ) -> tuple[MicroBatch, dict[str, int]] | None:
        """Return the batch and the offsets after a range that has ended drivers, if there is one.

        This driver's attempt is under way from here to its end.
        """
        stack.enter_context(attempts.under_way())
        attempt = attempts.begin(offsets, ends, reach=self._settings.max_batch_records)
        if not attempt.is_salvage:
            return None
        _LOG.warning("%s", attempt.sentence)

        def keep(step: Attempt) -> None:
            attempts.keep(step)
            self._watchdog.enter(STARTING)  # each step of a long way has the whole bound

        salvage = Salvage(attempt, keep, fetcher.record, open_batch)
        batch = salvage.run()
        attempts.keep(Attempt(offsets=batch.offsets, until=salvage.positions))
        return batch, salvage.positions

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
            shard_count=self._settings.executor_cores,
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
