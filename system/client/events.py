"""Typed events of the push stream."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from httpx_sse import ServerSentEvent

from system.client.errors import ApiMismatchError
from system.contracts.api.risk import (
    GAP_EVENT,
    HEARTBEAT_EVENT,
    SNAPSHOT_EVENT,
    STALE_EVENT,
    CurrentRisk,
    StreamGap,
    StreamStatus,
    TradeAccepted,
)
from system.contracts.messages import RiskSnapshot
from system.contracts.topics import offset_key


@dataclass(frozen=True)
class SnapshotEvent:
    """A new snapshot.

    Parameters
    ----------
    event_id : str
        Where to resume after it; empty for what was there before the stream began.
    risk : RiskSnapshot or CurrentRisk
        The latter with ``compact=True``.
    """

    event_id: str
    risk: RiskSnapshot | CurrentRisk


@dataclass(frozen=True)
class StatusEvent:
    """Status of the stream: sent once a second, and when it becomes stale or recovers."""

    status: StreamStatus


@dataclass(frozen=True)
class GapEvent:
    """Missed snapshots are no longer kept; the newest of each portfolio follows."""

    gap: StreamGap


StreamEvent = SnapshotEvent | StatusEvent | GapEvent


def event_from(received: ServerSentEvent, *, compact: bool) -> StreamEvent | None:
    """Return the typed event, None for a kind that this version does not know.

    Raises
    ------
    ApiMismatchError
        If its data are not of its type.
    """
    try:
        return _decoded(received, compact=compact)
    except msgspec.MsgspecError as error:
        raise ApiMismatchError(f"event {received.event!r} of the stream: {error}") from error


def _decoded(received: ServerSentEvent, *, compact: bool) -> StreamEvent | None:
    if received.event == SNAPSHOT_EVENT:
        kind: type[CurrentRisk] | type[RiskSnapshot] = CurrentRisk if compact else RiskSnapshot
        return SnapshotEvent(received.id, msgspec.json.decode(received.data, type=kind))
    if received.event in (HEARTBEAT_EVENT, STALE_EVENT):
        return StatusEvent(msgspec.json.decode(received.data, type=StreamStatus))
    if received.event == GAP_EVENT:
        return GapEvent(msgspec.json.decode(received.data, type=StreamGap))
    return None


def covers(risk: RiskSnapshot | CurrentRisk, trade: TradeAccepted) -> bool:
    """Return whether a snapshot was made with a trade's message already read."""
    place = offset_key(trade.topic, trade.partition)
    return risk.portfolio == trade.portfolio and risk.offsets.get(place, 0) > trade.offset
