"""Freshness of the numbers on the screen, judged by the reader's own clock.

Pure. A number is live only while there is recent proof of life: a snapshot, or a heartbeat
that says the stream runs. Silence is stale, whoever fell silent, and the sentence says who.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from msgspec import Struct

from system.contracts.api.risk import StreamState, StreamStatus
from system.show.format import NANOSECONDS_PER_MILLISECOND

SILENCE_BOUND_MS: Final = 2_000
"""Without a sign of life for this long, nothing is live any more."""


class Freshness(StrEnum):
    """Freshness that the screen shows."""

    NO_DATA = "no_data"
    WARMING = "warming"
    LIVE = "live"
    STALE = "stale"


class Link(StrEnum):
    """The connection from the dashboard to the API."""

    CONNECTING = "connecting"
    OPEN = "open"
    BROKEN = "broken"


class FreshnessView(Struct, frozen=True, kw_only=True):
    """The verdict and its reason; ``since_ms``: age of the last sign of life, None: never."""

    state: Freshness
    reason: str
    since_ms: float | None
    link: Link


@dataclass(frozen=True)
class Evidence:
    """Signs of life of the stream.

    Parameters
    ----------
    link : Link
        The connection to the API.
    problem : str
        Why it broke; empty while it stands.
    status : StreamStatus or None
        What the API said last of the stream.
    heard_ns, alive_ns : int or None
        CLOCK_MONOTONIC of the reader when the API last said anything, and when the
        stream last gave a sign of life; None before the first.
    has_data : bool
        Whether any snapshot has come.
    """

    link: Link = Link.CONNECTING
    problem: str = ""
    status: StreamStatus | None = None
    heard_ns: int | None = None
    alive_ns: int | None = None
    has_data: bool = False

    def opened(self, now_ns: int) -> Evidence:
        """Return the evidence after the API has answered: what it said before is past."""
        return replace(self, link=Link.OPEN, problem="", heard_ns=now_ns, status=None)

    def broken(self, problem: str) -> Evidence:
        """Return the evidence after the connection broke or could not be made."""
        return replace(self, link=Link.BROKEN, problem=problem)

    def with_status(self, status: StreamStatus, now_ns: int) -> Evidence:
        """Return the evidence after a heartbeat or the word that there is none."""
        alive_ns = now_ns if status.state is StreamState.RUNNING else self.alive_ns
        return replace(self, status=status, heard_ns=now_ns, alive_ns=alive_ns)

    def with_snapshot(self, now_ns: int) -> Evidence:
        """Return the evidence after a snapshot; alone it does not undo a *stale*."""
        return replace(self, heard_ns=now_ns, has_data=True)


def freshness(evidence: Evidence, now_ns: int) -> FreshnessView:
    """Return the verdict at a moment of the reader's clock.

    Parameters
    ----------
    evidence : Evidence
        What has been heard.
    now_ns : int
        CLOCK_MONOTONIC of the reader.
    """
    alive_ns = evidence.alive_ns
    reason = _trouble(evidence, now_ns)
    return FreshnessView(
        state=_state(evidence, reason),
        reason=reason,
        since_ms=None if alive_ns is None else (now_ns - alive_ns) / NANOSECONDS_PER_MILLISECOND,
        link=evidence.link,
    )


def _state(evidence: Evidence, reason: str) -> Freshness:
    if not evidence.has_data:
        warming = evidence.status is not None and evidence.status.state is StreamState.WARMING
        return Freshness.WARMING if warming and evidence.link is Link.OPEN else Freshness.NO_DATA
    return Freshness.STALE if reason else Freshness.LIVE


def _trouble(evidence: Evidence, now_ns: int) -> str:
    """Return what keeps the numbers from being live, or nothing."""
    if _is_silent(evidence.heard_ns, now_ns):
        return _silence(evidence)
    if evidence.status is None:
        return "Waiting for the stream's heartbeat" if _is_silent(evidence.alive_ns, now_ns) else ""
    return _STREAM_TROUBLE[evidence.status.state]


_STREAM_TROUBLE: Final = {
    StreamState.RUNNING: "",
    StreamState.WARMING: "The stream starts or catches up: its numbers are of the past",
    StreamState.LAGGING: "The stream falls behind: messages wait that its numbers do not contain",
    StreamState.STALE: "The risk stream has stopped: its heartbeat is gone",
}


def _silence(evidence: Evidence) -> str:
    if evidence.link is Link.CONNECTING:
        return "Connecting to the API"
    if evidence.link is Link.BROKEN:
        return f"No connection to the API: {evidence.problem}"
    return "The API says nothing any more"


def _is_silent(sign_ns: int | None, now_ns: int) -> bool:
    if sign_ns is None:
        return True
    return now_ns - sign_ns > SILENCE_BOUND_MS * NANOSECONDS_PER_MILLISECOND
