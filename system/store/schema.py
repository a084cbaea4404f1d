"""Bring a database to the schema of this version: alembic, without its command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from system.store.errors import SchemaError

MIGRATIONS_DIR: Final = Path(__file__).parent / "migrations"
_MIGRATION_LOCK: Final = 0x7269736B
"""Advisory lock: two processes that start at once migrate one after the other."""


def upgrade_schema(engine: Engine) -> None:
    """Apply every step that the database lacks, in one transaction; none: do nothing.

    Parameters
    ----------
    engine : Engine
        Of the database to change.

    Raises
    ------
    SchemaError
        If the database's schema is of a version that this one does not know.
    sqlalchemy.exc.SQLAlchemyError
        If the server refuses; nothing is changed then.
    """
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        try:
            _apply_steps(connection)
        except CommandError as error:
            raise SchemaError(
                f"the database's schema is not of this version ({error}); "
                "use the version that made it, or an empty database"
            ) from None


def _apply_steps(connection: Connection) -> None:
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(MIGRATIONS_DIR))
    script = ScriptDirectory.from_config(config)

    def steps(revision: Any, _context: Any) -> Any:  # noqa: ANN401 - alembic's own signature
        return script._upgrade_revs("head", revision)

    with EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
