"""Damage to the stores of a run's own stack: commits undone, a database restored or lost."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, LiteralString
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from redis import Redis

from system.clock import Clock
from system.errors import UnavailableError
from system.runtime.components.postgres import DATABASE, superuser_url
from system.runtime.running import RunningStack
from system.settings import Connections
from system.store.postgres import roles
from system.store.postgres.history import RiskHistory
from validation.run.wait import polled

POSTGRES: Final = "postgres"
MAINTENANCE_DATABASE: Final = "postgres"
NOT_TAKEN_BACK: Final = frozenset({"alembic_version", "limit_event"})
"""Tables that an undone commit leaves alone: the schema's version, and a trail that refuses it."""
COMMIT_BOUND_S: Final = 30.0
COPY_BOUND_S: Final = 60.0
POLL_S: Final = 0.1
COMMITTED: Final = "SELECT committed_fence, committed_epoch FROM stream_fence"
COLUMNS: Final = """
SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables
USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
ORDER BY table_name, ordinal_position
"""

KEEP: Final[LiteralString] = "CREATE TEMP TABLE {kept} AS TABLE public.{table}"
CLEAR: Final[LiteralString] = "DELETE FROM public.{table}"
PUT_BACK: Final[LiteralString] = """
INSERT INTO public.{table} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM {kept}
"""


def undo_commits(connections: Connections, *, behind_s: float, clock: Clock) -> tuple[bool, str]:
    """Take the rows of the commits of some seconds back; return whether there were some.

    The driver works on: its connections stay open, and nothing tells it of the loss.

    Parameters
    ----------
    connections : Connections
        Of the stack.
    behind_s : float
        Seconds whose commits are taken back; longer where there was none.
    clock : Clock
        Measures them.

    Raises
    ------
    UnavailableError
        If nothing was committed within ``COMMIT_BOUND_S``.
    """
    with closing(psycopg.connect(superuser_url(connections))) as connection:
        with _one_moment(connection) as cursor:
            columns = _columns(cursor)
            before = _committed(cursor)
            for table in columns:
                cursor.execute(_formatted(KEEP, table))
        clock.sleep(behind_s)
        _await_commit(connection, before, clock)
        with _one_moment(connection, isolation=None) as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("LOCK TABLE stream_fence IN ACCESS EXCLUSIVE MODE")
            lost = _committed(cursor)
            for table, names in columns.items():
                cursor.execute(_formatted(CLEAR, table))
                cursor.execute(_formatted(PUT_BACK, table, names))
    return lost != before, f"commits behind {_place(before)} up to {_place(lost)} taken back"


def restore_database(
    running: RunningStack, connections: Connections, *, behind_s: float, clock: Clock
) -> tuple[bool, str]:
    """Copy PostgreSQL's files, let the stack run on, and put the copy in their place.

    Parameters
    ----------
    running, connections : RunningStack, Connections
        The stack.
    behind_s : float
        Seconds between the copy and its return.
    clock : Clock
        Measures them.
    """
    data = connections.state_dir / POSTGRES / "data"
    kept, gone = data.with_name("backup"), data.with_name("lost")
    for leftover in (kept, gone):  # of an earlier story on this stack
        shutil.rmtree(leftover, ignore_errors=True)
    with _stopped(running):
        before = _files_copied(data, kept)
    clock.sleep(behind_s)
    with closing(psycopg.connect(connections.database_url)) as connection:
        lost = _committed(connection.cursor())
    with _stopped(running):
        data.rename(gone)
        kept.rename(data)
    with closing(psycopg.connect(connections.database_url)) as connection:
        restored = _committed(connection.cursor())
    witness = f"{before}; PostgreSQL was at {_place(lost)} and is at {_place(restored)}"
    return restored != lost, witness


def lose_database(connections: Connections) -> tuple[bool, str]:
    """Put an empty database in the place of one that is used; its connections are broken off.

    Its schema is made, as `riskstream up` does.

    Parameters
    ----------
    connections : Connections
        Of the stack.
    """
    own = superuser_url(connections)
    name = sql.Identifier(DATABASE)
    with closing(psycopg.connect(own)) as connection:
        lost = _committed(connection.cursor())
    maintenance = urlsplit(own)._replace(path=f"/{MAINTENANCE_DATABASE}").geturl()
    with closing(psycopg.connect(maintenance, autocommit=True)) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    with closing(psycopg.connect(own, autocommit=True)) as connection:
        for statement in roles.database_statements(DATABASE):
            connection.execute(statement.encode())
    with closing(RiskHistory(connections.owner_database_url)) as history:
        history.migrate()
    return True, f"PostgreSQL was at {_place(lost)}; the database is empty"


def empty_redis(redis_url: str) -> tuple[bool, str]:
    """Delete every key of Redis."""
    with closing(Redis.from_url(redis_url)) as redis:
        count = redis.dbsize()
        redis.flushdb()
    return bool(count), f"{count} keys deleted"


def _await_commit(connection: psycopg.Connection[Any], before: object, clock: Clock) -> None:
    def has_changed() -> bool:
        with connection.transaction(), connection.cursor() as cursor:
            return _committed(cursor) != before

    if not polled(has_changed, bound_s=COMMIT_BOUND_S, poll_s=POLL_S, clock=clock):
        raise UnavailableError(f"nothing was committed within {COMMIT_BOUND_S:.0f} s to be undone")


@contextmanager
def _one_moment(
    connection: psycopg.Connection[Any],
    isolation: psycopg.IsolationLevel | None = psycopg.IsolationLevel.REPEATABLE_READ,
) -> Iterator[psycopg.Cursor[Any]]:
    connection.isolation_level = isolation
    with connection.transaction(), connection.cursor() as cursor:
        yield cursor


@contextmanager
def _stopped(running: RunningStack) -> Iterator[None]:
    running.stop_component(POSTGRES)
    try:
        yield
    finally:
        running.restart(POSTGRES)


def _files_copied(data: Path, copy: Path) -> str:
    """Copy a folder with owners and modes, as the server wants them."""
    subprocess.run(
        ("cp", "-a", str(data), str(copy)), check=True, capture_output=True, timeout=COPY_BOUND_S
    )
    return f"{sum(path.is_file() for path in copy.rglob('*'))} files copied"


def _columns(cursor: psycopg.Cursor[Any]) -> Mapping[str, list[str]]:
    columns: dict[str, list[str]] = {}
    for table, name in cursor.execute(COLUMNS).fetchall():
        if table not in NOT_TAKEN_BACK:
            columns.setdefault(table, []).append(name)
    return columns


def _formatted(text: LiteralString, table: str, names: list[str] | None = None) -> sql.Composed:
    return sql.SQL(text).format(
        table=sql.Identifier(table),
        kept=sql.Identifier(f"kept_{table}"),
        names=sql.SQL(", ").join(map(sql.Identifier, names or ())),
    )


def _committed(cursor: psycopg.Cursor[Any]) -> tuple[int, int]:
    row = cursor.execute(COMMITTED).fetchone()
    assert row is not None, "the fence has one row"
    return row[0], row[1]


def _place(committed: tuple[int, int]) -> str:
    return f"fence {committed[0]}, epoch {committed[1]}"
