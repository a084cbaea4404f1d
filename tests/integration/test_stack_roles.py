"""The embedded PostgreSQL: nobody is a superuser, also on a state folder of before the roles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from system.runtime.components.postgres import superuser_url
from system.runtime.stack import EmbeddedStack
from system.settings import Settings
from system.store.postgres.history import RiskHistory
from system.store.postgres.roles import ROLES
from system.store.records import BatchCommit
from tests.integration.conftest import private_settings

pytestmark = pytest.mark.integration
URLS = (
    "database_url",
    "owner_database_url",
    "reader_database_url",
    "oracle_database_url",
    "alerts_database_url",
    "report_database_url",
)
HAND_BACK = """
    DO $$ DECLARE thing record; BEGIN
        FOR thing IN SELECT format('ALTER TABLE %s OWNER TO riskstream', oid::regclass) AS change
            FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
            UNION ALL SELECT format('ALTER FUNCTION %s OWNER TO riskstream', oid::regprocedure)
            FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        LOOP EXECUTE thing.change; END LOOP;
    END $$"""
TABLE_OWNERS = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
SUPERUSERS = "SELECT rolname FROM pg_roles WHERE rolsuper"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return private_settings(tmp_path / "state")


def rows(url: str, statement: str) -> list[Any]:
    with closing(psycopg.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def forgotten_roles() -> Iterator[str]:
    """Yield the statements that make a database as it was before the roles."""
    yield HAND_BACK
    yield "ALTER SCHEMA public OWNER TO pg_database_owner"
    yield "ALTER DATABASE riskstream OWNER TO riskstream"
    for role in ROLES:
        yield f"DROP OWNED BY {role}"
        yield f"DROP ROLE {role}"


def test_a_folder_of_before_the_roles_is_brought_up_to_them_with_its_data(
    settings: Settings,
) -> None:
    with EmbeddedStack(settings, components=["postgres"]) as first:
        at = first.connections
        users = [rows(getattr(at, name), "SELECT current_user::text")[0][0] for name in URLS]
        assert sorted(users) == sorted(ROLES)
        with RiskHistory(at.database_url) as writer:
            writer.commit(BatchCommit(writer.acquire_fence(), 0, {"trades:0": 7}))
        for statement in forgotten_roles():
            rows(superuser_url(at), statement)
    secrets_path = settings.state_dir / "secrets.json"
    secrets = json.loads(secrets_path.read_text("utf-8"))
    old = {name: secrets[name] for name in ("postgres", "redis", "spark")}
    secrets_path.write_text(json.dumps(old), "utf-8")
    (settings.state_dir / "postgres" / "data" / "riskstream-roles").unlink()
    with EmbeddedStack(settings, components=["postgres"]) as second:
        at = second.connections
        with RiskHistory(at.database_url) as writer:
            assert writer.load().offsets == {"trades:0": 7}
            assert writer.acquire_fence() == 2
        assert rows(at.reader_database_url, SUPERUSERS) == [("riskstream",)]
        assert rows(at.reader_database_url, TABLE_OWNERS) == [("riskstream_owner",)]
    kept = json.loads(secrets_path.read_text("utf-8"))
    assert {name: kept[name] for name in old} == old
    assert secrets_path.stat().st_mode & 0o777 == 0o600
