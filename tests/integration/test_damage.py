"""Damage that scenarios do to stores, on real ones: what is gone, and what is back."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import redis

from system.clock import SystemClock
from system.runtime.stack import EmbeddedStack
from system.store.errors import CommitsUndoneError
from system.store.postgres.history import RiskHistory
from system.store.records import BatchCommit
from tests.integration.conftest import private_settings
from validation.scenarios.faults import store_damage

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[EmbeddedStack]:
    settings = private_settings(tmp_path_factory.mktemp("damage"))
    with EmbeddedStack(settings, components=("postgres", "redis")) as stack:
        yield stack


@pytest.fixture
def history(stack) -> Iterator[RiskHistory]:
    with RiskHistory(stack.connections.database_url) as history:
        yield history


def committed(history: RiskHistory, fence: int, *epochs: int) -> None:
    for epoch in epochs:
        assert history.commit(BatchCommit(fence, epoch, {"trades:0": epoch + 1}, {"a": b"1"}))


def test_undone_commits_leave_the_rows_of_before_and_the_next_one_is_refused(stack, history):
    fence = history.acquire_fence()
    committed(history, fence, 0)
    began = threading.Timer(0.5, committed, (history, fence, 1, 2))
    began.start()
    bit, witness = store_damage.undo_commits(stack.connections, behind_s=1.5, clock=SystemClock())
    began.join()
    assert (bit, history.load().offsets) == (True, {"trades:0": 1})
    assert f"behind fence {fence}, epoch 0 up to fence {fence}, epoch 2" in witness
    with pytest.raises(CommitsUndoneError):
        history.commit(BatchCommit(fence, 3, {"trades:0": 4}))


@pytest.mark.parametrize("time", ["first", "second"])
def test_files_of_a_backup_bring_back_the_state_of_their_moment(stack, history, time):
    fence = history.acquire_fence()
    committed(history, fence, 0)
    later = threading.Timer(2.0, committed, (history, fence, 1))

    class Clock(SystemClock):
        def sleep(self, seconds: float) -> None:  # the server is up again
            if not later.ident:
                later.start()
                later.join()

    bit, witness = store_damage.restore_database(
        stack.running, stack.connections, behind_s=1.0, clock=Clock()
    )
    assert (bit, history.load().offsets) == (True, {"trades:0": 1})
    assert f"at fence {fence}, epoch 1 and is at fence {fence}, epoch 0" in witness


def test_a_lost_database_is_an_empty_one_with_the_schema(stack, history):
    fence = history.acquire_fence()
    committed(history, fence, 0)
    bit, _ = store_damage.lose_database(stack.connections)
    assert bit
    with RiskHistory(stack.connections.database_url) as empty:
        assert empty.load().offsets == {}
        assert empty.acquire_fence() == 1


def test_an_emptied_redis_has_no_key(stack):
    with redis.Redis.from_url(stack.connections.redis_url) as server:
        server.set("x", "1")
        assert store_damage.empty_redis(stack.connections.redis_url) == (True, "1 keys deleted")
        assert server.dbsize() == 0
