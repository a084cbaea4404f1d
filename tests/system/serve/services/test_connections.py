"""Connections of the endpoints: the token, and the bound on threads that read."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import pytest

from system.serve.services.connections import Services
from system.serve.services.hub import SnapshotHub
from system.store.postgres.history import READERS_MAX

BOUND_S = 10.0


@pytest.fixture
def services(world: Any) -> Services:
    reader = world.latest.reader()
    return Services(reader, world.history, world.bus, SnapshotHub(reader), "the-token")


@pytest.mark.parametrize("token", ["", "the-toke", "the-token ", "THE-TOKEN", "thé-token"])
def test_only_the_token_itself_is_admitted_and_never_shown(services: Services, token: str) -> None:
    assert services.admits("the-token")
    assert not services.admits(token)
    assert "the-token" not in repr(services)


def test_no_more_threads_read_at_once_than_there_are_connections(services: Services) -> None:
    reading, most = 0, 0
    lock, all_in = threading.Lock(), threading.Barrier(READERS_MAX)

    def question() -> None:
        nonlocal reading, most
        with lock:
            reading += 1
            most = max(most, reading)
        all_in.wait(BOUND_S)
        with lock:
            reading -= 1

    async def ask_all() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(2 * READERS_MAX):
                tasks.start_soon(services.read, question)

    anyio.run(ask_all)
    assert most == READERS_MAX


def test_an_answer_is_returned_and_an_error_raised(services: Services) -> None:
    assert anyio.run(services.read, divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        anyio.run(services.send, divmod, 1, 0)
