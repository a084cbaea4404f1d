"""The roles on a real PostgreSQL: what each may do, and what none of them may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import psycopg
import pytest

from system.contracts.limits import LimitEvent, LimitLevel, LimitMeasure
from system.contracts.messages import Rejected, RejectReason
from system.settings import Connections
from system.store.errors import SchemaError
from system.store.postgres.history import RiskHistory
from system.store.postgres.retention import Budget
from system.store.records import BatchCommit
from system.store.sample_snapshots import sample_snapshot

pytestmark = pytest.mark.integration
BATCH = BatchCommit(
    1,
    0,
    {"trades:0": 1},
    {"a": b"1"},
    [sample_snapshot(trade_ids=("t",))],
    [
        Rejected(
            topic="trades",
            partition=0,
            offset=0,
            reason=RejectReason.NOT_JSON,
            detail="why",
            value="x",
        )
    ],
    [
        LimitEvent(
            portfolio="alpha",
            measure=LimitMeasure.VAR,
            before=LimitLevel.OK,
            after=LimitLevel.BREACH,
            value=1.0,
            warning=0.5,
            breach=0.8,
            snapshot_id="alpha-1-0",
            event_time_ns=1,
        )
    ],
)
CHANGES_OF_SCHEMA = (
    "DROP TABLE limit_event",
    "DROP TRIGGER limit_event_stays ON limit_event",
    "ALTER TABLE limit_event DISABLE TRIGGER ALL",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RETURN NULL; END'",
    "ALTER TABLE book_state ADD COLUMN more text",
    "CREATE TABLE mine (x text)",
    "TRUNCATE limit_event",
    "UPDATE limit_event SET value = 0",
    "DELETE FROM limit_event",
    "UPDATE alembic_version SET version_num = '0001'",
    "SET session_replication_role = replica",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/passwd')",
    "CREATE ROLE mine SUPERUSER",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "SET ROLE riskstream_owner",
)
WRITES = (
    "UPDATE risk_snapshot SET nav = 0",
    "DELETE FROM risk_snapshot",
    "INSERT INTO book_state VALUES ('a', '2') ON CONFLICT (key) DO UPDATE SET value = '2'",
    "UPDATE stream_fence SET fence = 99",
    "DELETE FROM rejected_message",
    "INSERT INTO limit_event (kind, portfolio, measure, level_before, level_after, value, warning,"
    " breach, snapshot_id, event_time_ns)"
    " VALUES ('level', 'a', 'var', 'ok', 'ok', 0, 0, 0, 's', 0)",
)


def as_role(url: str, connections: Connections, role: str) -> str:
    """Return the URL of a test's database for one of the embedded server's roles."""
    its_url = urlsplit(getattr(connections, role))
    return its_url._replace(path=urlsplit(url).path).geturl()


@pytest.fixture
def written(database_url: str, store_connections: Connections) -> Iterator[str]:
    """A database that the owner has made and the writer has written to."""
    with RiskHistory(database_url) as owner:
        owner.migrate()
    with RiskHistory(as_role(database_url, store_connections, "database_url")) as writer:
        assert writer.acquire_fence() == 1
        assert writer.commit(BATCH)
    return database_url


def refused(url: str, statement: str) -> bool:
    # Read-only by default is a courtesy that anybody can take back: rights are what counts.
    options = "-c default_transaction_read_only=off"
    with closing(psycopg.connect(url, options=options)) as connection:
        try:
            connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            return True
    return False


OF_COMPONENTS = (
    "database_url",
    "reader_database_url",
    "oracle_database_url",
    "alerts_database_url",
    "report_database_url",
)


@pytest.mark.parametrize("role", OF_COMPONENTS)
def test_no_component_can_change_the_schema_the_trail_or_the_server(
    written: str, store_connections: Connections, role: str
) -> None:
    url = as_role(written, store_connections, role)
    assert [each for each in CHANGES_OF_SCHEMA if not refused(url, each)] == []


@pytest.mark.parametrize("role", OF_COMPONENTS[1:])
def test_who_reads_writes_nothing(written: str, store_connections: Connections, role: str) -> None:
    url = as_role(written, store_connections, role)
    assert [each for each in WRITES if not refused(url, each)] == []


def test_the_writer_does_all_that_the_stream_does(
    written: str, store_connections: Connections
) -> None:
    with RiskHistory(as_role(written, store_connections, "database_url")) as writer:
        fence = writer.acquire_fence()
        assert writer.rehearse(BatchCommit(fence, 0, {}, {"b": b"2", "a": None}))
        assert writer.load().state == {"a": b"1"}
        assert writer.limit_levels() == {("alpha", LimitMeasure.VAR): LimitLevel.BREACH}
        budget = Budget(unpinned_bytes=1, pinned_bodies=0, rejected_rows=0)
        assert sum(writer.prune(budget)) == 2
        writer.migrate()
        assert writer.schema_problem() == ""


def test_the_api_reads_all_and_acknowledges_what_is_raised_and_no_more(
    written: str, store_connections: Connections
) -> None:
    with RiskHistory(as_role(written, store_connections, "reader_database_url")) as reader:
        assert reader.snapshot("alpha-1-0") == BATCH.snapshots[0]
        assert reader.rejected_counts() == {"not_json": 1}
        row = reader.acknowledge_limit("alpha", LimitMeasure.VAR, actor="me'; --", note="seen")
        assert row is not None
        assert (row.actor, row.note, row.acknowledges) == ("me'; --", "seen", 1)
        assert reader.acknowledge_limit("beta", LimitMeasure.VAR, actor="me", note="") is None
        assert [each.kind.value for each in reader.limit_trail("alpha")] == [
            "acknowledged",
            "level",
        ]


def test_who_may_not_migrate_says_whose_url_is_needed(
    database_url: str, store_connections: Connections
) -> None:
    with (
        RiskHistory(as_role(database_url, store_connections, "database_url")) as writer,
        pytest.raises(SchemaError, match="RISKSTREAM_OWNER_DATABASE_URL"),
    ):
        writer.migrate()


def test_a_database_of_one_user_is_written_and_read_by_it_alone(written: str) -> None:
    with RiskHistory(written) as owner:
        assert owner.acquire_fence() == 2
        assert owner.acknowledge_limit("alpha", LimitMeasure.VAR, actor="a", note="") is not None
