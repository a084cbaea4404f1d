"""A stream that has taken over: its warm-up, then its query, until it is asked to stop."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pyspark.sql import SparkSession

from system.bus.consumer import CONNECT_TIMEOUT_SECONDS, TopicEnds, end_offsets
from system.bus.fetching import RecordFetcher
from system.bus.producer import MessageProducer
from system.clock import Clock
from system.contracts.topics import REFERENCE, WARM_UP
from system.contracts.warm_up import WarmUpProgress
from system.errors import InternalError, RiskstreamError
from system.settings import Connections, Settings
from system.store.errors import FencedError
from system.store.postgres.history import RiskHistory
from system.store.redis.latest import LatestStore
from system.stream.batch.micro_batch import MicroBatch
from system.stream.engines.empty_offsets import EmptyOffsets
from system.stream.engines.engine import Engine, Running, Subscription
from system.stream.engines.micro_batches import MicroBatchEngine
from system.stream.engines.real_time import RealTimeEngine
from system.stream.lifecycle.heartbeat import ASK_BOUND_S, Progress, Pulse
from system.stream.lifecycle.takeover import BrokerWatch, check_state
from system.stream.lifecycle.watchdog import COMMITTING, Watchdog, warming_up
from system.stream.spark.checkpoints import own_checkpoint
from system.stream.spark.cluster import StreamStates, require_cores
from system.stream.spark.fetched_rows import Read, collected, rows_collected
from system.stream.spark.profile import BatchProfile
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


@dataclass
class Control:
    """Requests of other threads and of signal handlers to the driver's main thread.

    Parameters
    ----------
    stopping : Event
        Set when the driver is to end.
    redis_was_emptied : Event
        Set when every portfolio is to be published once more.
    at_work : Lock
        Held inside a batch: the book has one user at a time.
    failure : Exception or None
        Why the driver is to end.
    """

    stopping: threading.Event = field(default_factory=threading.Event)
    redis_was_emptied: threading.Event = field(default_factory=threading.Event)
    at_work: threading.Lock = field(default_factory=threading.Lock)
    failure: Exception | None = None


@dataclass(frozen=True)
class Servers:
    """A driver's connections, opened once and used until its end."""

    bootstrap: str
    history: RiskHistory
    latest: LatestStore
    producer: MessageProducer
    topic_ends: TopicEnds


@dataclass(frozen=True)
class Life:
    """Place of one driver in the order of all drivers, and where it begins.

    Parameters
    ----------
    fence : int
        Of the driver.
    offsets : mapping of str to int
        ``topic:partition`` to where it begins to read.
    takes_over : bool
        Whether there is a state that it goes on with.
    """

    fence: int
    offsets: Mapping[str, int]
    takes_over: bool


