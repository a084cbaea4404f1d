"""Writes of a warm-up go through the real stores, and nothing of them remains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
import redis

from system.contracts.api.risk import StreamState
from system.contracts.warm_up import WarmUpProgress
from system.store.errors import FencedError
from system.store.postgres.history import RiskHistory
from system.store.records import BatchCommit, SnapshotQuery
from system.store.redis.latest import LatestStore
from system.store.rehearsal import RehearsedHistory, RehearsedLatest
from system.store.sample_snapshots import sample_snapshot

pytestmark = pytest.mark.integration


@pytest.fixture
def written(database_url: str) -> Iterator[RiskHistory]:
    with closing(RiskHistory(database_url)) as store:
        store.migrate()
        yield store


def rows_of_all_tables(database_url: str) -> dict[str, int]:
    """Return how many rows each table of a database holds."""
    with closing(psycopg.connect(database_url)) as connection:
        names = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for (name,) in names
        }


def test_a_rehearsed_commit_leaves_every_table_as_it_was(written, database_url) -> None:
    fence = written.acquire_fence()
    before = rows_of_all_tables(database_url)
    batch = BatchCommit(fence, 0, {"trades:0": 4}, {"a": b"1"}, [sample_snapshot()])
    for epoch, follows in enumerate([{}, {"trades:0": 4}, {"trades:0": 8}]):
        rehearsed = replace(batch, epoch=epoch, follows=follows)
        assert RehearsedHistory(written).commit(rehearsed), "each is rolled back before the next"
    assert rows_of_all_tables(database_url) == before
    assert written.committed() is None
    assert written.load().offsets == {}
    assert written.commit(batch), "the first real batch is not taken for one that is there"
    stored = written.snapshots(SnapshotQuery("alpha"))
    assert [snapshot.portfolio for snapshot in stored] == ["alpha"]


def test_a_driver_that_was_fenced_off_cannot_rehearse(written) -> None:
    fence = written.acquire_fence()
    written.acquire_fence()
    with pytest.raises(FencedError):
        RehearsedHistory(written).commit(BatchCommit(fence, 0, {}))


def test_rehearsed_numbers_are_read_by_nobody_and_removed(redis_url) -> None:
    with LatestStore(redis_url) as real, redis.Redis.from_url(redis_url) as plain:
        with RehearsedLatest(redis_url) as rehearsed:
            rehearsed.publish(
                [sample_snapshot()], fence=1, epoch=0, offsets={"trades:0": 1}, published_ns=1
            )
            rehearsed.mark_durable(1, 0)
            assert len(plain.keys("riskstream:rehearsal:*")) == 6
            assert real.portfolios() == []
            assert real.watermark() is None
            assert real.status().state is StreamState.STALE
            assert real.read_since("0") == []
        assert plain.keys("*") == []


def test_how_far_a_warm_up_is_can_be_read_until_it_is_over(redis_url) -> None:
    with LatestStore(redis_url) as store:
        assert store.warm_up() is None
        progress = WarmUpProgress(batches=3, delay_ms=70.0, elapsed_s=1.0, bound_s=30.0)
        store.publish_warm_up(progress)
        assert store.warm_up() == progress
        store.publish_warm_up(None)
        assert store.warm_up() is None
