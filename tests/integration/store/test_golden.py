"""Databases that earlier versions have written: opened, brought up to date, and gone on with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from system.store.errors import NewerFormatError, SchemaError, StoreUnavailableError
from system.store.postgres import schema
from system.store.postgres.formats import FORMAT
from system.store.postgres.history import RiskHistory
from system.store.records import BatchCommit, SnapshotQuery
from tests.system.book.feed import Feed, live, tick

pytestmark = pytest.mark.integration
GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.sql"))


@pytest.fixture(params=GOLDEN, ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest, database_url: str) -> tuple[str, dict[str, Any]]:
    """A database as a version left it, and what is known of it."""
    with closing(psycopg.connect(database_url)) as connection, connection:
        connection.execute(request.param.read_text("utf-8"))
    return database_url, json.loads(request.param.with_suffix(".json").read_text("utf-8"))


def test_there_is_a_golden_database_of_each_release() -> None:
    assert GOLDEN
    assert all(path.with_suffix(".json").exists() for path in GOLDEN)


def test_a_database_of_an_earlier_version_is_read_whole_and_gone_on_with(
    golden: tuple[str, dict[str, Any]],
) -> None:
    url, facts = golden
    told: list[str] = []
    with RiskHistory(url) as history:
        history.migrate(told.append)
        stored = history.load()
        assert sorted(stored.state) == facts["keys"]
        assert {
            each.snapshot_id: each.nav for each in history.snapshots(SnapshotQuery("P"))
        } == facts["navs"]
        assert len(history.points(SnapshotQuery("P"))) == len(facts["navs"])
        assert history.rejected_counts() == facts["rejected"]
        assert history.limit_trail("P") is not None
        feed = Feed()
        feed.rows, feed.next_offsets = stored.state, dict(stored.offsets)
        feed.restart(stored.offsets)
        fold = feed.send(tick("A", 71.0, day=2))
        then = live(fold)
        assert {name: getattr(then, name) for name in facts["then"]} == facts["then"]
        fence = history.acquire_fence()
        batch = BatchCommit(fence, 0, fold.offsets, fold.state, fold.snapshots, fold.rejected)
        assert history.commit(batch)
    assert told
    assert all(text.startswith("database: step ") for text in told)


@pytest.fixture
def newer(database_url: str) -> Iterator[str]:
    """A database that a version with a higher format has written into."""
    with RiskHistory(database_url) as history:
        history.migrate()
        history.commit(BatchCommit(history.acquire_fence(), 0, {"trades:0": 5}))
    with closing(psycopg.connect(database_url)) as connection, connection:
        connection.execute("UPDATE stream_fence SET format = %s", (FORMAT + 1,))
    return database_url


def test_an_older_version_neither_reads_nor_takes_over_what_a_newer_one_wrote(newer: str) -> None:
    with RiskHistory(newer) as history:
        for refused in (history.load, history.acquire_fence, history.migrate):
            with pytest.raises(NewerFormatError, match=r"written by a newer version.*upgrade"):
                refused()
        assert "upgrade riskstream" in history.schema_problem()
    with closing(psycopg.connect(newer)) as connection:
        assert connection.execute("SELECT fence FROM stream_fence").fetchone() == (1,)


def test_a_driver_that_ran_before_the_newer_one_takes_no_fence_again(database_url: str) -> None:
    with RiskHistory(database_url) as history:
        history.migrate()
        assert history.acquire_fence() == 1
        with closing(psycopg.connect(database_url)) as connection, connection:
            connection.execute("UPDATE stream_fence SET format = %s", (FORMAT + 1,))
        with pytest.raises(NewerFormatError):
            history.acquire_fence()


def test_a_newer_schema_is_a_sentence_and_nothing_is_changed(database_url: str) -> None:
    with RiskHistory(database_url) as history:
        history.migrate()
        assert history.schema_problem() == ""
        with closing(psycopg.connect(database_url)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        problem = history.schema_problem()
        assert "9999" in problem
        assert "newer riskstream" in problem
        with pytest.raises(SchemaError) as caught:
            history.migrate()
    assert str(caught.value) == problem


def test_a_step_takes_as_long_as_it_takes_and_waits_for_others_within_a_bound(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("system.store.postgres.schema.MIGRATION_WAIT_S", 1)
    sql_of_a_step = Path.read_text

    def slow(path: Path, encoding: str | None = None, errors: str | None = None) -> str:
        text = sql_of_a_step(path, encoding, errors)
        return f"SELECT pg_sleep(0.9);\n{text}" if path.name.startswith("0001") else text

    monkeypatch.setattr(Path, "read_text", slow)
    with RiskHistory(database_url, answer_timeout_s=0.3) as history:
        history.migrate()
    with closing(psycopg.connect(database_url)) as other, RiskHistory(database_url) as waiting:
        other.execute("SELECT pg_advisory_lock(%s)", (schema._MIGRATION_LOCK,))
        with pytest.raises(StoreUnavailableError, match="lock timeout"):
            waiting.migrate()
