"""The bounds of the history on a real PostgreSQL: rejected messages and pinned snapshots."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from system.contracts.messages import Rejected, RejectReason, SnapshotKind
from system.store.postgres import retention
from system.store.postgres.history import RiskHistory
from system.store.postgres.retention import Budget
from system.store.records import BatchCommit, SnapshotQuery
from system.store.sample_snapshots import sample_snapshot

pytestmark = pytest.mark.integration
MILLION = 1_000_000


@pytest.fixture
def store(database_url: str) -> Iterator[RiskHistory]:
    opened = RiskHistory(database_url)
    opened.migrate()
    yield opened
    opened.close()


def query(url: str, statement: str, *parameters: Any) -> list[Any]:
    with closing(psycopg.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def keep_rejected(store: RiskHistory, sizes: list[int]) -> None:
    rejected = [
        Rejected(
            topic="trades",
            partition=0,
            offset=offset,
            reason=RejectReason.NOT_JSON,
            detail="why",
            value="x" * size,
        )
        for offset, size in enumerate(sizes)
    ]
    store.commit(BatchCommit(store.acquire_fence(), 0, {}, rejected=rejected))


def kept_offsets(store: RiskHistory) -> list[int]:
    rows, _ = store.rejected(limit=10_000)
    return [row.offset for row in rows][::-1]


def test_rejected_messages_are_bounded_by_rows(store: RiskHistory) -> None:
    keep_rejected(store, [1] * 30)
    assert sum(store.prune(Budget(rejected_rows=10))) == 20
    assert kept_offsets(store) == list(range(20, 30))


def test_rejected_messages_are_bounded_by_bytes_the_oldest_go(store: RiskHistory) -> None:
    keep_rejected(store, [100_000, 100_000, 10, 50_000, 10])
    assert sum(store.prune(Budget(rejected_bytes=60_000))) == 2
    assert kept_offsets(store) == [2, 3, 4]


def test_large_rejected_messages_go_in_pieces_of_bounded_bytes(
    store: RiskHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_rejected(store, [MILLION] * 7)
    monkeypatch.setattr(retention, "REJECTED_BYTES_PER_DELETE", 2 * MILLION)
    assert list(store.prune(Budget(rejected_bytes=MILLION // 2))) == [2, 2, 2, 1]
    assert kept_offsets(store) == []


def test_a_flood_of_rejected_messages_goes_in_pieces_of_bounded_rows(
    store: RiskHistory, database_url: str
) -> None:
    query(
        database_url,
        'INSERT INTO rejected_message (topic, partition, "offset", reason, payload)'
        " SELECT 'trades', 0, n, 'not_json', repeat('x', 2000) FROM generate_series(1, 20000) AS n",
    )
    pieces = list(store.prune(Budget(rejected_rows=1_000)))
    assert sum(pieces) == 19_000
    assert max(pieces) == retention.REJECTED_ROWS_PER_DELETE


def pinned_batch(store: RiskHistory) -> list[bytes]:
    trades = [sample_snapshot(epoch=epoch, trade_ids=(f"t{epoch}",)) for epoch in range(6)]
    close = sample_snapshot(epoch=7, kind=SnapshotKind.END_OF_DAY)
    fence = store.acquire_fence()
    for epoch, snapshot in enumerate([close, *trades]):
        store.commit(BatchCommit(fence, epoch, {}, snapshots=[snapshot]))
    payloads = [store.snapshot_json(snapshot.snapshot_id) for snapshot in trades]
    return [payload for payload in payloads if payload is not None]


def test_pinned_snapshots_beyond_their_budget_keep_the_trade_they_name_and_a_hash(
    store: RiskHistory,
) -> None:
    payloads = pinned_batch(store)
    assert sum(store.prune(Budget(pinned_bodies=2))) == 4
    for epoch, payload in enumerate(payloads):
        stored, rest = (
            store.snapshot_json(f"alpha-1-{epoch}"),
            store.emptied_snapshot(f"alpha-1-{epoch}"),
        )
        if epoch >= 4:
            assert (stored, rest) == (payload, None)
        else:
            assert stored is None
            assert rest is not None
            assert rest.trade_ids == (f"t{epoch}",)
            assert rest.payload_sha256 == hashlib.sha256(payload).hexdigest()
    assert list(store.prune(Budget(pinned_bodies=2))) == []


def test_the_typed_numbers_of_an_emptied_snapshot_stay_in_the_time_series(
    store: RiskHistory,
) -> None:
    pinned_batch(store)
    before = store.points(SnapshotQuery("alpha"))
    assert sum(store.prune(Budget(pinned_bytes=1))) == 6
    assert store.points(SnapshotQuery("alpha")) == before
    whole = [snapshot.kind for snapshot in store.snapshots(SnapshotQuery("alpha"))]
    assert whole == [SnapshotKind.END_OF_DAY]


def test_an_end_of_day_is_never_emptied(store: RiskHistory) -> None:
    pinned_batch(store)
    list(store.prune(Budget(pinned_bytes=1, pinned_bodies=1)))
    whole = store.snapshots(SnapshotQuery("alpha"))
    assert [snapshot.kind for snapshot in whole] == [SnapshotKind.END_OF_DAY]


@pytest.mark.parametrize("pinned", [False, True])
def test_after_a_clock_was_set_back_the_oldest_batches_go_and_not_the_newest(
    store: RiskHistory, database_url: str, pinned: bool
) -> None:
    ids = ("t",) if pinned else ()
    batch = [sample_snapshot(epoch=epoch, trade_ids=ids) for epoch in range(6)]
    store.commit(BatchCommit(store.acquire_fence(), 0, {}, snapshots=batch))
    query(
        database_url,
        "UPDATE risk_snapshot SET recorded_at = now() - make_interval(hours => epoch::integer)"
        " + interval '1 day', pinned = %s",
        pinned,
    )
    query(database_url, "UPDATE risk_snapshot SET pinned = true WHERE epoch = 0")
    budget = Budget(unpinned_bytes=1, pinned_bodies=3)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(retention, "MAX_ROWS_PER_PRUNE", 3)
        list(store.prune(budget))
    whole = {s.epoch for s in store.snapshots(SnapshotQuery("alpha"))}
    assert whole == ({3, 4, 5} if pinned else {0, 4, 5})
