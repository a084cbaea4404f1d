"""Requests at which a driver can be killed, found by their bytes on the way to a server.

A relay passes everything on up to the first byte of the request and then stops: the driver is
killed before the server has seen it. No hook in the product is needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from system.contracts.topics import RISK_SNAPSHOTS
from system.store.redis import keyspace
from validation.scenarios.faults.relay import RequestFinder
from validation.scenarios.file.fault_tables import KillPoint, Link

STOPS_BEHIND: Final[Mapping[str, bytes]] = {"postgres": b"UPDATE stream_fence"}
"""Bytes by which a relay knows the connection of the driver's writer, by server."""
PRODUCE: Final = b"\0\0"
"""Key of Kafka's Produce request, the two bytes behind the length of a frame."""
PARSE_HEAD: Final = 5
"""Bytes of PostgreSQL's Parse message before the name of its statement: its type and length."""


class Point(NamedTuple):
    """A request: the server that it goes to, and how it is found."""

    link: Link
    finder: RequestFinder


def _statement(text: bytes) -> RequestFinder:
    """Return the finder of a statement without a name, which is sent with its text each time."""
    sign = b"\0" + text + b"\0"

    def begins_at(chunk: bytes) -> int | None:
        at = chunk.find(sign)
        return None if at < PARSE_HEAD else at - PARSE_HEAD

    return begins_at


def _script(text: str) -> RequestFinder:
    """Return the finder of a script's call, by its SHA-1: Redis's name of it."""
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest().encode()
    return lambda chunk: 0 if digest in chunk else None


def _produced(topic: str) -> RequestFinder:
    name = topic.encode()
    return lambda chunk: 0 if chunk[4:6] == PRODUCE and name in chunk else None


POINTS: Final[Mapping[KillPoint, Point]] = {
    "publish": Point("redis", _script(keyspace.PUBLISH)),
    "announce": Point("kafka", _produced(RISK_SNAPSHOTS.name)),
    "begin": Point("postgres", _statement(b"BEGIN")),
    "commit": Point("postgres", _statement(b"COMMIT")),
    "mark_durable": Point("redis", _script(keyspace.MARK_DURABLE)),
}
"""In the order in which a batch meets them."""
