"""The newest risk in memory: the fake beside the seam, held to the same laws."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Self, TypeVar

from system.contracts.api.risk import StreamState, StreamStatus, current_risk
from system.contracts.codec import decode, encode
from system.contracts.messages import RiskSnapshot
from system.contracts.oracle import OracleStatus
from system.contracts.replay import ReplayStatus
from system.store.errors import FencedError
from system.store.records import NO_EPOCH, Position
from system.store.redis.async_latest import OLDEST_ID
from system.store.redis.keyspace import (
    BEAT_AGE_MS,
    HEARTBEAT_EXPIRY_MS,
    ORACLE_EXPIRY_MS,
    REPLAY_EXPIRY_MS,
    STREAM_MAX_ENTRIES,
)
from system.store.redis.redis_values import (
    NOTHING_YET,
    LatestRecord,
    LatestSnapshot,
    StreamEntry,
    Watermark,
    entry_id,
    entry_place,
)

_WAIT_SLICE_MS: Final = 5
T = TypeVar("T")


class MemoryLatest:
    """``LatestStore`` without Redis; ``reader()`` gives its ``LatestReader``.

    Parameters
    ----------
    now_ms : callable
        The server's clock, milliseconds; only differences matter.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._fence = 0
        self._identity = ""
        self._latest: dict[str, StreamEntry] = {}
        self._entries: list[StreamEntry] = []
        self._watermark: Watermark | None = None
        self._durable = NOTHING_YET
        self._before = NOTHING_YET
        self._beat: tuple[int, StreamState] | None = None
        self._oracle: tuple[int, OracleStatus] | None = None
        self._replay: tuple[int, ReplayStatus] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def claimed_fence(self) -> int:
        """Return the highest fence that was claimed, 0 where none was."""
        return self._fence

    def identity(self) -> str:
        """Return the database whose numbers these are."""
        return self._identity

    def claim(self, fence: int, committed: Position | None = None, *, identity: str = "") -> None:
        """Refuse every writer with a lower fence from now on, and discard another database's.

        Raises
        ------
        FencedError
            If a higher fence was claimed already.
        """
        self._check(fence)
        if identity not in {"", self._identity}:
            self._identity = identity
            self._latest, self._entries, self._watermark = {}, [], None
            self._durable = self._before = NOTHING_YET
            self._beat = self._oracle = None
        last = committed or NOTHING_YET
        if self._watermark is not None and self._watermark.fence > last.fence:
            self._durable, self._before = Position(self._watermark.fence, NO_EPOCH), last
        elif committed is not None:
            self._durable = committed

    def publish(
        self,
        snapshots: Sequence[RiskSnapshot],
        *,
        fence: int,
        epoch: int,
        offsets: Mapping[str, int],
        published_ns: int,
    ) -> int:
        """Write what is newer of a batch.

        Raises
        ------
        FencedError
            If a higher fence was claimed.
        """
        self._check(fence)
        place = (fence, epoch)
        fresh = {s.portfolio: self._is_newer(s.portfolio, place) for s in snapshots}
        written = [(i, each) for i, each in enumerate(snapshots) if fresh[each.portfolio]]
        moves_on = self._watermark is None or place > (
            self._watermark.fence,
            self._watermark.epoch,
        )
        for index, snapshot in written:
            self._append(snapshot, fence, epoch, index, is_pushed=moves_on)
        if moves_on:
            self._watermark = Watermark(fence, epoch, dict(offsets), published_ns)
        return len(written)

    def mark_durable(self, fence: int, epoch: int) -> None:
        """Say that a batch is committed; an older one changes nothing.

        Raises
        ------
        FencedError
            If a higher fence was claimed.
        """
        self._check(fence)
        if (fence, epoch) > _order(self._durable):
            if self._durable.fence < fence:
                self._before = self._durable
            self._durable = Position(fence, epoch)

    def clock_ms(self) -> int:
        """Return the time of this store, milliseconds."""
        return self._now_ms()

    def beat(
        self,
        fence: int,
        epoch: int,
        *,
        monotonic_ns: int,
        state: StreamState,
        portfolio_count: int = 0,
        observed_ms: int | None = None,
    ) -> bool:
        """Say that the stream lives; return whether all that was published is held.

        Raises
        ------
        FencedError
            If a higher fence was claimed.
        """
        self._check(fence)
        if observed_ms is not None and self._now_ms() - observed_ms > BEAT_AGE_MS:
            return True
        self._beat = (self._now_ms(), state)
        is_whole = self._watermark is not None and len(self._latest) >= portfolio_count
        return is_whole or not portfolio_count

    def publish_oracle(self, status: OracleStatus) -> None:
        """Say what the oracle has found."""
        self._oracle = (self._now_ms(), status)

    def publish_replay(self, status: ReplayStatus) -> None:
        """Say where a replay stands."""
        self._replay = (self._now_ms(), status)

    def watermark(self) -> Watermark | None:
        """Return the newest batch that was published."""
        return self._watermark

    def latest(self, portfolio: str) -> LatestSnapshot | None:
        """Return a portfolio's newest snapshot."""
        entry = self._latest.get(portfolio)
        if entry is None:
            return None
        return LatestSnapshot(decode(entry.snapshot, RiskSnapshot), self._is_durable(entry))

    def portfolios(self) -> list[str]:
        """Return the portfolios that have a snapshot, sorted."""
        return sorted(self._latest)

    def status(self) -> StreamStatus:
        """Return where the stream stands."""
        age_ms = None if self._beat is None else self._now_ms() - self._beat[0]
        alive = age_ms is not None and age_ms < HEARTBEAT_EXPIRY_MS
        watermark = self._watermark or Watermark(NOTHING_YET.fence, NOTHING_YET.epoch, {}, 0)
        return StreamStatus(
            state=self._beat[1] if alive and self._beat else StreamState.STALE,
            heartbeat_age_ms=age_ms if alive else None,
            fence=watermark.fence,
            epoch=watermark.epoch,
            durable_fence=self._durable.fence,
            durable_epoch=self._durable.epoch,
            published_ns=watermark.published_ns,
            oracle=self._living(self._oracle, ORACLE_EXPIRY_MS),
            replay=self._living(self._replay, REPLAY_EXPIRY_MS),
        )

    def _living(self, told: tuple[int, T] | None, expiry_ms: int) -> T | None:
        return None if told is None or self._now_ms() - told[0] >= expiry_ms else told[1]

    def read_since(self, last_id: str, *, block_ms: int = 0, count: int = 64) -> list[StreamEntry]:
        """Return published snapshots after an entry, oldest first; never waits."""
        return [e for e in self._entries if entry_place(e.entry_id) > entry_place(last_id)][:count]

    def reader(self) -> MemoryReader:
        """Return the asynchronous reader of this store."""
        return MemoryReader(self)

    def record(self, portfolio: str, part: str) -> LatestRecord | None:
        """Return the JSON of ``snapshot`` or ``current`` with its flags."""
        entry = self._latest.get(portfolio)
        if entry is None:
            return None
        json: bytes = getattr(entry, part)
        flags = (self._is_durable(entry), self.status().state)
        return LatestRecord(portfolio, entry.fence, entry.epoch, json, *flags)

    def empty(self) -> None:
        """Forget everything, as a Redis that is started again does."""
        self.__init__(self._now_ms)  # type: ignore[misc]

    def kept_range(self) -> tuple[str, str]:
        """Return the ids of the oldest and the newest entry kept."""
        if not self._entries:
            return OLDEST_ID, OLDEST_ID
        return self._entries[0].entry_id, self._entries[-1].entry_id

    def _check(self, fence: int) -> None:
        if fence < self._fence:
            raise FencedError(fence, self._fence)
        self._fence = fence

    def _is_newer(self, portfolio: str, place: tuple[int, int]) -> bool:
        held = self._latest.get(portfolio)
        return held is None or place > (held.fence, held.epoch)

    def _is_durable(self, entry: StreamEntry) -> bool:
        for known in (self._durable, self._before):
            if entry.fence == known.fence:
                return known.epoch >= entry.epoch
        return entry.fence < self._durable.fence

    def _append(
        self, snapshot: RiskSnapshot, fence: int, epoch: int, index: int, *, is_pushed: bool
    ) -> None:
        entry = StreamEntry(
            entry_id=entry_id(fence, epoch, index),
            portfolio=snapshot.portfolio,
            kind=snapshot.kind,
            fence=fence,
            epoch=epoch,
            snapshot=encode(snapshot),
            current=encode(current_risk(snapshot)),
        )
        self._latest[snapshot.portfolio] = entry
        if is_pushed:
            self._entries = [*self._entries, entry][-STREAM_MAX_ENTRIES:]


