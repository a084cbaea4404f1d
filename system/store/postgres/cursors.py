"""Reading rows with a cursor of PostgreSQL."""

from __future__ import annotations

from typing import Any

import psycopg

Row = tuple[Any, ...]
Cursor = psycopg.Cursor[Row]


def one_row(cursor: Cursor, statement: str, parameters: Any = None) -> Row:  # noqa: ANN401
    """Return the only row of a statement that always has one."""
    cursor.execute(statement, parameters)
    row = cursor.fetchone()
    assert row is not None, statement
    return row


def all_rows(cursor: Cursor, statement: str, parameters: Any = None) -> list[Any]:  # noqa: ANN401
    """Return every row of a statement."""
    cursor.execute(statement, parameters)
    return cursor.fetchall()
