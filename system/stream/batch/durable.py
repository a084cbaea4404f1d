"""The slow half of a batch, on its own thread: Kafka's output topics and PostgreSQL.

At most one batch is under way, so that Redis is ahead of PostgreSQL by one batch and no
more. A batch is announced on Kafka before it is committed: after a crash in between it is
announced again (at least once), never lost. That holds for ends of day also while live snapshots
are held back, because the driver before had published later ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from types import MappingProxyType
from typing import Protocol

from system.book.ingest.fold import Fold
from system.contracts.messages import Message, SnapshotKind
from system.store.records import BatchCommit, LastRecord


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
    """What is needed of ``system.bus.producer.MessageProducer``."""

    def send(self, message: Message) -> None:
        """Send one message."""
        ...

    def flush(self) -> None:
        """Wait until all is acknowledged."""
        ...


class DurableWriter:
    """Announces and commits batches in their order, one at a time.

    Parameters
    ----------
    history : HistoryWriter
        PostgreSQL.
    latest : DurableMarker
        Redis, told when a batch is committed.
    announcer : Announcer
        Kafka.
    offsets : mapping of str to int
        Where the state ends that the driver starts from, ``topic:partition`` to offset: each
        batch is committed only onto what the one before has left.
    thread : Executor, optional
        Runs one batch at a time; None: a thread of its own.
    """

    def __init__(
        self,
        history: HistoryWriter,
        latest: DurableMarker,
        announcer: Announcer,
        offsets: Mapping[str, int] = MappingProxyType({}),
        *,
        thread: Executor | None = None,
    ) -> None:
        self._history = history
        self._follows = dict(offsets)
        self._latest = latest
        self._announcer = announcer
        self._thread = thread or ThreadPoolExecutor(max_workers=1, thread_name_prefix="durable")
        self._pending: Future[None] | None = None
        self._epoch = 0

    def write(
        self,
        fold: Fold,
        *,
        fence: int,
        epoch: int,
        announce: bool,
        last: Mapping[str, LastRecord] = MappingProxyType({}),
    ) -> None:
        """Hand over a batch, after the one before it is committed.

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
            If the batch before could not be written.
        """
        self.wait()
        batch = BatchCommit(
            fence=fence,
            epoch=epoch,
            offsets=fold.offsets,
            state=fold.state,
            snapshots=fold.snapshots,
            rejected=fold.rejected,
            limit_events=fold.limit_events,
            follows=self._follows,
            last_records=last,
        )
        self._follows = fold.offsets
        self._epoch = epoch
        self._pending = self._thread.submit(self._write, fold, batch, announce)

    @property
    def writing(self) -> int | None:
        """Epoch of the batch that is being written, None where there is none."""
        return None if self._pending is None or self._pending.done() else self._epoch

    def wait(self) -> None:
        """Return when everything handed over is committed.

        Raises
        ------
        RiskstreamError
            If it could not be written.
        """
        if self._pending is not None:
            self._pending.result()

    def raise_if_failed(self) -> None:
        """Do not wait: raise what the batch under way has failed with, if it has.

        A market that falls silent brings no next batch that would notice.

        Raises
        ------
        RiskstreamError
            If it could not be written.
        """
        if self._pending is not None and self._pending.done():
            self._pending.result()

    def close(self) -> None:
        """Let the batch under way finish and end the thread."""
        self._thread.shutdown(wait=True)

    def _write(self, fold: Fold, batch: BatchCommit, announce: bool) -> None:
        self._announce(fold, announce)
        self._history.commit(batch)
        self._latest.mark_durable(batch.fence, batch.epoch)

    def _announce(self, fold: Fold, announce: bool) -> None:
        messages: list[Message] = [*fold.rejected]
        messages += (s for s in fold.snapshots if announce or s.kind is SnapshotKind.END_OF_DAY)
        for message in messages:
            self._announcer.send(message)
        if messages:
            self._announcer.flush()
