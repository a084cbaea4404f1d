"""Protocols for the stores and the message bus, implemented by the real ones and by fakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from system.contracts.api.risk import RejectedRow, SnapshotPoint, StreamStatus
from system.contracts.limits import LimitMeasure, TrailRow
from system.contracts.messages import Mark, Message, RejectReason
from system.store.records import EmptiedSnapshot, Position, RejectedKey, SnapshotQuery
from system.store.redis.redis_values import LatestRecord, StreamEntry, Watermark


class Latest(Protocol):
    """The newest risk: ``LatestReader`` or its fake."""

    async def current(self, portfolio: str) -> LatestRecord | None:
        """Return a portfolio's ``CurrentRisk`` as JSON."""
        ...

    async def snapshot(self, portfolio: str) -> LatestRecord | None:
        """Return a portfolio's ``RiskSnapshot`` as JSON."""
        ...

    async def portfolios(self) -> list[str]:
        """Return the portfolios that have a snapshot."""
        ...

    async def currents(self, portfolios: list[str]) -> list[LatestRecord]:
        """Return the ``CurrentRisk`` of several portfolios."""
        ...

    async def snapshots(self, portfolios: list[str]) -> list[LatestRecord]:
        """Return the ``RiskSnapshot`` of several portfolios."""
        ...

    async def status(self) -> StreamStatus:
        """Return where the stream stands."""
        ...

    async def watermark(self) -> Watermark | None:
        """Return the newest batch that was published."""
        ...

    async def read_since(
        self, last_id: str, *, block_ms: int = 0, count: int = 64
    ) -> list[StreamEntry]:
        """Return published snapshots after an entry."""
        ...

    async def kept_range(self) -> tuple[str, str]:
        """Return the ids of the oldest and the newest entry kept."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class History(Protocol):
    """The history, blocking: ``RiskHistory`` or its fake."""

    def committed(self) -> Position | None:
        """Return the place of the last committed batch."""
        ...

    def state_values(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return those of the keys that the book state holds."""
        ...

    def state_keys(self, prefix: str) -> list[str]:
        """Return the keys of the book state that start so."""
        ...

    def state_containing(self, prefix: str, text: str) -> list[bytes]:
        """Return the rows under a prefix of keys whose JSON contains a text."""
        ...

    def trades_of(self, portfolio: str) -> list[bytes]:
        """Return the trades of a portfolio as the book state holds them, in no order."""
        ...

    def trade_page(
        self, portfolio: str, *, limit: int = 100, before: int | None = None
    ) -> list[bytes]:
        """Return open trades of a portfolio as the book state holds them, newest first."""
        ...

    def naming_snapshot(self, trade_id: str) -> str | None:
        """Return the id of the newest snapshot that names a trade."""
        ...

    def rejected_trade(self, trade_id: str) -> RejectedRow | None:
        """Return the newest rejected message of a trade."""
        ...

    def state_page(
        self, prefix: str, *, after: str = "", limit: int = 100
    ) -> list[tuple[str, bytes]]:
        """Return rows of the book state whose key starts so, in order of their keys."""
        ...

    def limit_standings(self) -> list[TrailRow]:
        """Return the newest level and acknowledgement of each measure of every portfolio."""
        ...

    def snapshot_json(self, snapshot_id: str) -> bytes | None:
        """Return one snapshot's JSON."""
        ...

    def emptied_snapshot(self, snapshot_id: str) -> EmptiedSnapshot | None:
        """Return what is left of a snapshot whose payload outgrew its budget."""
        ...

    def points(self, query: SnapshotQuery, *, with_components: bool = False) -> list[SnapshotPoint]:
        """Return the time series of a portfolio."""
        ...

    def rejected(
        self,
        *,
        limit: int = 100,
        before: RejectedKey | None = None,
        reason: RejectReason | None = None,
    ) -> tuple[list[RejectedRow], RejectedKey | None]:
        """Return rejected messages, newest first, and where to go on."""
        ...

    def rejected_counts(self) -> dict[str, int]:
        """Return how many rejected messages are kept, by reason."""
        ...

    def limit_standing(self, portfolio: str) -> list[TrailRow]:
        """Return the newest level and acknowledgement of each measure."""
        ...

    def limit_trail(
        self, portfolio: str, *, limit: int = 100, before: int | None = None
    ) -> list[TrailRow]:
        """Return a portfolio's audit trail, newest first."""
        ...

    def acknowledge_limit(
        self, portfolio: str, measure: LimitMeasure, *, actor: str, note: str
    ) -> TrailRow | None:
        """Record that a person has seen what is raised; None where nothing is."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


class Delivery(Protocol):
    """Place of a message on the broker."""

    @property
    def topic(self) -> str:
        """Name of the topic."""
        ...

    @property
    def partition(self) -> int:
        """Number of the partition."""
        ...

    @property
    def offset(self) -> int:
        """The message's offset in it."""
        ...


class Bus(Protocol):
    """Sending, blocking; each call connects first where that is still to be done."""

    def deliver(self, message: Message) -> Delivery:
        """Send one message and wait until the broker has it."""
        ...

    def deliver_all(self, messages: Sequence[Message]) -> None:
        """Send messages and wait until the broker has all of them."""
        ...

    def close_day(self, mark: Mark) -> int:
        """Send a mark to every partition of every input topic and wait until the broker has all."""
        ...

    def warm_up(self) -> None:
        """Connect, so that the first message finds everything ready."""
        ...

    def end_offsets(self) -> dict[str, int]:
        """Return where the input topics end, by ``topic:partition``."""
        ...

    def close(self) -> None:
        """Send what is left and close the connections."""
        ...
