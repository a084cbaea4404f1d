"""Warming up: the stream's plan and its own work on a private topic, until delays are steady.

A cold JVM plans and collects several times slower than a warm one; the first statements of a
connection and the first calls of a library take longer too. Here the query's plan and the code
behind it (`system.stream.warm_up.rehearsal`) run for as long as ticks come through faster and
faster, within a bound. A tick's delay is from its sending to the end of the batch that has it: the
time of a batch alone says nothing of tasks that are still being compiled.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import pyarrow as pa
from pyspark.sql import SparkSession

from system.bus.producer import MessageProducer
from system.clock import Clock
from system.contracts.codec import encode
from system.contracts.topics import WARM_UP
from system.contracts.warm_up import WarmUpProgress
from system.stream.engines.engine import Engine, Running, Subscription, Work
from system.stream.spark.fetched_rows import Read
from system.stream.warm_up.rehearsal import NAMES, Rehearsal, round_of_ticks

COMPARED_NS: Final = 2_500_000_000
"""Delays of so long are compared with those of as long before, and of so many batches at least:"""
COMPARED_BATCHES: Final = 15
STEADY: Final = 0.9
"""Delays of at least so much of those before become no shorter any more."""
ROUND_SECONDS: Final = 0.05
NEWEST: Final = 20
"""Rounds of which the progress shows the median delay."""
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
    """Run the stream's plan on the private topic until its delays are steady.

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
    rounds = _Rounds(rehearsal, clock)
    running = plan.started(rounds.run)
    began_ns = due_ns = clock.monotonic_ns()
    try:
        while running.is_active and not are_steady(rounds.delays):
            now_ns = clock.monotonic_ns()
            if now_ns - began_ns > seconds * 1e9:
                break
            if now_ns >= due_ns:
                due_ns = now_ns + round(TELL_SECONDS * 1e9)
                tell(rounds.progress((now_ns - began_ns) / 1e9, seconds))
                if not is_wanted():
                    break
            for tick in round_of_ticks(rounds.begin()):
                producer.send_bytes(WARM_UP, tick.ticker.encode(), encode(tick))
            clock.sleep(ROUND_SECONDS)
    finally:
        rounds.end()  # a batch that is cut off fills the log with its errors
        running.stop()
    _LOG.info(
        "warm after %d batches in %.1f s: %.0f ms from tick to VaR",
        rounds.batch_count,
        (clock.monotonic_ns() - began_ns) / 1e9,
        rounds.delay_ms,
    )
    return rounds.batch_count


@dataclass(frozen=True)
class Delay:
    """Delay of one round of ticks.

    Parameters
    ----------
    ended_ns : int
        When the batch with the last of them was done, monotonic.
    ms : float
        Since they were sent, milliseconds.
    """

    ended_ns: int
    ms: float


def are_steady(delays: Sequence[Delay]) -> bool:
    """Return whether ticks come through no faster any more, by median and ninth decile.

    Parameters
    ----------
    delays : sequence of Delay
        Oldest first.
    """
    ends_ns = sorted({each.ended_ns for each in delays})
    if len(ends_ns) <= 2 * COMPARED_BATCHES:
        return False
    compared_ns = max(COMPARED_NS, ends_ns[-1] - ends_ns[-1 - COMPARED_BATCHES])
    if ends_ns[-1] - ends_ns[0] < 2 * compared_ns:
        return False
    ages_ms = [(ends_ns[-1] - each.ended_ns, each.ms) for each in delays]
    newest = [ms for age_ns, ms in ages_ms if age_ns < compared_ns]
    before = [ms for age_ns, ms in ages_ms if compared_ns <= age_ns < 2 * compared_ns]
    return bool(before) and all(
        after >= STEADY * earlier
        for after, earlier in zip(_middle_and_slow(newest), _middle_and_slow(before), strict=True)
    )


def _middle_and_slow(milliseconds: Sequence[float]) -> tuple[float, float]:
    if len(milliseconds) == 1:
        return milliseconds[0], milliseconds[0]
    return median(milliseconds), quantiles(milliseconds, n=10, method="inclusive")[-1]


class _Rounds:
    """Rounds of ticks: sent on the driver's thread, and worked on in batches on the query's."""

    def __init__(self, rehearsal: Rehearsal, clock: Clock) -> None:
        self._rehearsal = rehearsal
        self._clock = clock
        self._at_work = threading.Lock()
        self._is_over = False
        self._sent_ns: list[int] = []
        self._row_count = 0
        self._delays: list[Delay] = []
        self.batch_count = 0

    def begin(self) -> int:
        """Note that the next round is sent now, and return its number, from 1."""
        self._sent_ns.append(self._clock.monotonic_ns())
        return len(self._sent_ns)

    def run(self, read: Read) -> None:
        """Work on a batch, unless the warm-up is over."""
        with self._at_work:
            if not self._is_over:
                self._rehearsal.run(lambda: self._counted(read()))
                self.batch_count += 1
                self._note_rounds()

    def end(self) -> None:
        """Return once the batch under way is done; every later one is empty."""
        with self._at_work:
            self._is_over = True

    @property
    def delays(self) -> Sequence[Delay]:
        """Delays of the rounds that are through, oldest first."""
        return tuple(self._delays)

    @property
    def delay_ms(self) -> float:
        """The median of the newest second, about; 0 before the first."""
        return median([each.ms for each in self.delays[-NEWEST:]] or [0.0])

    def progress(self, elapsed_s: float, bound_s: float) -> WarmUpProgress:
        """Return how far it is."""
        return WarmUpProgress(
            batches=self.batch_count,
            delay_ms=self.delay_ms,
            elapsed_s=elapsed_s,
            bound_s=bound_s,
        )

    def _counted(self, rows: pa.Table) -> pa.Table:
        self._row_count += rows.num_rows
        return rows

    def _note_rounds(self) -> None:
        ended_ns = self._clock.monotonic_ns()
        through = min(self._row_count // len(NAMES), len(self._sent_ns))
        self._delays += [
            Delay(ended_ns, (ended_ns - sent_ns) / 1e6)
            for sent_ns in self._sent_ns[len(self._delays) : through]
        ]
