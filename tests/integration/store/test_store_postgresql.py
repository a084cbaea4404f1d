"""Behaviour that only a real PostgreSQL can show: schema, connections, concurrency, retention."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest

from system.contracts.messages import RiskSnapshot, SnapshotKind, field_names
from system.store.errors import FencedError, SchemaError, StoreUnavailableError
from system.store.postgres import retention, sql
from system.store.postgres.history import RiskHistory
from system.store.postgres.retention import Budget
from system.store.postgres.schema import MIGRATIONS_DIR
from system.store.postgres.transactions import commit_place
from system.store.records import BatchCommit, SnapshotQuery
from system.store.sample_snapshots import sample_snapshot

pytestmark = pytest.mark.integration
VERSIONS_DIR = MIGRATIONS_DIR / "versions"


@pytest.fixture
def history(database_url: str) -> Iterator[RiskHistory]:
    store = RiskHistory(database_url)
    store.migrate()
    yield store
    store.close()


def query(url: str, statement: str, *parameters: Any) -> list[Any]:
    with closing(psycopg.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def break_connections(url: str) -> None:
    query(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


def test_every_field_of_a_snapshot_has_its_column_or_lies_in_the_payload(
    history: RiskHistory, database_url: str
) -> None:
    statement = (
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'risk_snapshot'"
    )
    columns = {name for (name,) in query(database_url, statement)}
    assert columns == {*sql.SNAPSHOT_COLUMNS, "recorded_at", "payload_sha256"}
    in_payload_only = set(field_names(RiskSnapshot)) - columns
    assert in_payload_only == sql.ONLY_IN_PAYLOAD


def test_migrating_twice_and_at_once_changes_nothing_more(database_url: str) -> None:
    stores = [RiskHistory(database_url) for _ in range(3)]
    with ThreadPoolExecutor(len(stores)) as pool:
        list(pool.map(RiskHistory.migrate, stores))
    stores[0].migrate()
    newest = max(path.name[:4] for path in VERSIONS_DIR.glob("[0-9]*.sql"))
    assert query(database_url, "SELECT version_num FROM alembic_version") == [(newest,)]
    for store in stores:
        store.close()


def test_a_database_of_a_later_version_is_refused(history: RiskHistory, database_url: str) -> None:
    query(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaError, match=r"made by a newer riskstream.*upgrade"):
        history.migrate()


def test_a_failing_batch_leaves_nothing_behind(history: RiskHistory) -> None:
    fence = history.acquire_fence()
    broken = BatchCommit(fence, 0, {"trades:0": -1}, {"a": b"1"}, [sample_snapshot()])
    with pytest.raises(psycopg.errors.CheckViolation):
        history.commit(broken)
    assert history.load().state == {}
    assert history.snapshot("alpha-1-0") is None
    assert history.commit(BatchCommit(fence, 0, {"trades:0": 1}))


def test_a_lost_connection_is_made_anew(history: RiskHistory, database_url: str) -> None:
    fence = history.acquire_fence()
    assert history.load().offsets == {}
    break_connections(database_url)
    assert history.commit(BatchCommit(fence, 0, {"trades:0": 1}))
    assert history.load().offsets == {"trades:0": 1}


def test_a_commit_whose_answer_was_lost_does_not_count_twice(
    history: RiskHistory, database_url: str
) -> None:
    fence = history.acquire_fence()
    batch = BatchCommit(fence, 0, {"trades:0": 1}, {"a": b"1"})
    assert history.commit(batch)
    break_connections(database_url)  # as if the answer to that commit had never arrived
    assert not history.commit(batch)
    assert history.load().state == {"a": b"1"}


def test_a_fence_taken_during_a_commit_waits_for_it_and_then_holds(
    history: RiskHistory, database_url: str
) -> None:
    old = history.acquire_fence()
    rival = RiskHistory(database_url)
    with closing(psycopg.connect(database_url)) as slow, slow.cursor() as cursor:
        cursor.execute(sql.ADVANCE_EPOCH, commit_place(BatchCommit(old, 0, {})))
        taken: list[int] = []
        taking = threading.Thread(target=lambda: taken.append(rival.acquire_fence()))
        taking.start()
        taking.join(0.2)
        assert not taken
        slow.commit()
        taking.join(10)
    assert taken == [old + 1]
    with pytest.raises(FencedError):
        history.commit(BatchCommit(old, 1, {}))
    rival.close()


def test_silence_names_the_server_and_not_its_password() -> None:
    store = RiskHistory("postgresql://someone:s3cret@127.0.0.1:1/nowhere")
    with pytest.raises(StoreUnavailableError, match="PostgreSQL does not answer") as caught:
        store.load()
    assert "s3cret" not in str(caught.value)


def test_names_with_quotes_are_names_and_not_statements(history: RiskHistory) -> None:
    name = "x'; DROP TABLE risk_snapshot; --"
    assert history.points(SnapshotQuery(name)) == []
    assert history.state_keys(name) == []
    assert history.snapshot(name) is None


def test_history_within_its_budget_is_left_alone(history: RiskHistory) -> None:
    fence = history.acquire_fence()
    history.commit(BatchCommit(fence, 0, {}, snapshots=[sample_snapshot(epoch=e) for e in (0, 1)]))
    assert sum(history.prune()) == 0


def test_history_above_its_budget_is_thinned_but_never_what_is_pinned(
    history: RiskHistory, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fence = history.acquire_fence()
    live = [sample_snapshot(epoch=epoch) for epoch in range(9)]
    trade = sample_snapshot(epoch=20, trade_ids=("t1",))
    over_limit = sample_snapshot(epoch=21, var_fraction=0.9)
    under_again = sample_snapshot(epoch=22)
    close = sample_snapshot(epoch=1, kind=SnapshotKind.END_OF_DAY)
    pinned = [trade, over_limit, under_again, close]
    history.commit(BatchCommit(fence, 0, {}, snapshots=[*live, *pinned]))
    query(database_url, "UPDATE risk_snapshot SET recorded_at = '2026-01-01 12:00:30+00'")
    monkeypatch.setattr(retention, "ROWS_PER_DELETE", 5)
    assert list(history.prune(Budget(unpinned_bytes=1))) == [5, 2]
    kept = {snapshot.snapshot_id for snapshot in history.snapshots(SnapshotQuery("alpha"))}
    first_of_all, first_of_minute = live[0].snapshot_id, live[1].snapshot_id
    assert kept == {first_of_all, first_of_minute, *(s.snapshot_id for s in pinned)}
    assert list(history.prune(Budget(unpinned_bytes=1))) == [1]
    kept = {snapshot.snapshot_id for snapshot in history.snapshots(SnapshotQuery("alpha"))}
    assert kept == {first_of_all, *(s.snapshot_id for s in pinned)}
