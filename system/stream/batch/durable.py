"""The slow half of batches, on its own thread: Kafka's output topics and PostgreSQL.

At most one transaction is under way. Batches that are published meanwhile are gathered into the
next one (``gathered``), so that a slow disk makes transactions larger and screens no older. Redis
is ahead of PostgreSQL by what is under way and what is gathered; beyond ``AHEAD_BOUND_S`` the next
batch waits. What is committed is announced on Kafka before: after a crash in between it is
announced again (at least once), never lost. That holds for ends of day also while live snapshots
are held back, because the driver before had published later ones.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from types import MappingProxyType
from typing import Final, Protocol

from system.book.ingest.fold import Fold
from system.clock import Clock, SystemClock
from system.contracts.messages import Message
from system.store.records import BatchCommit, LastRecord
from system.stream.batch.gathered import Gathered

COMMIT_INTERVAL_S: Final = 0.1
"""Shortest time from the beginning of one transaction to that of the next, seconds."""
AHEAD_BOUND_S: Final = 1.0
"""Longest time that a batch is gathered. Redis is ahead of PostgreSQL by this and a transaction."""
POLL_S: Final = 0.1


class HistoryWriter(Protocol):
    """The part of ``system.store.postgres.history.RiskHistory`` that is needed."""

    def commit(self, batch: BatchCommit) -> bool:
        """Write a batch in one transaction."""
        ...


class DurableMarker(Protocol):
    """Part of ``system.store.redis.latest.LatestStore`` that is used here."""

    def mark_durable(self, fence: int, epoch: int) -> None:
        """Say that a batch is committed."""
        ...


class Announcer(Protocol):
    """Part of ``system.bus.producer.MessageProducer`` that is used here."""

    def send(self, message: Message) -> None:
        """Send one message."""
        ...

    def flush(self) -> None:
        """Wait until all is acknowledged."""
        ...


class DurableWriter:
    """Announces and commits batches in their order, one transaction at a time.

    Parameters
    ----------
    history : HistoryWriter
        PostgreSQL.
    latest : DurableMarker
        Redis: the newest committed batch is marked there.
    announcer : Announcer
        Kafka.
    offsets : mapping of str to int
        Where the state ends that the driver starts from, ``topic:partition`` to offset: each
        transaction is committed only onto what the one before has left.
    thread : Executor, optional
        Runs one transaction at a time; None: a thread of its own.
    clock : Clock, optional
        Measures intervals.
    interval_s : float
        Seconds between beginnings of transactions.
    """

    def __init__(
        self,
        history: HistoryWriter,
        latest: DurableMarker,
        announcer: Announcer,
        offsets: Mapping[str, int] = MappingProxyType({}),
        *,
        thread: Executor | None = None,
        clock: Clock | None = None,
        interval_s: float = COMMIT_INTERVAL_S,
    ) -> None:
        self._history = history
        self._follows = dict(offsets)
        self._latest = latest
        self._announcer = announcer
        self._thread = thread or ThreadPoolExecutor(max_workers=1, thread_name_prefix="durable")
        self._clock = clock or SystemClock()
        self._interval_ns = round(interval_s * 1e9)
        self._taken = threading.Condition()
        self._gathered: Gathered | None = None
        self._is_at_work = False
        self._running: Future[None] | None = None
        self._hurry = threading.Event()
        self._began_ns = self._clock.monotonic_ns() - self._interval_ns
        self._writing: int | None = None

    def write(
        self,
        fold: Fold,
        *,
        fence: int,
        epoch: int,
        announce: bool,
        last: Mapping[str, LastRecord] = MappingProxyType({}),
    ) -> None:
        """Hand over a batch; wait where gathered ones are older than ``AHEAD_BOUND_S``.

        Parameters
        ----------
        fold : Fold
            What to write.
        fence, epoch : int
            Its place.
        announce : bool
            Whether its live snapshots go to ``risk_snapshots``; ends of day and what is rejected
            always go.
        last : mapping of str to LastRecord
            By ``topic:partition``, the record below the offset, where it is known.

        Raises
        ------
        RiskstreamError
            If an earlier batch could not be written.
        """
        self.raise_if_failed()
        with self._taken:
            if self._gathered is None:
                now_ns = self._clock.monotonic_ns()
                self._gathered = Gathered(fence, epoch, self._follows, since_ns=now_ns)
            gathered = self._gathered
            gathered.add(fold, epoch=epoch, announce=announce, last=last)
            self._follows = fold.offsets
            must_start, self._is_at_work = not self._is_at_work, True
        if must_start:
            self._running = self._thread.submit(self._commit_gathered)
        if self._clock.monotonic_ns() - gathered.since_ns > AHEAD_BOUND_S * 1e9:
            self._await_taken(gathered)

    @property
    def writing(self) -> int | None:
        """Newest epoch of the transaction under way, None where there is none."""
        return self._writing

    def wait(self) -> None:
        """Return when everything handed over is committed.

        Raises
        ------
        RiskstreamError
            If it could not be written.
        """
        if self._running is not None:
            self._hurry.set()
            self._running.result()
            self._hurry.clear()

    def raise_if_failed(self) -> None:
        """Do not wait: raise what a transaction has failed with, if one has.

        A market that falls silent brings no next batch that would notice.

        Raises
        ------
        RiskstreamError
            If it could not be written.
        """
        if self._running is not None and self._running.done():
            self._running.result()

    def close(self) -> None:
        """Let what was handed over be committed, and end the thread."""
        self._hurry.set()
        self._thread.shutdown(wait=True)

    def _await_taken(self, gathered: Gathered) -> None:
        """Return when the transaction of a gathered batch begins."""
        self._hurry.set()
        with self._taken:
            while self._gathered is gathered and not self._taken.wait(POLL_S):
                self.raise_if_failed()
        self._hurry.clear()

    def _commit_gathered(self) -> None:
        """Commit until nothing is gathered any more."""
        while True:
            rest_ns = self._began_ns + self._interval_ns - self._clock.monotonic_ns()
            if rest_ns > 0:
                self._hurry.wait(rest_ns / 1e9)
            with self._taken:
                gathered, self._gathered = self._gathered, None
                self._is_at_work = gathered is not None
                self._taken.notify_all()
            if gathered is None:
                return
            self._began_ns = self._clock.monotonic_ns()
            self._writing = gathered.epoch
            try:
                self._write(gathered)
            finally:
                self._writing = None

    def _write(self, gathered: Gathered) -> None:
        batch = gathered.commit()
        self._announce(gathered)
        self._history.commit(batch)
        self._latest.mark_durable(batch.fence, batch.epoch)

    def _announce(self, gathered: Gathered) -> None:
        messages: list[Message] = [*gathered.rejected, *gathered.announced()]
        for message in messages:
            self._announcer.send(message)
        if messages:
            self._announcer.flush()
