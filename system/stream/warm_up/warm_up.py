"""Warming up: the stream's plan and its own work on a private topic, until batches are steady.

A cold JVM plans and collects several times slower than a warm one; the first statements of a
connection and the first calls of a library take longer too. Here the query's plan and the code
behind it (`system.stream.warm_up.rehearsal`) run for as long as batches become shorter, within
bounds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

from pyspark.sql import SparkSession

from system.bus.producer import MessageProducer
from system.clock import Clock
from system.contracts.codec import encode
from system.contracts.topics import WARM_UP
from system.contracts.warm_up import WarmUpProgress
from system.stream.engines.engine import Engine, Running, Subscription, Work
from system.stream.spark.fetched_rows import Read
from system.stream.warm_up.rehearsal import Rehearsal, round_of_ticks

BATCH_BOUND: Final = 300
COMPARED: Final = 15
"""Batches whose median is compared with that of as many before them."""
STEADY: Final = 0.9
"""A median of at least so much of the one before: batches become no shorter any more."""
ROUND_SECONDS: Final = 0.05
TELL_SECONDS: Final = 0.5
QUERY_NAME: Final = "warm-up"
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class WarmUpPlan:
    """The query of a warm-up.

    Parameters
    ----------
    spark : SparkSession
        Of the driver.
    bootstrap : str
        The brokers.
    checkpoint : Path
        A folder that is not there yet.
    ends : mapping of str to int
        Where the private topic ends now, ``topic:partition``.
    engine : Engine
        As the stream's own.
    """

    spark: SparkSession
    bootstrap: str
    checkpoint: Path
    ends: Mapping[str, int]
    engine: Engine

    @property
    def waits_for_rows(self) -> bool:
        """True where batches wait for rows: the time between two of them is then no cost."""
        return self.engine.waits_for_rows

    def started(self, work: Work) -> Running:
        """Start it; each batch calls ``work``."""
        subscription = Subscription(
            QUERY_NAME, self.spark, self.bootstrap, self.ends, self.checkpoint
        )
        return self.engine.start(subscription, work)


def warm_up(
    plan: WarmUpPlan,
    rehearsal: Rehearsal,
    producer: MessageProducer,
    *,
    clock: Clock,
    seconds: float,
    tell: Callable[[WarmUpProgress], None],
    is_wanted: Callable[[], bool],
) -> int:
    """Run the stream's plan on the private topic until its batches are steady.

    Parameters
    ----------
    plan : WarmUpPlan
        Its query.
    rehearsal : Rehearsal
        Works on the batches.
    producer : MessageProducer
        Sends the ticks.
    clock : Clock
        Bounds the time.
    seconds : float
        At most so long.
    tell : callable
        Told how far it is, about twice a second.
    is_wanted : callable
        Asked as often; ends the warm-up by returning False.

    Returns
    -------
    int
        Batches that were run.
    """
    batches = _Batches(rehearsal, clock, with_gaps=not plan.waits_for_rows)
    running = plan.started(batches.run)
    began_ns = due_ns = clock.monotonic_ns()
    number = 0
    try:
        while running.is_active and not batches.are_done:
            now_ns = clock.monotonic_ns()
            if now_ns - began_ns > seconds * 1e9:
                break
            if now_ns >= due_ns:
                due_ns = now_ns + round(TELL_SECONDS * 1e9)
                tell(batches.progress((now_ns - began_ns) / 1e9, seconds))
                if not is_wanted():
                    break
            number += 1
            for tick in round_of_ticks(number):
                producer.send_bytes(WARM_UP, tick.ticker.encode(), encode(tick))
            clock.sleep(ROUND_SECONDS)
    finally:
        batches.end()  # a batch that is cut off fills the log with its errors
        running.stop()
    _LOG.info(
        "warm after %d batches in %.1f s: %.0f ms a batch",
        len(batches.begun_ns),
        (clock.monotonic_ns() - began_ns) / 1e9,
        batches.cycle_ms,
    )
    return len(batches.begun_ns)


def are_steady(cycles_ms: Sequence[float]) -> bool:
    """Return whether batches become no shorter any more.

    Parameters
    ----------
    cycles_ms : sequence of float
        From the beginning of a batch to that of the next, milliseconds, oldest first.
    """
    if len(cycles_ms) < 2 * COMPARED:
        return False
    newest, before = cycles_ms[-COMPARED:], cycles_ms[-2 * COMPARED : -COMPARED]
    return median(newest) >= STEADY * median(before)


class _Batches:
    """The batches of a warm-up, run on the query's thread and looked at from the driver's."""

    def __init__(self, rehearsal: Rehearsal, clock: Clock, *, with_gaps: bool) -> None:
        self._rehearsal = rehearsal
        self._clock = clock
        self._with_gaps = with_gaps
        self._at_work = threading.Lock()
        self._is_over = False
        self.begun_ns: list[int] = []
        self.ended_ns: list[int] = []

    def run(self, read: Read) -> None:
        """Work on a batch, unless the warm-up is over."""
        with self._at_work:
            if not self._is_over:
                self.begun_ns.append(self._clock.monotonic_ns())
                self._rehearsal.run(read)
                self.ended_ns.append(self._clock.monotonic_ns())

    def end(self) -> None:
        """Return once the batch under way is done; every later one is empty."""
        with self._at_work:
            self._is_over = True

    @property
    def cycles_ms(self) -> list[float]:
        """Times from the beginning of each batch to that of the next, or to its end; ms."""
        begun, ended = tuple(self.begun_ns), tuple(self.ended_ns)
        if not self._with_gaps:
            return [(end - begin) / 1e6 for begin, end in zip(begun, ended, strict=False)]
        return [(after - before) / 1e6 for before, after in pairwise(begun)]

    @property
    def cycle_ms(self) -> float:
        """The median of the newest; 0 before the second batch."""
        return median(self.cycles_ms[-COMPARED:] or [0.0])

    @property
    def are_done(self) -> bool:
        """True once batches are steady, or as many as the bound."""
        return len(self.begun_ns) >= BATCH_BOUND or are_steady(self.cycles_ms)

    def progress(self, elapsed_s: float, bound_s: float) -> WarmUpProgress:
        """Return how far it is."""
        return WarmUpProgress(
            batches=len(self.begun_ns),
            batch_ms=self.cycle_ms,
            elapsed_s=elapsed_s,
            bound_s=bound_s,
        )
