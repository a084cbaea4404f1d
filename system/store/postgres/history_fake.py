"""The history in memory: the fake beside the seam, held to the same laws by the same tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import msgspec

from system.contracts.api.risk import RejectedRow, SnapshotPoint
from system.contracts.codec import decode, encode
from system.contracts.limits import LimitEvent, LimitLevel, LimitMeasure, TrailKind, TrailRow
from system.contracts.messages import Rejected, RejectReason, RiskSnapshot
from system.contracts.topics import TRADES
from system.store.errors import SnapshotConflictError
from system.store.postgres import sql
from system.store.postgres.reads.trades import REJECTED_SEARCHED, names_trade
from system.store.postgres.transactions import check_repeated
from system.store.records import (
    NO_EPOCH,
    BatchCommit,
    EmptiedSnapshot,
    LastRecord,
    Position,
    RejectedKey,
    SnapshotQuery,
    StoredState,
)


class MemoryHistory:
    """``RiskHistory`` without PostgreSQL."""

    def __init__(self) -> None:
        self._fence = 0
        self._epoch = NO_EPOCH
        self._committed: Position | None = None
        self._offsets: dict[str, int] = {}
        self._last_records: dict[str, LastRecord] = {}
        self._state: dict[str, bytes] = {}
        self._payloads: dict[str, bytes] = {}
        self._rejected: dict[tuple[str, int, int], bytes] = {}
        self._trail: list[TrailRow] = []

    def migrate(self) -> None:
        """Do nothing: there is no schema."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def acquire_fence(self, above: int = 0) -> int:
        """Take over the writing under a new, higher fence."""
        self._fence = max(self._fence, above) + 1
        self._epoch = NO_EPOCH
        return self._fence

    def commit(self, batch: BatchCommit) -> bool:
        """Write a batch once.

        Raises
        ------
        FencedError
            If another driver has taken over.
        CommitsUndoneError
            If the batch does not follow the last one.
        SnapshotConflictError
            If there is a snapshot with one of the ids.
        """
        follows = (self._fence, self._epoch) == (batch.fence, batch.after_epoch)
        if not follows or not self._has(batch.follows):
            check_repeated(batch, self._fence, self._epoch, self._offsets)
            return False
        for snapshot in batch.snapshots:
            if snapshot.snapshot_id in self._payloads:
                raise SnapshotConflictError(f"{snapshot.snapshot_id} already exists")
        self._apply(batch)
        self._epoch = batch.epoch
        self._committed = Position(batch.fence, batch.epoch)
        return True

    def load(self) -> StoredState:
        """Return offsets and book state as the last commit left them."""
        return StoredState(dict(self._offsets), dict(self._state), dict(self._last_records))

    def committed(self) -> Position | None:
        """Return the place of the last committed batch."""
        return self._committed

    def state_value(self, key: str) -> bytes | None:
        """Return one key of the book state."""
        return self._state.get(key)

    def state_values(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return those of the keys that the book state holds."""
        return {key: self._state[key] for key in keys if key in self._state}

    def state_keys(self, prefix: str) -> list[str]:
        """Return the keys of the book state that start so, sorted."""
        return sorted(key for key in self._state if key.startswith(prefix))

    def state_containing(self, prefix: str, text: str) -> list[bytes]:
        """Return the rows whose key starts so and whose JSON contains a text."""
        rows = (row for key, row in self._state.items() if key.startswith(prefix))
        return [row for row in rows if text.encode() in row]

    def trades_of(self, portfolio: str) -> list[bytes]:
        """Return the open trades of a portfolio as the book state holds them, in no order."""
        trades = (row for key, row in self._state.items() if key.startswith("trade:"))
        return [
            row for row in trades if msgspec.json.decode(row)["trade"]["portfolio"] == portfolio
        ]

    def trade_page(
        self, portfolio: str, *, limit: int = 100, before: int | None = None
    ) -> list[bytes]:
        """Return open trades of a portfolio, newest first."""
        ranks = {row: int(msgspec.json.decode(row)["rank"]) for row in self.trades_of(portfolio)}
        asked = [row for row, rank in ranks.items() if before is None or rank < before]
        return sorted(asked, key=ranks.__getitem__, reverse=True)[:limit]

    def naming_snapshot(self, trade_id: str) -> str | None:
        """Return the id of the newest snapshot that names a trade."""
        kept = (decode(payload, RiskSnapshot) for payload in self._payloads.values())
        naming = [snapshot for snapshot in kept if trade_id in snapshot.trade_ids]
        newest = max(naming, key=lambda snapshot: (snapshot.fence, snapshot.epoch), default=None)
        return None if newest is None else newest.snapshot_id

    def rejected_trade(self, trade_id: str) -> RejectedRow | None:
        """Return the newest rejected message of a trade."""
        rows, _ = self.rejected(limit=REJECTED_SEARCHED)
        of_trades = (row for row in rows if row.topic == TRADES.name)
        return next((row for row in of_trades if names_trade(row, trade_id)), None)

    def state_page(
        self, prefix: str, *, after: str = "", limit: int = 100
    ) -> list[tuple[str, bytes]]:
        """Return rows whose key starts so, in order of their keys."""
        keys = [key for key in self.state_keys(prefix) if key > after]
        return [(key, self._state[key]) for key in keys[:limit]]

    def limit_standings(self) -> list[TrailRow]:
        """Return the newest level and acknowledgement of each measure of every portfolio."""
        names = sorted({row.portfolio for row in self._trail})
        return [row for name in names for row in self.limit_standing(name)]

    def snapshot(self, snapshot_id: str) -> RiskSnapshot | None:
        """Return one snapshot."""
        payload = self.snapshot_json(snapshot_id)
        return None if payload is None else decode(payload, RiskSnapshot)

    def snapshot_json(self, snapshot_id: str) -> bytes | None:
        """Return one snapshot's JSON."""
        return self._payloads.get(snapshot_id)

    def emptied_snapshot(self, snapshot_id: str) -> EmptiedSnapshot | None:
        """Return None: in memory no payload is ever dropped."""
        del snapshot_id
        return None

    def snapshots(self, query: SnapshotQuery) -> list[RiskSnapshot]:
        """Return whole snapshots in order of time."""
        kept = (decode(payload, RiskSnapshot) for payload in self._payloads.values())
        chosen = [snapshot for snapshot in kept if _matches(snapshot, query)]
        chosen.sort(key=_place)
        if (length_ns := query.resolution_ns) is not None:
            last = {snapshot.event_time_ns // length_ns: snapshot for snapshot in chosen}
            chosen = list(last.values())
        chosen.sort(key=_place, reverse=query.newest_first)
        return chosen[: query.limit]

    def points(self, query: SnapshotQuery, *, with_components: bool = False) -> list[SnapshotPoint]:
        """Return the time series of a portfolio."""
        return [_point(s, with_components=with_components) for s in self.snapshots(query)]

    def rejected(
        self,
        *,
        limit: int = 100,
        before: RejectedKey | None = None,
        reason: RejectReason | None = None,
    ) -> tuple[list[RejectedRow], RejectedKey | None]:
        """Return rejected messages, newest first, and where to go on."""
        numbered = [
            (arrival, sql.rejected_view(payload.decode("utf-8")))
            for arrival, payload in enumerate(self._rejected.values(), start=1)
        ]
        page = [
            (arrival, row)
            for arrival, row in reversed(numbered)
            if (before is None or arrival < before.arrival) and reason in (None, row.reason)
        ][:limit]
        return [row for _, row in page], RejectedKey(page[-1][0]) if len(page) == limit else None

    def rejected_counts(self) -> dict[str, int]:
        """Return how many rejected messages are kept, by reason."""
        counts: dict[str, int] = {}
        for payload in self._rejected.values():
            reason = str(decode(payload, Rejected).reason)
            counts[reason] = counts.get(reason, 0) + 1
        return dict(sorted(counts.items()))

    def limit_levels(self) -> dict[tuple[str, LimitMeasure], LimitLevel]:
        """Return the level that is raised, by portfolio and measure."""
        return {
            (row.portfolio, row.measure): row.after
            for row in self._trail
            if row.kind is TrailKind.LEVEL
        }

    def limit_standing(self, portfolio: str) -> list[TrailRow]:
        """Return the newest level and the newest acknowledgement of each measure."""
        newest = {(row.measure, row.kind): row for row in self._trail if row.portfolio == portfolio}
        return [newest[key] for key in sorted(newest)]

    def limit_trail(
        self, portfolio: str, *, limit: int = 100, before: int | None = None
    ) -> list[TrailRow]:
        """Return a portfolio's audit trail, newest first."""
        rows = [
            row
            for row in reversed(self._trail)
            if row.portfolio == portfolio and (before is None or row.event_id < before)
        ]
        return rows[:limit]

    def acknowledge_limit(
        self, portfolio: str, measure: LimitMeasure, *, actor: str, note: str
    ) -> TrailRow | None:
        """Record that a person has seen what is raised; None where nothing is."""
        levels = [
            row
            for row in self._trail
            if (row.portfolio, row.measure, row.kind) == (portfolio, measure, TrailKind.LEVEL)
        ]
        if not levels or levels[-1].after is LimitLevel.OK:
            return None
        seen = msgspec.structs.replace(
            levels[-1],
            event_id=len(self._trail) + 1,
            kind=TrailKind.ACKNOWLEDGED,
            before=levels[-1].after,
            acknowledges=levels[-1].event_id,
            actor=actor,
            note=note,
        )
        self._trail.append(seen)
        return seen

    def _note_level(self, event: LimitEvent) -> None:
        known = {
            (row.snapshot_id, row.measure) for row in self._trail if row.kind is TrailKind.LEVEL
        }
        if (event.snapshot_id, event.measure) not in known:
            self._trail.append(
                TrailRow(
                    event_id=len(self._trail) + 1,
                    kind=TrailKind.LEVEL,
                    recorded_at_ns=0,
                    **msgspec.structs.asdict(event),
                )
            )

    def _has(self, offsets: Mapping[str, int]) -> bool:
        return all(self._offsets.get(place, 0) == offset for place, offset in offsets.items())

    def _apply(self, batch: BatchCommit) -> None:
        for partition, offset in batch.offsets.items():
            if self._offsets.get(partition) != offset:
                self._last_records.pop(partition, None)
                if partition in batch.last_records:
                    self._last_records[partition] = batch.last_records[partition]
        self._offsets.update(batch.offsets)
        for key, value in batch.state.items():
            if value is None:
                self._state.pop(key, None)
            else:
                self._state[key] = value
        for snapshot in batch.snapshots:
            self._payloads[snapshot.snapshot_id] = encode(snapshot)
        for message in batch.rejected:
            place = (message.topic, message.partition, message.offset)
            self._rejected.setdefault(place, encode(message))
        for event in batch.limit_events:
            self._note_level(event)


def _place(snapshot: RiskSnapshot) -> tuple[int, int, int, str]:
    return snapshot.event_time_ns, snapshot.fence, snapshot.epoch, snapshot.snapshot_id


def _matches(snapshot: RiskSnapshot, query: SnapshotQuery) -> bool:
    after: tuple[int | str, ...] | None = None
    place: tuple[int | str, ...] = _place(snapshot)
    if query.after is not None:
        after = msgspec.structs.astuple(query.after)
        if query.resolution_ns is not None:
            after = (query.after.event_time_ns // query.resolution_ns,)
            place = (snapshot.event_time_ns // query.resolution_ns,)
    beyond = after is None or (place < after if query.newest_first else place > after)
    return (
        beyond
        and snapshot.portfolio == query.portfolio
        and query.kind in (None, snapshot.kind)
        and (query.from_ns is None or snapshot.event_time_ns >= query.from_ns)
        and (query.to_ns is None or snapshot.event_time_ns < query.to_ns)
    )


def _point(snapshot: RiskSnapshot, *, with_components: bool) -> SnapshotPoint:
    row = tuple(getattr(snapshot, name) for name in sql.POINT_COLUMNS)
    instruments = [position.instrument for position in snapshot.positions]
    components = [position.component_var for position in snapshot.positions]
    extra = (instruments, components) if with_components else ()
    return sql.snapshot_point((*row, *extra), with_components=with_components)