class MemoryReader:
    """``LatestReader`` of a ``MemoryLatest``."""

    def __init__(self, store: MemoryLatest) -> None:
        self._store = store

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""

    async def current(self, portfolio: str) -> LatestRecord | None:
        """Return a portfolio's ``CurrentRisk`` as JSON."""
        return self._store.record(portfolio, "current")

    async def snapshot(self, portfolio: str) -> LatestRecord | None:
        """Return a portfolio's ``RiskSnapshot`` as JSON."""
        return self._store.record(portfolio, "snapshot")

    async def portfolios(self) -> list[str]:
        """Return the portfolios that have a snapshot, sorted."""
        return self._store.portfolios()

    async def currents(self, portfolios: list[str]) -> list[LatestRecord]:
        """Return the ``CurrentRisk`` of several portfolios, those that have one."""
        records = (self._store.record(portfolio, "current") for portfolio in portfolios)
        return [record for record in records if record is not None]

    async def snapshots(self, portfolios: list[str]) -> list[LatestRecord]:
        """Return the ``RiskSnapshot`` of several portfolios, those that have one."""
        records = (self._store.record(portfolio, "snapshot") for portfolio in portfolios)
        return [record for record in records if record is not None]

    async def status(self) -> StreamStatus:
        """Return where the stream stands."""
        return self._store.status()

    async def watermark(self) -> Watermark | None:
        """Return the newest batch that was published."""
        return self._store.watermark()

    async def read_since(
        self, last_id: str, *, block_ms: int = 0, count: int = 64
    ) -> list[StreamEntry]:
        """Return published snapshots after an entry; waits for the first, at most so long."""
        for _ in range(max(1, block_ms // _WAIT_SLICE_MS)):
            if entries := self._store.read_since(last_id, count=count):
                return entries
            await asyncio.sleep(_WAIT_SLICE_MS / 1000 if block_ms else 0)
        return []

    async def kept_range(self) -> tuple[str, str]:
        """Return the ids of the oldest and the newest entry kept."""
        return self._store.kept_range()


def _order(position: Position) -> tuple[int, int]:
    return position.fence, position.epoch
