"""One micro-batch: read it, fold it, publish it, and hand it to the history."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import msgspec
import pyarrow as pa

from system.book.book import Book
from system.book.ingest.fold import Fold
from system.book.state.errors import BarrierOverflowError
from system.book.valuation.limits import LimitAlerts
from system.clock import Clock
from system.contracts.messages import SnapshotKind, StageTimes
from system.store.redis.latest import LatestStore
from system.stream.batch.decode import Events, FetchValue, batch_pieces, last_records
from system.stream.batch.durable import DurableWriter

_LOG: Final = logging.getLogger(__name__)
MARK_ALARM_NS: Final = 10_000_000_000
"""Longest time that a partition may lack a day's mark before the log names it."""


class MicroBatch:
    """Fold, publication and commit of each batch, in order and on one thread.

    Parameters
    ----------
    book : Book
        The state; this is its only user.
    latest : LatestStore
        Written first: what the screens show.
    durable : DurableWriter
        Written behind: at most one batch later.
    clock : Clock
        Stamps the stages.
    fence : int
        Of this driver.
    published : mapping of str to int
        The offsets that an earlier driver had published: nothing is published before
        they are passed.
    alerts : LimitAlerts
        What earlier drivers raised; goes on from there.
    fetch : callable, optional
        Fetches a value that a batch has only the beginning of; None: such a message is rejected.
    epoch : int
        Of its first batch: those of a driver have no gaps.
    """

    def __init__(  # noqa: PLR0913 - parts that a driver is made of, by name
        self,
        book: Book,
        latest: LatestStore,
        durable: DurableWriter,
        *,
        clock: Clock,
        fence: int,
        published: Mapping[str, int],
        alerts: LimitAlerts,
        fetch: FetchValue | None = None,
        epoch: int = 0,
    ) -> None:
        self._book = book
        self._latest = latest
        self._durable = durable
        self._clock = clock
        self._fence = fence
        self._ahead = dict(published)
        self._alerts = alerts
        self._fetch = fetch
        self._held_since_ns: int | None = None
        self._read_to: dict[str, int] = {}
        self._held: frozenset[str] = frozenset()
        self._covered = book.offsets
        self.published_count = 0
        """Portfolios that Redis holds, unless it was emptied since."""
        self.is_busy = False
        self.epoch = epoch
        self.finished_ns = clock.monotonic_ns()

    def run(self, read: Callable[[], pa.Table]) -> None:
        """Work on one batch.

        Parameters
        ----------
        read : callable
            Runs the query's one action and returns what `parsed` selects.

        Raises
        ------
        RiskstreamError
            If a store fails for good, a newer driver has taken over, or a mark stays away;
            nothing is lost: the next driver goes on at the last committed offsets.
        """
        self.is_busy = True
        started_ns = self._clock.monotonic_ns()
        for events in batch_pieces(read(), self._fetch):
            self.take(events, started_ns=started_ns)
            started_ns = self._clock.monotonic_ns()
        self.is_busy = False

    @property
    def offsets(self) -> dict[str, int]:
        """Return ``topic:partition`` to the first offset that is not applied."""
        return self._book.offsets

    @property
    def durable(self) -> DurableWriter:
        """Return what writes behind."""
        return self._durable

    def await_durable(self) -> None:
        """Return when all that was handed on is committed.

        Raises
        ------
        RiskstreamError
            If it could not be written.
        """
        self._durable.wait()

    def take(self, events: Events, *, started_ns: int | None = None) -> None:
        """Fold a piece of a batch, publish it and hand it on.

        Parameters
        ----------
        events : dict of str to list of Event
            ``topic:partition`` to its events in offset order.
        started_ns : int, optional
            CLOCK_MONOTONIC when the batch began; None: now.

        Raises
        ------
        RiskstreamError
            As `run`.
        """
        read_ns = self._clock.monotonic_ns()
        read_to = {name: arrived[-1].offset + 1 for name, arrived in events.items()}
        started_ns = read_ns if started_ns is None else started_ns
        self._book.absorb(events, fence=self._fence, epoch=self.epoch)
        folded_ns = self._clock.monotonic_ns()
        fold = self._book.settle()
        self._watch_marks(fold)
        self._hand_on(
            fold, StageTimes(batch_started_ns=started_ns, read_ns=read_ns, folded_ns=folded_ns)
        )
        self._read_to |= read_to
        self._check_kept()

    def first(self) -> None:
        """Publish every portfolio of the restored state, before any new event."""
        self._hand_on(self._book.revalue(fence=self._fence, epoch=self.epoch), StageTimes())

    def republish(self) -> None:
        """Publish every portfolio once more: Redis was emptied, and no event may come.

        Does nothing before the offsets of the driver before are passed: then all are published.
        The book has one user, so that no batch may run meanwhile.

        Raises
        ------
        RiskstreamError
            As `run`.
        """
        if not self._ahead:
            self.is_busy = True
            self.first()
            self.is_busy = False

    def has_read(self, offsets: Mapping[str, int], consumed: Mapping[str, int]) -> bool:
        """Return whether batches have reached every offset.

        Parameters
        ----------
        offsets : mapping of str to int
            ``topic:partition`` to the offset behind the last one that is asked about.
        consumed : mapping of str to int
            What the query says of itself (`consumed_offsets`): it passes offsets that hold no
            record any more, as after retention, or never did, as transaction markers.
        """
        reached = _largest(self._read_to, consumed)
        return all(reached.get(name, 0) >= bound for name, bound in offsets.items())

    def covered(self, consumed: Mapping[str, int]) -> dict[str, int]:
        """Return the first offset of each partition that the published numbers do not contain.

        Parameters
        ----------
        consumed : mapping of str to int
            As of `has_read`. It counts only where nothing waits for an end-of-day mark.
        """
        free = {name: end for name, end in consumed.items() if name not in self._held}
        return _largest(self._covered, free)

    def _hand_on(self, fold: Fold, stages: StageTimes) -> None:
        seen_before = self._ahead
        shown = not seen_before or _reaches(fold.offsets, seen_before)
        if shown and seen_before:
            fold = self._with_every_portfolio(fold)
            self._ahead = {}
        fold = self._stamped(fold, stages)
        if shown:
            self._publish(fold, seen_before)
            self.published_count = len(self._book.portfolios)
        self._durable.write(
            fold,
            fence=self._fence,
            epoch=self.epoch,
            announce=shown,
            last=last_records(self._book.last_applied),
        )
        self._held, self._covered = frozenset(fold.held), fold.offsets
        self.epoch += 1
        self.finished_ns = self._clock.monotonic_ns()

    def _with_every_portfolio(self, fold: Fold) -> Fold:
        """Return the fold with a live snapshot of the portfolios too that it did not touch.

        Its own snapshots stay: they name the trades that they are the first to contain.
        """
        live = {snap.portfolio for snap in fold.snapshots if snap.kind is SnapshotKind.LIVE}
        every = self._book.revalue(fence=self._fence, epoch=self.epoch)
        others = (snap for snap in every.snapshots if snap.portfolio not in live)
        return replace(
            fold, snapshots=(*fold.snapshots, *others), state={**fold.state, **every.state}
        )

    def _stamped(self, fold: Fold, stages: StageTimes) -> Fold:
        stages = msgspec.structs.replace(
            stages, intended_ns=fold.intended_ns, valued_ns=self._clock.monotonic_ns()
        )
        watched = [
            self._alerts.watched(msgspec.structs.replace(snap, stages=stages))
            for snap in fold.snapshots
        ]
        return replace(
            fold,
            snapshots=tuple(snapshot for snapshot, _ in watched),
            limit_events=tuple(event for _, events in watched for event in events),
        )

    def _check_kept(self) -> None:
        """End the driver once what it has is committed, if its book lacks what was read."""
        try:
            self._book.check_kept()
        except BarrierOverflowError:
            self._durable.wait()
            raise

    def _publish(self, fold: Fold, seen_before: Mapping[str, int]) -> None:
        """Write what the driver before had not: its ends of day would lead screens back."""
        self._latest.publish(
            [
                snap
                for snap in fold.snapshots
                if snap.kind is SnapshotKind.LIVE or not _reaches(seen_before, snap.offsets)
            ],
            fence=self._fence,
            epoch=self.epoch,
            offsets=fold.offsets,
            published_ns=self._clock.monotonic_ns(),
        )

    def _watch_marks(self, fold: Fold) -> None:
        """Name the partitions that a day's mark stays away from, once per alarm interval."""
        now_ns = self._clock.monotonic_ns()
        if not fold.waiting_for:
            self._held_since_ns = None
        elif self._held_since_ns is None:
            self._held_since_ns = now_ns
        elif now_ns - self._held_since_ns > MARK_ALARM_NS:
            self._held_since_ns = now_ns
            _LOG.warning(
                "the end-of-day mark has not arrived in %s; what follows it elsewhere waits",
                ", ".join(fold.waiting_for),
            )


def _reaches(offsets: Mapping[str, int], bounds: Mapping[str, int]) -> bool:
    return all(offsets.get(name, 0) >= bound for name, bound in bounds.items())


def _largest(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    names = first.keys() | second.keys()
    return {name: max(first.get(name, 0), second.get(name, 0)) for name in names}
