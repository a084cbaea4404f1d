"""Exports and report views on a real PostgreSQL, as the role of reports."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from system.contracts.limits import LimitEvent, LimitLevel, LimitMeasure
from system.contracts.messages import Rejected, RejectReason, SnapshotKind
from system.export import rows as export_rows
from system.export.commands import written
from system.export.files import ExportFormat
from system.export.rows import Span, exported_rows
from system.export.tables import TABLES, ExportName
from system.settings import Connections
from system.store.postgres.history import RiskHistory
from system.store.records import BatchCommit
from system.store.sample_snapshots import sample_snapshot
from tests.integration.store.postgres.test_roles import as_role, refused

pytestmark = pytest.mark.integration
SNAPSHOTS = [
    sample_snapshot(
        snapshot_id=f"alpha-eod-{day}",
        kind=SnapshotKind.END_OF_DAY,
        event_time_ns=day * 10**9,
        asof=dt.date(2020, 3, day),
        breach=day == 2,
        previous_var=10.0,
        hypothetical_pnl=-12.5,
    )
    for day in (1, 2, 3)
]
BATCH = BatchCommit(
    1,
    0,
    {"trades:0": 1},
    snapshots=SNAPSHOTS,
    rejected=[
        Rejected(
            topic="trades",
            partition=0,
            offset=0,
            reason=RejectReason.NOT_JSON,
            detail="why",
            value="a\x00=1",
        )
    ],
    limit_events=[
        LimitEvent(
            portfolio="alpha",
            measure=LimitMeasure.VAR,
            before=LimitLevel.OK,
            after=LimitLevel.BREACH,
            value=1.0,
            warning=0.5,
            breach=0.8,
            snapshot_id="alpha-eod-1",
            event_time_ns=10**9,
        )
    ],
)


@pytest.fixture
def report_url(database_url: str, store_connections: Connections) -> str:
    with RiskHistory(database_url) as owner:
        owner.migrate()
        assert owner.acquire_fence() == 1
        assert owner.commit(BATCH)
    return as_role(database_url, store_connections, "report_database_url")


def exported(url: str, name: ExportName, folder: Path, span: Span | None = None) -> list[dict]:
    out, table = folder / f"{name}.parquet", TABLES[name]
    batches = exported_rows(url, table, span or Span())
    count = written(out, ExportFormat.PARQUET, table, batches)
    rows: list[dict] = pq.read_table(out).to_pylist()
    assert len(rows) == count
    return rows


def test_every_table_is_exported_as_it_was_committed(report_url: str, tmp_path: Path) -> None:
    snapshots = exported(report_url, ExportName.SNAPSHOTS, tmp_path)
    assert [row["snapshot_id"] for row in snapshots] == [each.snapshot_id for each in SNAPSHOTS]
    assert [row["var"] for row in snapshots] == [each.var for each in SNAPSHOTS]
    assert snapshots[0]["event_time"] == dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC)
    parts = exported(report_url, ExportName.ATTRIBUTION, tmp_path)
    positions = [position for each in SNAPSHOTS for position in each.positions]
    assert [row["instrument"] for row in parts] == [each.instrument for each in positions]
    assert [row["component_var"] for row in parts] == [each.component_var for each in positions]
    [breach] = exported(report_url, ExportName.BREACHES, tmp_path)
    assert (breach["day"], breach["loss"], breach["excess"]) == (dt.date(2020, 3, 2), 12.5, 2.5)
    [event] = exported(report_url, ExportName.LIMITS, tmp_path)
    assert (event["level_after"], event["value"]) == ("breach", 1.0)
    [message] = exported(report_url, ExportName.REJECTED, tmp_path)
    assert (message["detail"], message["value"]) == ("why", "a\x00=1")


def test_the_span_begins_with_its_first_moment_and_ends_before_its_last(
    report_url: str, tmp_path: Path
) -> None:
    span = Span(2 * 10**9, 3 * 10**9, "alpha")
    rows = exported(report_url, ExportName.SNAPSHOTS, tmp_path, span)
    assert [row["snapshot_id"] for row in rows] == ["alpha-eod-2"]
    assert exported(report_url, ExportName.SNAPSHOTS, tmp_path, Span(portfolio="beta")) == []
    assert exported(report_url, ExportName.REJECTED, tmp_path, Span(to_ns=1)) == []


def test_many_batches_are_one_file(
    report_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_rows, "BATCH_ROWS", 2)
    assert len(exported(report_url, ExportName.SNAPSHOTS, tmp_path)) == 3


def test_the_role_of_reports_reads_the_views_and_nothing_else(report_url: str) -> None:
    with closing(psycopg.connect(report_url)) as connection:
        for table in TABLES.values():
            statement = f"SELECT count(*) FROM {table.view}"
            assert connection.execute(statement.encode()).fetchone() is not None
        assert connection.execute("SHOW statement_timeout").fetchone() == ("1min",)
        assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)
    for statement in (
        "SELECT * FROM risk_snapshot",
        "SELECT * FROM book_state",
        "SELECT * FROM stream_offset",
        "SELECT * FROM alert",
        "SELECT acknowledge_limit('alpha', 'var', 'me', '')",
        "INSERT INTO report_limit_event (portfolio) VALUES ('x')",
        "UPDATE report_snapshot SET nav = 0",
    ):
        assert refused(report_url, statement), statement
