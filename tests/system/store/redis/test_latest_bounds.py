"""Connections to Redis: every wait has a bound, and a vanished host is noticed."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from system.clock import monotonic_ns
from system.store.errors import StoreUnavailableError
from system.store.redis import keyspace
from system.store.redis.async_latest import LatestReader
from system.store.redis.latest import LatestStore, link_options


def test_every_client_has_the_same_bounds():
    options = link_options()
    assert options["socket_timeout"] == keyspace.REPLY_TIMEOUT_S
    assert options["socket_connect_timeout"] == keyspace.CONNECT_TIMEOUT_S
    assert options["socket_keepalive"]
    assert options["socket_keepalive_options"][socket.TCP_USER_TIMEOUT] == 10_000
    writer = LatestStore("redis://127.0.0.1:1")._redis.connection_pool.connection_kwargs
    reader = LatestReader("redis://127.0.0.1:1")._redis.connection_pool.connection_kwargs
    for name, value in options.items():
        assert writer[name] == reader[name] == value


def test_a_blocking_read_ends_before_the_bound_of_a_reply():
    assert keyspace.BLOCK_MS_MAX / 1000 < keyspace.REPLY_TIMEOUT_S


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(keyspace, "REPLY_TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        began_ns = monotonic_ns()
        with LatestStore(url, attempts=1) as latest, pytest.raises(StoreUnavailableError):
            latest.status()
    assert (monotonic_ns() - began_ns) / 1e9 < 2


def test_a_silent_redis_is_unavailable_to_the_event_loop_within_three_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reader = LatestReader(f"redis://:secret@127.0.0.1:{silent.getsockname()[1]}/0")

        async def ask() -> float:
            started = time.monotonic()
            with pytest.raises(StoreUnavailableError, match="does not answer within"):
                await reader.portfolios()
            await reader.aclose()
            return time.monotonic() - started

        assert asyncio.run(ask()) < 3.0
