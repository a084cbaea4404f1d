"""Rows of an export, read by a cursor of the server's, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from system.export.tables import ExportTable, Row
from system.store.postgres.connection import connected, not_answering

BATCH_ROWS: Final = 5_000
BATCH_TIMEOUT_MS: Final = 60_000
"""Of the server for one batch, the first one included."""
ANSWER_TIMEOUT_S: Final = 70.0
_CURSOR: Final = "riskstream_export"


@dataclass(frozen=True)
class Span:
    """Rows to export.

    Parameters
    ----------
    from_ns, to_ns : int or None
        Nanoseconds since 1970-01-01 UTC; the end is excluded.
    portfolio : str or None
        Only of this one.
    """

    from_ns: int | None = None
    to_ns: int | None = None
    portfolio: str | None = None


def statement_of(table: ExportTable, span: Span) -> tuple[str, dict[str, Any]]:
    """Return the statement that reads a table, and its parameters."""
    conditions: list[str] = []
    time = "event_time_ns" if table.has_event_time else "recorded_at"
    bound = "%({})s" if table.has_event_time else "to_timestamp(%({})s / 1e9)"
    if span.from_ns is not None:
        conditions.append(f"{time} >= {bound.format('from_ns')}")
    if span.to_ns is not None:
        conditions.append(f"{time} < {bound.format('to_ns')}")
    if span.portfolio is not None and table.has_portfolio:
        conditions.append("portfolio = %(portfolio)s")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    statement = (
        f"SELECT {table.select_list} FROM {table.view}{where} "  # noqa: S608 - our own names
        f"ORDER BY {table.order}"
    )
    parameters = {"from_ns": span.from_ns, "to_ns": span.to_ns, "portfolio": span.portfolio}
    return statement, parameters


def exported_rows(database_url: str, table: ExportTable, span: Span) -> Iterator[list[Row]]:
    """Yield the rows of a table of one moment, at most ``BATCH_ROWS`` at a time.

    Parameters
    ----------
    database_url : str
        PostgreSQL URL of a user who reads the report views; never logged.
    table : ExportTable
        What is read.
    span : Span
        Which rows.

    Raises
    ------
    StoreUnavailableError
        If PostgreSQL does not answer, or refuses.
    """
    statement, parameters = statement_of(table, span)
    try:
        connection = connected(
            database_url,
            answer_timeout_s=ANSWER_TIMEOUT_S,
            statement_timeout_ms=BATCH_TIMEOUT_MS,
            application_name="riskstream export",
        )
        with closing(connection), connection.cursor(name=_CURSOR) as cursor:
            cursor.execute(statement.encode(), parameters)
            while rows := cursor.fetchmany(BATCH_ROWS):
                yield [table.row(row) for row in rows]
    except psycopg.Error as error:
        raise not_answering(error) from error
