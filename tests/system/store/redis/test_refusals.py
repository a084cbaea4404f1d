"""Whatever Redis refuses with is *unavailable* to us, and what passes is tried again."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from redis._parsers.base import BaseParser

from system.contracts.api.risk import StreamState
from system.store.errors import StoreUnavailableError
from system.store.redis.latest import LatestStore, answering, is_passing

PASSING = (
    "OOM command not allowed when used memory > 'maxmemory'. script: 1",
    "READONLY You can't write against a read only replica.",
    "BUSY Valkey is busy running a script. You can only call SCRIPT KILL.",
    "MISCONF Valkey is configured to save RDB snapshots, but is unable to persist on disk.",
    "NOREPLICAS Not enough good replicas to write.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
)
LASTING = ("WRONGTYPE Operation against a key holding the wrong kind of value", "ERR unknown", "x")


def replied(reply: str) -> redis.RedisError:
    """Return the error that redis-py makes of a server's reply."""
    error = BaseParser.parse_error(reply)
    assert isinstance(error, redis.RedisError)
    return error


@pytest.mark.parametrize("reply", [*PASSING, *LASTING, "LOADING", "NOAUTH", "NOPERM", "NOSCRIPT"])
def test_every_refusal_is_unavailable(reply: str) -> None:
    with pytest.raises(StoreUnavailableError), answering():
        raise replied(reply)


@pytest.mark.parametrize("kind", [redis.DataError, redis.InvalidResponse, redis.RedisError])
def test_every_other_error_of_the_library_is_unavailable(kind: type[Exception]) -> None:
    with pytest.raises(StoreUnavailableError), answering():
        raise kind("strange")


@pytest.mark.parametrize("reply", PASSING)
def test_a_write_is_tried_again_after_a_refusal_that_passes(
    reply: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LatestStore("redis://127.0.0.1:9", attempts=3)
    replies: list[Any] = [replied(reply), replied(reply), (0, 1)]

    def answer(**_: object) -> tuple[int, int]:
        reply = replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    monkeypatch.setattr(store, "_beat", answer)
    store.beat(1, 0, monotonic_ns=1, state=StreamState.RUNNING)
    assert replies == []


def test_a_refusal_that_lasts_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(is_passing(replied(reply)) for reply in LASTING)
    store = LatestStore("redis://127.0.0.1:9", attempts=3)
    asked: list[object] = []

    def answer(**_: object) -> None:
        asked.append(None)
        raise replied(LASTING[0])

    monkeypatch.setattr(store, "_beat", answer)
    with pytest.raises(StoreUnavailableError, match="WRONGTYPE"):
        store.beat(1, 0, monotonic_ns=1, state=StreamState.RUNNING)
    assert len(asked) == 1
