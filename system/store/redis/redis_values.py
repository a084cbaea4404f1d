"""Values made from replies of Redis, the same for the synchronous and the asynchronous client."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from system.contracts.api.risk import StreamState, StreamStatus
from system.contracts.codec import decode
from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.contracts.oracle import OracleStatus
from system.contracts.replay import ReplayStatus
from system.store.records import NO_EPOCH, Position
from system.store.redis.keyspace import (
    ENTRIES_PER_EPOCH,
    HEARTBEAT_EXPIRY_MS,
    ORACLE_EXPIRY_MS,
    READ_AT_ONCE,
    READ_COUNT_MAX,
)

Reply = Any
NOTHING_YET: Final = Position(-1, NO_EPOCH)
_ENTRY_ID: Final = re.compile(r"(?P<milliseconds>[0-9]{1,20})(-(?P<sequence>[0-9]{1,20}))?")
_ENTRY_NUMBER_MAX: Final = 2**64 - 1


@dataclass(frozen=True)
class Watermark:
    """The newest batch in Redis; everything below ``offsets`` is covered by what is there.

    Parameters
    ----------
    fence, epoch : int
        The batch.
    offsets : dict of str to int
        ``topic:partition`` to the first offset that is not covered.
    published_ns : int
        CLOCK_MONOTONIC of the stream's host when it was written.
    """

    fence: int
    epoch: int
    offsets: dict[str, int]
    published_ns: int


@dataclass(frozen=True)
class LatestSnapshot:
    """A portfolio's newest snapshot and whether PostgreSQL has it too."""

    snapshot: RiskSnapshot
    durable: bool


@dataclass(frozen=True)
class LatestRecord:
    """The newest of a portfolio as JSON that is ready to be sent, not decoded.

    Parameters
    ----------
    portfolio : str
        Whose.
    fence, epoch : int
        The batch that it is of.
    json : bytes
        A ``RiskSnapshot`` or a ``CurrentRisk``, as was asked for.
    durable : bool
        Whether PostgreSQL has it too.
    stream : StreamState
        Whether it is kept current.
    """

    portfolio: str
    fence: int
    epoch: int
    json: bytes
    durable: bool
    stream: StreamState


@dataclass(frozen=True)
class StreamEntry:
    """One published snapshot in the bounded stream that push is read from.

    Parameters
    ----------
    entry_id : str
        As ``entry_id`` makes it; grows.
    portfolio : str
        Whose.
    kind : SnapshotKind
        Live or end of day.
    fence, epoch : int
        The batch.
    snapshot, current : bytes
        JSON of the ``RiskSnapshot`` and of its ``CurrentRisk``.
    """

    entry_id: str
    portfolio: str
    kind: SnapshotKind
    fence: int
    epoch: int
    snapshot: bytes
    current: bytes


class Heartbeat(msgspec.Struct, frozen=True):
    """Heartbeat of the stream: its batch, its clock, its state."""

    fence: int
    epoch: int
    monotonic_ns: int
    state: StreamState


def entry_id(fence: int, epoch: int, index: int) -> str:
    """Return the id of the push stream's entry for a batch's snapshot of that index (0-based)."""
    assert 0 <= index < ENTRIES_PER_EPOCH, f"index {index} is not in the bounds"
    return f"{fence}-{epoch * ENTRIES_PER_EPOCH + index}"


def heartbeat_from(reply: bytes | None) -> Heartbeat | None:
    """Return the heartbeat that Redis still holds, None when it has expired."""
    return None if reply is None else msgspec.json.decode(reply, type=Heartbeat)


def lives(expires_in_ms: int, expiry_ms: int) -> bool:
    """Return whether a key that expires was written within its time.

    Redis's expiry is a moment of the wall clock. Where that was set back, a key has more time
    left than it was given: who wrote it may be long gone, and if not, writes it again at once.

    Parameters
    ----------
    expires_in_ms : int
        PTTL of the key; negative where it is absent.
    expiry_ms : int
        Time that its writer gives it.
    """
    return 0 <= expires_in_ms <= expiry_ms


def stream_state(reply: bytes | None, expires_in_ms: int) -> StreamState:
    """Return what a heartbeat says of the stream; none that lives is stale."""
    heartbeat = heartbeat_from(reply)
    if heartbeat is None or not lives(expires_in_ms, HEARTBEAT_EXPIRY_MS):
        return StreamState.STALE
    return heartbeat.state


def position_from(fence: bytes | None, epoch: bytes | None) -> Position:
    """Return the (fence, epoch) of a hash, ``NOTHING_YET`` where it is absent."""
    return NOTHING_YET if fence is None or epoch is None else Position(int(fence), int(epoch))


def watermark_from(reply: Sequence[bytes | None]) -> Watermark | None:
    """Return the watermark of (fence, epoch, offsets, published_ns), None before the first."""
    fence, epoch, offsets, published_ns = reply
    if fence is None or epoch is None or offsets is None or published_ns is None:
        return None
    decoded = msgspec.json.decode(offsets, type=dict[str, int])
    return Watermark(int(fence), int(epoch), decoded, int(published_ns))


