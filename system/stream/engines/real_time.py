"""Real-time engine: tasks of one long batch send records as they come; the driver cuts turns.

Spark's Real-Time Mode keeps one task per partition reading. Its batches are hours long and carry
no meaning here: offsets in PostgreSQL say how far the stream is (decision 0040). A turn takes what
the tasks have sent. Where a task, an executor or the query fails, the query begins again where the
last turn ended, inside the running driver.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, cast

from pyspark.sql.streaming.query import StreamingQuery

from system.clock import Clock
from system.contracts.topics import REFERENCE
from system.errors import InternalError, RiskstreamError, UnavailableError
from system.stream.engines.empty_offsets import EmptyOffsets
from system.stream.engines.engine import Subscription, Work
from system.stream.engines.frames import Records, records_table
from system.stream.engines.record_link import LinkBrokenError, RecordLink
from system.stream.spark.query import choose_first_reader, records

BATCH_DURATION: Final = "6 hours"
"""At its end tasks end and others start, and nothing is read for a moment."""
POLL_S: Final = 0.5
READERS_POLL_S: Final = 0.05
TURN_INTERVAL_NS: Final = 15_000_000
"""Shortest time from one turn to the next: each turn is a commit and a line of history."""
GATHER_S: Final = 0.002
"""After the first record of a silence: a burst of records is one turn."""
REFERENCE_POLL_S: Final = 0.001
REFERENCE_PATIENCE_NS: Final = 200_000_000
"""Without a record of the reference topic that its end promises; then it is asked for by itself."""
MAX_RESTARTS: Final = 5
RESTART_WINDOW_NS: Final = 600_000_000_000
"""So many restarts of the query are one disturbance; one more ends the driver."""
TASKS_BOUND_S: Final = 120.0
"""Longest time until every task has connected; an executor that starts again takes 10 s of it."""
WRITER: Final = "RecordWriter"
_LOG: Final = logging.getLogger(__name__)

AskEnds = Callable[[], Mapping[str, int]]


class TasksMissingError(UnavailableError):
    """Some partition has no task that reads it: the cluster has too few cores free."""


class RealTimeEngine:
    """Starts real-time queries.

    Parameters
    ----------
    host : str
        Where executors reach the driver.
    clock : Clock
        Paces the turns.
    ask_reference : callable, optional
        Returns where the partitions of the reference topic end; None: nothing depends on them.
    empty : callable, optional
        Returns a new `EmptyOffsets`: each thread has its own.
    """

    def __init__(
        self,
        host: str,
        clock: Clock,
        *,
        ask_reference: AskEnds | None = None,
        empty: Callable[[], EmptyOffsets] | None = None,
    ) -> None:
        self._host = host
        self._clock = clock
        self._ask_reference = ask_reference
        self._empty = empty

    def start(self, subscription: Subscription, work: Work) -> RunningRealTime:
        """Start a query and a thread that calls ``work`` with each turn."""
        running = RunningRealTime(
            lambda offsets, life: _Life(subscription, offsets, life, self._host, self._clock),
            subscription,
            work,
            self._clock,
            self._ask_reference,
            self._empty,
        )
        running.start()
        return running


class _Life:
    """One query, from its start to its end, and its link."""

    def __init__(
        self,
        subscription: Subscription,
        offsets: Mapping[str, int],
        number: int,
        host: str,
        clock: Clock,
    ) -> None:
        self.link = RecordLink(host, clock)
        try:
            self.query = self._query(subscription, offsets, number)
        except BaseException:
            self.link.close()
            raise
        self.started_ns = clock.monotonic_ns()

    def _query(
        self, subscription: Subscription, offsets: Mapping[str, int], number: int
    ) -> StreamingQuery:
        spark = subscription.spark
        choose_first_reader(spark, is_wanted=False)
        writer = (
            records(spark, subscription.bootstrap, offsets, tuned_fetch=False)
            .writeStream.queryName(subscription.name)
            .option("checkpointLocation", str(subscription.checkpoint / str(number)))
            .outputMode("update")
            .trigger(realTime=BATCH_DURATION)  # type: ignore[call-overload]  # not in its types
        )
        machine = cast(Any, spark.sparkContext._gateway).jvm
        sink = getattr(machine.riskstream, WRITER)(self.link.host, self.link.port, self.link.secret)
        cast(Any, writer)._jwrite.foreach(sink)
        return cast(StreamingQuery, writer.start())

    def end(self) -> None:
        """End the query, then the link: tasks that write to a link that is gone log errors."""
        try:
            self.query.stop()
        finally:
            self.link.close()


class RunningRealTime:
    """Turns of a real-time query, on a thread of their own."""

    def __init__(
        self,
        begin: Callable[[Mapping[str, int], int], _Life],
        subscription: Subscription,
        work: Work,
        clock: Clock,
        ask_reference: AskEnds | None,
        empty: Callable[[], EmptyOffsets] | None,
    ) -> None:
        self._begin = begin
        self._work = work
        self._clock = clock
        self._ask_reference = ask_reference
        self._empty = None if empty is None else empty()
        self._empty_reference = None if empty is None else empty()
        self._bound = subscription.max_batch_records or 2**62
        self._consumed = dict(subscription.offsets)
        self._restarts: deque[int] = deque()
        self._life_count = 0
        self._turn_count = 0
        self._turn_began_ns = 0
        self._missing_readers = len(subscription.offsets)
        self._failure: Exception | None = None
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="real-time", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def consumed(self) -> dict[str, int]:
        """Return the first offset of each partition that no finished turn has passed."""
        return self._consumed if self._empty is None else self._empty.beyond(self._consumed)

    def waits(self, ends: Mapping[str, int]) -> bool:
        """Return whether records are on the topics that no finished turn has passed."""
        if self._empty is not None:
            self._empty.look(ends, self._consumed)
        return _is_behind(self.consumed(), ends)

    def silence(self, ends: Mapping[str, int]) -> Hashable | None:
        """Return how many turns there were, while records wait."""
        return self._turn_count if _is_behind(self.consumed(), ends) else None

    @property
    def is_active(self) -> bool:
        """True while turns may come."""
        return not self._ended.is_set()

    def await_end(self, seconds: float) -> bool:
        """Wait, and return whether the turns have ended by themselves."""
        return self._ended.wait(seconds)

    def await_readers(self, is_wanted: Callable[[], bool]) -> None:
        """Return once every partition is being read, turns have ended, or none are wanted."""
        while is_wanted() and self._missing_readers > 0 and not self.await_end(READERS_POLL_S):
            pass

    def error(self) -> Exception | None:
        """Return why they ended by themselves; None while they come."""
        return self._failure

    def stop(self) -> None:
        """Let the turn under way finish, and end the query."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._live()
                except LinkBrokenError as error:
                    self._note_restart(error)
        except RiskstreamError as error:
            self._failure = error
        except Exception as error:
            self._failure = InternalError(f"a turn failed: {type(error).__name__}: {error}")
            self._failure.__cause__ = error
        finally:
            self._ended.set()

    def _note_restart(self, error: Exception) -> None:
        """Count a restart of the query; too many of them are an error.

        Raises
        ------
        InternalError
            If the query has begun again too often.
        """
        now_ns = self._clock.monotonic_ns()
        self._restarts.append(now_ns)
        while now_ns - self._restarts[0] > RESTART_WINDOW_NS:
            self._restarts.popleft()
        if len(self._restarts) > MAX_RESTARTS:
            raise InternalError(
                f"the real-time query failed {len(self._restarts)} times; the last time: {error}"
            ) from error
        _LOG.warning("the query begins again at %s: %s", self._consumed, error)

    def _live(self) -> None:
        """Start the query, and take turns until it fails or is to stop."""
        life = self._begin(self._consumed, self._life_count)
        self._life_count += 1
        checked_ns = life.started_ns
        try:
            while not self._stopping.is_set():
                if life.link.wait(POLL_S):
                    self._turn(life)
                    self._missing_readers = len(self._consumed) - life.link.most_tasks
                if self._clock.monotonic_ns() - checked_ns > POLL_S * 1e9:
                    checked_ns = self._clock.monotonic_ns()
                    self._check(life)
        finally:
            life.end()

    def _check(self, life: _Life) -> None:
        """Return if the query runs, and has its tasks unless it began just now.

        Raises
        ------
        LinkBrokenError
            If the query has ended.
        TasksMissingError
            If partitions have no task.
        """
        if not life.query.isActive:
            raise LinkBrokenError(f"the query ended by itself: {life.query.exception()}")
        missing = len(self._consumed) - life.link.most_tasks
        waited_s = (self._clock.monotonic_ns() - life.started_ns) / 1e9
        if missing > 0 and waited_s > TASKS_BOUND_S:
            raise TasksMissingError(
                f"{missing} of {len(self._consumed)} partitions have no task that reads them after "
                f"{waited_s:.0f} s: give the stream a core for each (RISKSTREAM_EXECUTOR_CORES), "
                "or use `--engine micro-batch`"
            )

    def _turn(self, life: _Life) -> None:
        """Take what has come, and work on it."""
        since_ns = self._clock.monotonic_ns() - self._turn_began_ns
        self._clock.sleep(max(GATHER_S, (TURN_INTERVAL_NS - since_ns) / 1e9))
        frames = life.link.receive(self._bound)
        if not frames:
            return
        self._turn_began_ns = self._clock.monotonic_ns()
        if self._ask_reference is not None and not all(map(_is_reference, frames)):
            frames = self._with_reference(life, frames, self._ask_reference)
        self._take(frames)

    def _with_reference(self, life: _Life, frames: list[Records], ask: AskEnds) -> list[Records]:
        """Return the frames, with all of the reference topic that was there before they came.

        Partitions are read independently of one another: a trade may come before the portfolio
        that it names and that was acknowledged earlier. The end of the reference topic, asked for
        after the trade has come, is behind that portfolio.
        """
        ends: Mapping[str, int] | None = None
        waited_ns = 0
        while not self._stopping.is_set():
            ends = ends or self._answer(ask)
            if ends is not None and not self._lacks(ends, frames):
                return frames
            began_ns = self._clock.monotonic_ns()
            more = life.link.receive(self._bound, {REFERENCE.name})
            frames = self._bounded([*frames, *more])
            if more:
                waited_ns = 0
                ends = ends if all(map(_is_reference, more)) else None
                continue
            self._clock.sleep(REFERENCE_POLL_S)
            waited_ns += self._clock.monotonic_ns() - began_ns
            if waited_ns > REFERENCE_PATIENCE_NS and ends is not None:
                waited_ns = 0
                self._check(life)
                if self._empty_reference is not None:
                    self._empty_reference.look(ends, self._reached(frames))
        return []

    def _answer(self, ask: AskEnds) -> Mapping[str, int] | None:
        try:
            return ask()
        except UnavailableError as error:
            # The watchdog bounds how long the broker may be away; tasks wait for it as well.
            _LOG.warning("the reference topic does not say where it ends: %s", error)
            return None

    def _lacks(self, ends: Mapping[str, int], frames: Sequence[Records]) -> bool:
        reached: Mapping[str, int] = self._reached(frames)
        if self._empty_reference is not None:
            reached = self._empty_reference.beyond(reached)
        return _is_behind(reached, ends)

    def _bounded(self, frames: list[Records]) -> list[Records]:
        """Take a turn of reference data where they are too many for one; return the others."""
        references = [frame for frame in frames if _is_reference(frame)]
        if sum(frame.row_count for frame in references) < self._bound:
            return frames
        self._take(references)
        return [frame for frame in frames if not _is_reference(frame)]

    def _reached(self, frames: Sequence[Records]) -> dict[str, int]:
        return self._consumed | {frame.place: frame.next_offset for frame in frames}

    def _take(self, frames: Sequence[Records]) -> None:
        if not frames:
            return
        self._work(lambda: records_table(frames))
        self._consumed = self._reached(frames)
        self._turn_count += 1


def _is_behind(reached: Mapping[str, int], ends: Mapping[str, int]) -> bool:
    return any(end > reached.get(place, 0) for place, end in ends.items())


def _is_reference(frame: Records) -> bool:
    return frame.topic == REFERENCE.name
