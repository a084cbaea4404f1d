"""PostgreSQL's roles: who owns the schema, who writes, who reads.

=====================  ===================================================================
``riskstream_owner``   owns database, schema and tables; migrates, and nothing else
``riskstream_writer``  the stream: rows of every table, but of the audit trail only new ones
``riskstream_reader``  the API and ``explain``: SELECT, and the function that acknowledges
``riskstream_oracle``  the live oracle: SELECT of what was committed, and its own findings
``riskstream_alerts``  alerts: SELECT of what they follow; their own tables
``riskstream_report``  Grafana and notebooks: SELECT of the report views, read-only, 60 s a query
=====================  ===================================================================

None of them is a superuser, can make a database or a role, or changes a table of the owner's. A
database without these roles works too: then one user, its owner, does everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sqlalchemy import Connection

OWNER: Final = "riskstream_owner"
WRITER: Final = "riskstream_writer"
READER: Final = "riskstream_reader"
ORACLE: Final = "riskstream_oracle"
ALERTS: Final = "riskstream_alerts"
REPORT: Final = "riskstream_report"
ROLES: Final = (OWNER, WRITER, READER, ORACLE, ALERTS, REPORT)
REPORT_CONNECTIONS_MAX: Final = 10
REPORT_TIMEOUT_S: Final = 60
NO_RIGHTS: Final = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"

_OWNS_SCHEMA: Final = """
    SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class
    WHERE oid = to_regclass('stream_fence')"""
_KNOWN_ROLES: Final = "SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'riskstream_')"
_TAKE_OWNERSHIP: Final = f"""
    DO $$ DECLARE thing record; BEGIN
        FOR thing IN
            SELECT format('ALTER TABLE %s OWNER TO {OWNER}', oid::regclass) AS change
            FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
            UNION ALL
            SELECT format('ALTER FUNCTION %s OWNER TO {OWNER}', oid::regprocedure)
            FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        LOOP EXECUTE thing.change; END LOOP;
    END $$"""  # noqa: S608 - our own names


def cluster_statements(passwords: Mapping[str, str]) -> Iterator[str]:
    """Yield the statements that make the roles, or give them their passwords again.

    Parameters
    ----------
    passwords : mapping of role to str
        Of letters, digits, ``-`` and ``_``, as ``secrets.token_urlsafe`` makes them.

    Yields
    ------
    str
        One line each, without its semicolon; can be repeated. For a superuser.
    """
    for role in ROLES:
        exists = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        make = f"IF NOT EXISTS ({exists}) THEN CREATE ROLE {role}; END IF;"
        yield f"DO $$ BEGIN {make} END $$"
        yield f"ALTER ROLE {role} WITH LOGIN {NO_RIGHTS} PASSWORD '{passwords[role]}'"
    # Whose statements are anybody's: they wait for nobody, and take no place of the product's.
    yield f"ALTER ROLE {REPORT} CONNECTION LIMIT {REPORT_CONNECTIONS_MAX}"
    yield f"ALTER ROLE {REPORT} SET default_transaction_read_only = on"
    yield f"ALTER ROLE {REPORT} SET statement_timeout = '{REPORT_TIMEOUT_S}s'"
    yield f"ALTER ROLE {REPORT} SET idle_in_transaction_session_timeout = '{REPORT_TIMEOUT_S}s'"


def database_statements(database: str) -> Iterator[str]:
    """Yield the statements that give a database, and what is in it, to the owner.

    Parameters
    ----------
    database : str
        The one that they are run in.

    Yields
    ------
    str
        One line each, without its semicolon; can be repeated. For a superuser.
    """
    yield f"ALTER DATABASE {database} OWNER TO {OWNER}"
    yield f"REVOKE ALL ON DATABASE {database} FROM PUBLIC"
    yield f"GRANT CONNECT ON DATABASE {database} TO {', '.join(ROLES)}"
    yield f"ALTER SCHEMA public OWNER TO {OWNER}"
    yield "REVOKE ALL ON SCHEMA public FROM PUBLIC"
    yield " ".join(_TAKE_OWNERSHIP.split())


def grant(connection: Connection) -> None:
    """Give each role that the server knows its rights, if the user of the connection owns them.

    Rights follow from the tables that there are, so that it is repeated after each migration.
    """
    owns = connection.exec_driver_sql(_OWNS_SCHEMA).scalar()
    if not owns:
        return
    known = {name for (name,) in connection.exec_driver_sql(_KNOWN_ROLES)}
    for role, statements in _RIGHTS.items():
        if role in known:
            for statement in statements:
                connection.exec_driver_sql(statement)


_RIGHTS: Final[Mapping[str, tuple[str, ...]]] = {
    WRITER: (
        f"GRANT USAGE ON SCHEMA public TO {WRITER}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {WRITER}",
        f"REVOKE UPDATE, DELETE ON limit_event, state_recovery, oracle_event FROM {WRITER}",
        "REVOKE INSERT, UPDATE, DELETE ON alembic_version, alert, alert_delivery, alert_cursor"
        f" FROM {WRITER}",
    ),
    READER: (
        f"GRANT USAGE ON SCHEMA public TO {READER}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}",
        f"GRANT EXECUTE ON FUNCTION acknowledge_limit TO {READER}",
    ),
    ORACLE: (
        f"GRANT USAGE ON SCHEMA public TO {ORACLE}",
        f"GRANT SELECT ON stream_fence TO {ORACLE}",
        "GRANT SELECT (snapshot_id, payload, payload_bytes, payload_sha256) ON risk_snapshot"
        f" TO {ORACLE}",
        f"GRANT SELECT, INSERT ON oracle_event TO {ORACLE}",
    ),
    ALERTS: (
        f"GRANT USAGE ON SCHEMA public TO {ALERTS}",
        f"GRANT SELECT ON stream_fence, limit_event, oracle_event, rejected_message TO {ALERTS}",
        "GRANT SELECT (snapshot_id, portfolio, kind, fence, epoch, event_time_ns, asof,"
        " base_currency, previous_var, hypothetical_pnl, breach, recorded_at) ON risk_snapshot"
        f" TO {ALERTS}",
        f"GRANT SELECT, INSERT, UPDATE ON alert, alert_delivery, alert_cursor TO {ALERTS}",
    ),
    REPORT: (
        f"GRANT USAGE ON SCHEMA public TO {REPORT}",
        "GRANT SELECT ON report_snapshot, report_attribution, report_breach, report_limit_event,"
        f" report_rejected TO {REPORT}",
    ),
}
