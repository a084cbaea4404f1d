"""Contents of PostgreSQL, read by plain SQL and not by the product's own reader."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

import msgspec
import psycopg

from system.contracts.codec import decode
from system.contracts.messages import RiskSnapshot
from system.store.postgres.connection import ANSWER_TIMEOUT_S, connected
from validation.checkers.end_of_day import EndOfDay
from validation.checkers.ledger import Counters, Outcome, Ruling

STATEMENT_TIMEOUT_MS: Final = 30_000

END_OF_DAYS: Final = """
SELECT portfolio, asof, nav, var, expected_shortfall, hypothetical_pnl, breach,
       scenario_date, instruments, component_var
FROM risk_snapshot WHERE kind = 'end_of_day' ORDER BY portfolio, asof
"""
SNAPSHOTS: Final = "SELECT payload FROM risk_snapshot ORDER BY fence, epoch"
REJECTED: Final = 'SELECT topic, partition, "offset", reason FROM rejected_message'
COUNTERS: Final = "SELECT value FROM book_state WHERE key = 'counters'"
FENCE: Final = "SELECT fence FROM stream_fence"
OFFSETS: Final = "SELECT partition_key, next_offset FROM stream_offset"


@contextmanager
def reading(database_url: str) -> Iterator[Any]:
    """Open a read-only transaction of one moment, and give its cursor.

    Parameters
    ----------
    database_url : str
        PostgreSQL URL, password included.
    """
    connection = connected(
        database_url,
        statement_timeout_ms=STATEMENT_TIMEOUT_MS,
        answer_timeout_s=STATEMENT_TIMEOUT_MS / 1000 + ANSWER_TIMEOUT_S,
    )
    with closing(connection):
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.cursor() as cursor:
            yield cursor


def end_of_days(cursor: Any) -> dict[tuple[str, dt.date], EndOfDay]:  # noqa: ANN401 - untyped
    """Return every end of day by (portfolio, date).

    Raises
    ------
    AssertionError
        If a portfolio has two ends of one day.
    """
    cursor.execute(END_OF_DAYS)
    rows = cursor.fetchall()
    days = {(row[0], row[1]): _end_of_day(row) for row in rows}
    assert len(days) == len(rows), "a portfolio has two ends of one day in PostgreSQL"
    return days


def snapshots(cursor: Any) -> list[RiskSnapshot]:  # noqa: ANN401 - untyped
    """Return every stored snapshot, as it was committed."""
    cursor.execute(SNAPSHOTS)
    return [decode(payload.encode(), RiskSnapshot) for (payload,) in cursor.fetchall()]


def rejected_messages(cursor: Any) -> list[Ruling]:  # noqa: ANN401 - untyped
    """Return every rejected row with its place and reason."""
    cursor.execute(REJECTED)
    return [
        Ruling(
            topic=topic, partition=partition, offset=offset, outcome=Outcome.REJECTED, reason=why
        )
        for topic, partition, offset, why in cursor.fetchall()
    ]


def counters(cursor: Any) -> Counters:  # noqa: ANN401 - untyped
    """Return the stream's own counts by topic and outcome; nothing before its first batch."""
    cursor.execute(COUNTERS)
    row = cursor.fetchone()
    return msgspec.json.decode(row[0], type=dict[str, dict[str, int]]) if row else {}


def covered_offsets(cursor: Any) -> Mapping[str, int]:  # noqa: ANN401 - untyped
    """Return, by ``topic:partition``, the first offset that is not committed."""
    cursor.execute(OFFSETS)
    return dict(cursor.fetchall())


def fence(cursor: Any) -> int:  # noqa: ANN401 - untyped
    """Return the highest fence that was given out to a driver."""
    cursor.execute(FENCE)
    return int(cursor.fetchone()[0])


def _end_of_day(row: Sequence[Any]) -> EndOfDay:
    _, _, nav, var, shortfall, pnl, breach, scenario_date, instruments, components = row
    return EndOfDay(
        nav=nav,
        var=var,
        expected_shortfall=shortfall,
        hypothetical_pnl=pnl,
        breach=breach,
        scenario_date=scenario_date,
        components=dict(zip(instruments, components, strict=True)),
    )
