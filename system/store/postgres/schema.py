"""Bring a database to the schema of this version: alembic, without its command line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ProgrammingError

from system.store.errors import SchemaError
from system.store.postgres import roles

MIGRATIONS_DIR: Final = Path(__file__).parents[1] / "migrations"
MIGRATION_WAIT_S: Final = 600
"""For another process that migrates; then for each table that others use, ``LOCK_WAIT_S``."""
LOCK_WAIT_S: Final = 30
_MIGRATION_LOCK: Final = 0x7269736B
"""Advisory lock: two processes that start at once migrate one after the other."""
_LOG: Final = logging.getLogger(__name__)
Tell = Callable[[str], None]


def upgrade_schema(engine: Engine, tell: Tell = _LOG.info) -> None:
    """Apply every step that the database lacks, in one transaction; none: do nothing.

    A step takes as long as it takes: no statement of it has a bound. What is bounded is the
    wait for others that hold the migration or a table.

    Parameters
    ----------
    engine : Engine
        Of the database to change; its connections have no bound on a statement.
    tell : callable
        Hears each step before it runs, in words.

    Raises
    ------
    SchemaError
        If the database's schema is of a version that this one does not know, or its user may
        not change it.
    sqlalchemy.exc.SQLAlchemyError
        If the server refuses; nothing is changed then.
    """
    script = _script()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{MIGRATION_WAIT_S}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'")
        if problem := schema_problem(connection, script):
            raise SchemaError(problem)
        try:
            _apply_steps(connection, script, tell)
            roles.grant(connection)
        except ProgrammingError as error:
            if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
                raise
            raise SchemaError(
                f"the database lacks steps of this version's schema and its user may not make them "
                f"({str(error.orig).strip()}); name its owner by RISKSTREAM_OWNER_DATABASE_URL"
            ) from None


def schema_problem(connection: Connection, script: ScriptDirectory | None = None) -> str:
    """Return why this version cannot use a database's schema; empty if it can, or can make it.

    Parameters
    ----------
    connection : Connection
        To the database; only read.
    script : ScriptDirectory or None
        Steps that this version knows; None: its own.
    """
    known = {step.revision for step in (script or _script()).walk_revisions()}
    held = MigrationContext.configure(connection).get_current_heads()
    unknown = sorted(set(held) - known)
    if not unknown:
        return ""
    return (
        f"the database's schema is version {', '.join(unknown)}, made by a newer riskstream than "
        f"this one, which knows up to {max(known)}: upgrade riskstream, or use an empty database"
    )


def _script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(MIGRATIONS_DIR))
    return ScriptDirectory.from_config(config)


def _apply_steps(connection: Connection, script: ScriptDirectory, tell: Tell) -> None:
    def steps(revision: Any, _context: Any) -> Any:  # noqa: ANN401 - alembic's own signature
        wanted = script._upgrade_revs("head", revision)
        for number, step in enumerate(wanted, start=1):
            tell(f"database: step {number} of {len(wanted)}, {step.doc}")
            yield step

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