def record_from(
    portfolio: str,
    latest: Sequence[bytes | None],
    durable: Sequence[bytes | None],
    heartbeat: bytes | None,
    expires_in_ms: int,
) -> LatestRecord | None:
    """Return a record of (fence, epoch, JSON) with its flags, None where there is none."""
    *place, json = latest
    if json is None:
        return None
    at = position_from(*place)
    flags = (covers(durable, place), stream_state(heartbeat, expires_in_ms))
    return LatestRecord(portfolio, at.fence, at.epoch, json, *flags)


def snapshot_from(
    latest: Sequence[bytes | None], durable: Sequence[bytes | None]
) -> LatestSnapshot | None:
    """Return the decoded snapshot of (fence, epoch, JSON), None where there is none."""
    *place, json = latest
    if json is None:
        return None
    return LatestSnapshot(decode(json, RiskSnapshot), covers(durable, place))


def covers(durable: Sequence[bytes | None], place: Sequence[bytes | None]) -> bool:
    """Return whether PostgreSQL has the batch of a snapshot.

    Parameters
    ----------
    durable : sequence of bytes or None
        Fence and epoch of the newest committed batch; then the last of the driver before,
        because what that one published and never committed stands until it is written anew.
    place : sequence of bytes or None
        Fence and epoch of the snapshot.
    """
    fence, epoch, before_fence, before_epoch = durable
    newest, before = position_from(fence, epoch), position_from(before_fence, before_epoch)
    wanted = position_from(*place)
    if wanted.fence == newest.fence:
        return newest.epoch >= wanted.epoch
    if wanted.fence == before.fence:
        return before.epoch >= wanted.epoch
    return wanted.fence < newest.fence


def status_from(
    heartbeat: bytes | None,
    expires_in_ms: int,
    watermark: Watermark | None,
    durable: Sequence[bytes | None],
    oracle: bytes | None = None,
    replay: bytes | None = None,
    *,
    oracle_expires_in_ms: int = ORACLE_EXPIRY_MS,
) -> StreamStatus:
    """Return where the stream stands; the heartbeat's age by Redis's own clock."""
    committed = position_from(*durable[:2])
    alive = heartbeat is not None and lives(expires_in_ms, HEARTBEAT_EXPIRY_MS)
    if not lives(oracle_expires_in_ms, ORACLE_EXPIRY_MS):
        oracle = None
    return StreamStatus(
        state=stream_state(heartbeat, expires_in_ms),
        heartbeat_age_ms=max(0, HEARTBEAT_EXPIRY_MS - expires_in_ms) if alive else None,
        fence=watermark.fence if watermark else NOTHING_YET.fence,
        epoch=watermark.epoch if watermark else NOTHING_YET.epoch,
        durable_fence=committed.fence,
        durable_epoch=committed.epoch,
        published_ns=watermark.published_ns if watermark else 0,
        oracle=None if oracle is None else msgspec.json.decode(oracle, type=OracleStatus),
        replay=None if replay is None else msgspec.json.decode(replay, type=ReplayStatus),
    )


def entry_place(entry_id: str) -> tuple[int, int]:
    """Return an entry id as a value that orders; ``0`` stands for ``0-0``.

    Raises
    ------
    ValueError
        If it is not two whole numbers of 64 bits with a dash between: Redis refuses others.
    """
    parts = _ENTRY_ID.fullmatch(entry_id)
    place = (int(parts["milliseconds"]), int(parts["sequence"] or 0)) if parts else None
    if place is None or max(place) > _ENTRY_NUMBER_MAX:
        raise ValueError(f"{entry_id[:40]!r} is not the id of an entry")
    return place


def entry_from(entry_id: bytes, fields: dict[bytes, bytes]) -> StreamEntry:
    """Return one entry of the stream."""
    return StreamEntry(
        entry_id=entry_id.decode("ascii"),
        portfolio=fields[b"portfolio"].decode("utf-8"),
        kind=SnapshotKind(fields[b"kind"].decode("ascii")),
        fence=int(fields[b"fence"]),
        epoch=int(fields[b"epoch"]),
        snapshot=fields[b"snapshot"],
        current=fields[b"current"],
    )


def entries_from(reply: Reply) -> list[StreamEntry]:
    """Return the entries of an XREAD of one stream; an empty answer has none."""
    return [entry_from(*entry) for _, entries in reply or () for entry in entries]


def entries_to_ask_for(count: int, read: Sequence[StreamEntry]) -> int:
    """Return the size of the next XREAD, 0 when as many entries were read as are wanted.

    Parameters
    ----------
    count : int
        Entries that the caller wants at most; ``READ_COUNT_MAX`` bounds it.
    read : sequence of StreamEntry
        Entries that came so far.
    """
    return min(READ_AT_ONCE, max(0, min(count, READ_COUNT_MAX) - len(read)))