class Stream:
    """Reads, computes and beats, from a driver's takeover to its end.

    Parameters
    ----------
    settings : Settings
        Engine, sizes and bounds.
    connections : Connections
        Of the servers.
    servers : Servers
        Open connections to them.
    control : Control
        Ends it.
    states, watchdog
        Bound every state.
    clock : Clock
        Paces and stamps.
    """

    def __init__(
        self,
        settings: Settings,
        connections: Connections,
        servers: Servers,
        control: Control,
        *,
        states: StreamStates,
        watchdog: Watchdog,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._connections = connections
        self._servers = servers
        self._control = control
        self._states = states
        self._watchdog = watchdog
        self._clock = clock
        self._running: Running | None = None
        self._broker = BrokerWatch(
            lambda: servers.topic_ends.ask(ASK_BOUND_S),
            lambda: check_state(servers.history, servers.bootstrap),
        )
        self._ends: Mapping[str, int] = {}

    def run(
        self,
        spark: SparkSession,
        batch: MicroBatch,
        life: Life,
        *,
        each_second: Callable[[], None],
        fail: Callable[[Exception], None],
    ) -> None:
        """Run until stopped.

        Parameters
        ----------
        spark : SparkSession
            Of the driver.
        batch : MicroBatch
            Works on what is read.
        life : Life
            Where to begin.
        each_second : callable
            Called between two looks at the query.
        fail : callable
            Called from another thread with what the driver must end with.

        Raises
        ------
        RiskstreamError
            If a server does not answer, or a newer driver has taken over.
        InternalError
            If the query ended by itself.
        """
        backlog = self._waiting(life)
        pulse = self._pulse(batch, backlog, life.fence, fail)
        if self._settings.warm_up_seconds and not life.takes_over:
            # Before the first heartbeat, with which a stream that does not warm up is ready.
            bound_s = self._settings.warm_up_seconds
            self._servers.latest.publish_warm_up(WarmUpProgress(bound_s=bound_s))
        pulse.start()
        self._watchdog.watch(COMMITTING, lambda: batch.durable.writing)
        try:
            with (
                ExitStack() as stack,
                own_checkpoint(self._settings.checkpoint_dir, life.fence) as checkpoint,
            ):
                self._watchdog.enter(warming_up(self._settings.warm_up_seconds))
                require_cores(spark, self._settings, len(life.offsets))
                self._warm_up(spark, checkpoint / "warm-up", life)
                batch.first()
                collect_seldom()
                running = self._start(stack, spark, checkpoint / "stream", batch, life)
                running.await_readers(lambda: not self._control.stopping.is_set())
                if running.is_active:
                    pulse.ready()
                    self._servers.latest.publish_warm_up(None)
                    _LOG.info("ready")
                self._watchdog.enter(None)
                self._states.let_watch(self._watchdog)
                self._wait(spark, running, each_second)
                batch.await_durable()
        finally:
            pulse.stop()

    def _waiting(self, life: Life) -> dict[str, int]:
        """Return where partitions end that have something to read."""
        ends = self._servers.topic_ends.ask(CONNECT_TIMEOUT_SECONDS)
        return {name: end for name, end in ends.items() if end > life.offsets[name]}

    def _pulse(
        self,
        batch: MicroBatch,
        backlog: Mapping[str, int],
        fence: int,
        fail: Callable[[Exception], None],
    ) -> Pulse:
        def place() -> tuple[int, int, bool]:
            waits = self._running is not None and self._running.waits(self._ends)
            return max(batch.epoch - 1, 0), batch.finished_ns, batch.is_busy or waits

        def consumed() -> dict[str, int]:
            return {} if self._running is None else self._running.consumed()

        return Pulse(
            self._servers.latest,
            self._clock,
            fence=fence,
            progress=Progress(
                place=place,
                covered=lambda: batch.covered(consumed()),
                caught_up=lambda: batch.has_read(backlog, consumed()),
                portfolio_count=lambda: batch.published_count,
            ),
            ask_broker=self._ask_broker,
            lag_bound_ns=round(self._settings.lag_bound_seconds * 1e9),
            on_emptied=self._control.redis_was_emptied.set,
            on_fenced=fail,
        )

    def _ask_broker(self) -> Mapping[str, int]:
        self._ends = self._broker()
        return self._ends

    def _warm_up(self, spark: SparkSession, checkpoint: Path, life: Life) -> None:
        """Warm up, unless a driver that takes over has something to read: that comes first.

        What goes wrong in it is logged and no more: the stream starts cold then.
        """
        seconds = self._settings.warm_up_seconds
        stopping = self._control.stopping

        def is_wanted() -> bool:
            return not stopping.is_set() and (not life.takes_over or not self._waiting(life))

        if not seconds or not is_wanted():
            return
        servers = self._servers
        ends = end_offsets(servers.bootstrap, (WARM_UP,))
        try:
            with Rehearsal(
                self._connections,
                servers.history,
                servers.producer,
                fence=life.fence,
                ends=ends,
                stale_after_ns=self._settings.stale_after_seconds * 10**9,
                clock=self._clock,
            ) as rehearsal:
                warm_up(
                    WarmUpPlan(spark, servers.bootstrap, checkpoint, ends, self._warm_up_engine()),
                    rehearsal,
                    servers.producer,
                    clock=self._clock,
                    seconds=seconds,
                    tell=servers.latest.publish_warm_up,
                    is_wanted=is_wanted,
                )
        except FencedError:
            raise
        except RiskstreamError as error:
            _LOG.warning("the stream starts without a warm-up: %s", error)

    def _start(
        self,
        stack: ExitStack,
        spark: SparkSession,
        checkpoint: Path,
        batch: MicroBatch,
        life: Life,
    ) -> Running:
        def on_batch(read: Read) -> None:
            with self._control.at_work:
                if not self._control.stopping.is_set():
                    with self._states.at_work(batch.epoch):
                        batch.run(read)

        subscription = Subscription(
            QUERY_NAME,
            spark,
            self._servers.bootstrap,
            life.offsets,
            checkpoint,
            self._settings.max_batch_records,
        )
        self._running = self._engine(stack).start(subscription, on_batch)
        return self._running

    def _engine(self, stack: ExitStack) -> Engine:
        if self._settings.engine == "real-time":
            return self._real_time(stack)
        profile = BatchProfile(self._settings.gc_log_dir, self._clock)
        return self._micro_batches(profile, trigger_seconds=self._settings.trigger_seconds)

    def _warm_up_engine(self) -> Engine:
        if self._settings.engine == "real-time":
            return RealTimeEngine(self._settings.spark_driver_host, self._clock)
        return self._micro_batches()

    def _micro_batches(
        self, profile: BatchProfile | None = None, *, trigger_seconds: int = 0
    ) -> MicroBatchEngine:
        untuned = self._settings.untuned
        return MicroBatchEngine(
            rows_collected if "transfer" in untuned else collected,
            profile,
            trigger_seconds=trigger_seconds,
            tuned_fetch="fetch" not in untuned,
            first_reader="source" not in untuned,
        )

    def _real_time(self, stack: ExitStack) -> RealTimeEngine:
        bootstrap = self._servers.bootstrap
        reference = stack.enter_context(closing(TopicEnds(bootstrap, (REFERENCE,))))

        def empty() -> EmptyOffsets:
            fetcher = stack.enter_context(closing(RecordFetcher(bootstrap)))
            return EmptyOffsets(fetcher.record, self._clock)

        return RealTimeEngine(
            self._settings.spark_driver_host,
            self._clock,
            ask_reference=lambda: reference.ask(ASK_BOUND_S),
            empty=empty,
        )

    def _wait(self, spark: SparkSession, running: Running, each_second: Callable[[], None]) -> None:
        while not self._control.stopping.is_set():
            each_second()
            if self._states.has_ended(
                spark, lambda: running.silence(self._ends), running.await_end
            ):
                raise (
                    self._control.failure
                    or running.error()
                    or InternalError("the query ended by itself")
                )
        # Whoever holds this is inside a batch; afterwards every batch is empty, and what
        # the query believes to have done does not matter: its checkpoint ends with it. Spark
        # waits for an empty batch too: one that waited for the lock would wait for ever.
        with self._control.at_work:
            pass
        running.stop()
        if self._control.failure is not None:
            raise self._control.failure
