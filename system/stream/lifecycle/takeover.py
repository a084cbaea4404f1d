"""Takeover: the fence of a driver that starts, and the offsets at which it continues."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from system.bus.announced import announced_fence
from system.bus.extents import topic_extents
from system.contracts.topics import RISK_SNAPSHOTS
from system.errors import UnavailableError
from system.store.postgres.history import RiskHistory
from system.store.postgres.identity import StateIdentity
from system.store.records import Position, StoredState
from system.store.redis.latest import LatestStore
from system.store.redis.redis_values import Watermark
from system.stream.lifecycle.continuity import check_continuity, last_offsets

_LOG: Final = logging.getLogger(__name__)


def taken_over(history: RiskHistory, latest: LatestStore, bootstrap: str) -> int:
    """Take the fence of a state that may go on, and claim Redis for its database.

    Parameters
    ----------
    history : RiskHistory
        Of the state.
    latest : LatestStore
        Claimed; what it holds of another database is removed.
    bootstrap : str
        Of Kafka.

    Returns
    -------
    int
        The fence: above that of every driver that has written to PostgreSQL, to Redis or to
        ``risk_snapshots``, so that neither numbers nor their ids are mistaken for earlier ones.

    Raises
    ------
    StateMismatchError
        If Kafka does not hold the messages that follow the state.
    FencedError
        If yet another driver takes over.
    UnavailableError
        If a server does not answer.
    """
    identity = check_state(history, bootstrap)
    claimed, announced = latest.claimed_fence(), announced_fence(bootstrap)
    if max(claimed, announced) > identity.fence:
        _LOG.warning(
            "PostgreSQL has given out fence %d, and %d was seen in Redis or on %s: the database is "
            "a new one, or an older backup was restored; what it lacks is read from Kafka again",
            identity.fence,
            max(claimed, announced),
            RISK_SNAPSHOTS.name,
        )
    fence = history.acquire_fence(above=max(claimed, announced))
    latest.claim(fence, history.committed(), identity=identity.name)
    return fence


def check_state(history: RiskHistory, bootstrap: str) -> StateIdentity:
    """Return the state's identity if Kafka holds the messages that follow it.

    Parameters
    ----------
    history : RiskHistory
        Of the state; the topics that it continues with are written down there.
    bootstrap : str
        Of Kafka.

    Raises
    ------
    StateMismatchError
        If it does not; says what differs and what to do.
    UnavailableError
        If a server does not answer.
    """
    stored, identity = history.progress(), history.identity()
    topics = topic_extents(bootstrap, last_offsets(stored))
    check_continuity(stored, identity, topics)
    if identity.is_copy:
        _LOG.warning(
            "the database was restored on another PostgreSQL server (system identifier %d, was %d)",
            identity.server_identifier,
            identity.system_identifier,
        )
    history.keep_source(topics.cluster_id, topics.topic_ids)
    return identity


def published_offsets(watermark: Watermark | None, ends: Mapping[str, int]) -> dict[str, int]:
    """Return the offsets that must be passed before anything is published.

    Parameters
    ----------
    watermark : Watermark or None
        What an earlier driver has published.
    ends : mapping of str to int
        Where the partitions end: an offset beyond will never be passed, since Kafka has lost
        those messages before they were committed.
    """
    if watermark is None:
        return {}
    lost = {place for place, offset in watermark.offsets.items() if offset > ends.get(place, 0)}
    for place in sorted(lost):
        _LOG.warning(
            "numbers on screens contained %s up to offset %d, which Kafka has lost; they go back",
            place,
            watermark.offsets[place],
        )
    return {place: offset for place, offset in watermark.offsets.items() if place not in lost}


def next_epoch(committed: Position | None, fence: int) -> int:
    """Return the epoch of the next batch of a driver: its epochs begin at 0 and have no gaps."""
    return 0 if committed is None or committed.fence != fence else committed.epoch + 1


def starting_offsets(stored: StoredState, ends: Mapping[str, int]) -> dict[str, int]:
    """Return the offset at which each input partition is read: the end of the state, else 0.

    Parameters
    ----------
    stored : StoredState
        As PostgreSQL keeps it.
    ends : mapping of str to int
        Every partition that there is, ``topic:partition``, and its end.
    """
    return {name: stored.offsets.get(name, 0) for name in sorted(ends)}


class BrokerWatch:
    """Ends of the topics, asked for; after the broker was away, they are compared with the state.

    A broker may come back with another disk, an older one, or without its tail: a driver that
    runs would read on at offsets that count other messages.

    Parameters
    ----------
    ask : callable
        Returns the ends of the topics; raises `UnavailableError` while the broker is away.
    check : callable
        Raises `StateMismatchError` if Kafka does not hold the messages that follow the state.
    """

    def __init__(self, ask: Callable[[], dict[str, int]], check: Callable[[], object]) -> None:
        self._ask = ask
        self._check = check
        self._was_away = False

    def __call__(self) -> dict[str, int]:
        """Return the ends of the topics.

        Raises
        ------
        StateMismatchError
            If the broker came back with other messages.
        UnavailableError
            If it does not answer.
        """
        try:
            ends = self._ask()
        except UnavailableError:
            self._was_away = True
            raise
        if self._was_away:
            self._check()
            self._was_away = False
        return ends
