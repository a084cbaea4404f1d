"""Batches in a row, gathered into one transaction while the one before is under way.

Laws of this file:

1. Every changed row of the state is written once, with its newest value.
2. Of live snapshots of one portfolio the newest is kept. An older one is kept too where it names
   trades, where a limit's level changed at it, or where the next one is on the other side of the
   VaR limit.
3. Ends of day, rejected messages and limit events are all kept, in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from system.book.ingest.fold import Fold
from system.contracts.api.risk import is_over_limit
from system.contracts.limits import LimitEvent
from system.contracts.messages import Rejected, RiskSnapshot, SnapshotKind
from system.store.records import BatchCommit, LastRecord


class Gathered:
    """One transaction that is being filled.

    Parameters
    ----------
    fence, first_epoch : int
        Place of its oldest batch.
    follows : mapping of str to int
        Offsets that the transaction before leaves, ``topic:partition`` to offset.
    since_ns : int
        CLOCK_MONOTONIC when it was begun.
    """

    def __init__(
        self, fence: int, first_epoch: int, follows: Mapping[str, int], *, since_ns: int
    ) -> None:
        self.epoch = first_epoch
        self.since_ns = since_ns
        self.rejected: list[Rejected] = []
        self._fence = fence
        self._first_epoch = first_epoch
        self._follows = follows
        self._offsets: Mapping[str, int] = follows
        self._state: dict[str, bytes | None] = {}
        self._limit_events: list[LimitEvent] = []
        self._last: dict[str, LastRecord] = {}
        self._snapshots: dict[str, tuple[RiskSnapshot, bool]] = {}
        self._replaceable: dict[str, RiskSnapshot] = {}
        """By portfolio, the newest live snapshot, where a newer one may take its place."""

    def add(
        self, fold: Fold, *, epoch: int, announce: bool, last: Mapping[str, LastRecord]
    ) -> None:
        """Add the next batch.

        Parameters
        ----------
        fold : Fold
            What it did.
        epoch : int
            Its number.
        announce : bool
            Whether its live snapshots are announced.
        last : mapping of str to LastRecord
            By ``topic:partition``, the record below the offset, where it is known.
        """
        self.epoch = epoch
        self._offsets = fold.offsets
        self._state.update(fold.state)
        self.rejected += fold.rejected
        self._limit_events += fold.limit_events
        self._last.update(last)
        changed = {event.snapshot_id for event in fold.limit_events}
        for snapshot in fold.snapshots:
            is_live = snapshot.kind is SnapshotKind.LIVE
            if is_live:
                self._replace(snapshot, is_bound=snapshot.snapshot_id in changed)
            self._snapshots[snapshot.snapshot_id] = snapshot, announce or not is_live

    def _replace(self, snapshot: RiskSnapshot, *, is_bound: bool) -> None:
        """Drop the snapshot whose place a newer one takes; a bound one gives its place to none."""
        older = self._replaceable.pop(snapshot.portfolio, None)
        if older is not None and is_over_limit(older) == is_over_limit(snapshot):
            del self._snapshots[older.snapshot_id]
        if not is_bound and not snapshot.trade_ids:
            self._replaceable[snapshot.portfolio] = snapshot

    def announced(self) -> Iterator[RiskSnapshot]:
        """Yield the snapshots that go to Kafka, in order."""
        return (snapshot for snapshot, is_announced in self._snapshots.values() if is_announced)

    def commit(self) -> BatchCommit:
        """Return the transaction."""
        return BatchCommit(
            fence=self._fence,
            epoch=self.epoch,
            first_epoch=self._first_epoch,
            offsets=self._offsets,
            state=self._state,
            snapshots=tuple(snapshot for snapshot, _ in self._snapshots.values()),
            rejected=tuple(self.rejected),
            limit_events=tuple(self._limit_events),
            follows=self._follows,
            last_records=self._last,
        )
