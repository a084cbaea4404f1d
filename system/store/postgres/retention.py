"""Bounds of the history: how much is kept, and the statements that remove the rest.

Every snapshot is written. Once the rows that are not pinned outgrow ``BUDGET_BYTES``, those
older than ``FULL_CADENCE_MINUTES`` are thinned to one per portfolio and minute; if that is
not enough, the oldest go. End-of-day snapshots, those of trades and those that cross the
limit (either way) are pinned: their rows stay for ever. Of trades and crossings the newest
``PINNED_BODIES`` and ``PINNED_BYTES`` keep their payload; older rows keep their typed columns,
the ids of their trades and the payload's SHA-256. Of rejected messages the newest
``MAX_REJECTED_ROWS`` and ``REJECTED_BYTES`` are kept.

*Oldest* is said of batches, (fence, epoch): no clock that is set back turns them around.

Each statement below touches a bounded number of rows and bytes, so that none comes near the
statement timeout however much has to go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from system.contracts.api.risk import is_over_limit
from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.store.postgres.cursors import Cursor, all_rows, one_row

BUDGET_BYTES: Final = 4 * 1024**3
FULL_CADENCE_MINUTES: Final = 10
MAX_ROWS_PER_PRUNE: Final = 20_000
ROWS_PER_DELETE: Final = 200
"""Of 40 kB each, in twenty pieces of their own: some 0.04 s of PostgreSQL."""
PINNED_BYTES: Final = 4 * 1024**3
PINNED_BODIES: Final = 200_000
MAX_REJECTED_ROWS: Final = 1_000_000
REJECTED_BYTES: Final = 2 * 1024**3
REJECTED_ROWS_PER_DELETE: Final = 2_000
REJECTED_BYTES_PER_DELETE: Final = 16 * 1024**2
"""A value of 8 MB is some 4,000 pieces of PostgreSQL: two of them are a transaction's work."""

UNPINNED_BYTES: Final = "SELECT coalesce(sum(payload_bytes), 0) FROM risk_snapshot WHERE NOT pinned"
TO_THIN: Final = """
    SELECT snapshot_id FROM (
        SELECT snapshot_id, row_number() OVER (
            PARTITION BY portfolio, date_trunc('minute', recorded_at)
            ORDER BY fence, epoch, snapshot_id) AS rank_in_minute
        FROM risk_snapshot
        WHERE NOT pinned AND recorded_at < now() - make_interval(mins => %(minutes)s)
    ) AS ranked WHERE rank_in_minute > 1 LIMIT %(limit)s"""
OLDEST: Final = """
    SELECT snapshot_id FROM risk_snapshot WHERE NOT pinned
    ORDER BY fence, epoch, snapshot_id LIMIT %(limit)s"""
DELETE_SNAPSHOTS: Final = "DELETE FROM risk_snapshot WHERE snapshot_id = ANY(%s)"
PINNED_BODIES_TO_DROP: Final = """
    SELECT snapshot_id FROM (
        SELECT snapshot_id, fence, epoch,
            sum(payload_bytes) OVER newest_first AS held_bytes,
            row_number() OVER newest_first AS held_rows
        FROM risk_snapshot WHERE pinned AND kind = 'live' AND payload_bytes > 0
        WINDOW newest_first AS (ORDER BY fence DESC, epoch DESC, snapshot_id DESC)
    ) AS bodies
    WHERE held_bytes > %(bytes)s OR held_rows > %(rows)s
    ORDER BY fence, epoch, snapshot_id LIMIT %(limit)s"""
DROP_BODIES: Final = """
    UPDATE risk_snapshot
    SET payload_sha256 = encode(sha256(convert_to(payload, 'UTF8')), 'hex'), payload = '',
        payload_bytes = 0, instruments = '{}', component_var = '{}'
    WHERE snapshot_id = ANY(%s)"""
NEWEST_REJECTED_TO_DROP: Final = """
    SELECT max(arrival) FROM (
        SELECT arrival,
            sum(payload_bytes) OVER newest_first AS held_bytes,
            row_number() OVER newest_first AS held_rows
        FROM rejected_message WINDOW newest_first AS (ORDER BY arrival DESC)
    ) AS kept WHERE held_bytes > %(bytes)s OR held_rows > %(rows)s"""
DROP_REJECTED: Final = """
    DELETE FROM rejected_message WHERE arrival IN (
        SELECT arrival FROM (
            SELECT arrival, sum(payload_bytes) OVER (ORDER BY arrival) - payload_bytes AS before
            FROM (
                SELECT arrival, payload_bytes FROM rejected_message
                WHERE arrival <= %(newest)s ORDER BY arrival LIMIT %(rows)s
            ) AS oldest
        ) AS piece WHERE before < %(bytes)s)"""

Reading = Callable[[], AbstractContextManager[Cursor]]


@dataclass(frozen=True)
class Budget:
    """Rows and bytes that the history may hold, payloads counted as JSON (UTF-8).

    Parameters
    ----------
    unpinned_bytes : int
        Live snapshots that nothing pins.
    pinned_bytes, pinned_bodies : int
        Payloads of trades and of crossed limits.
    rejected_bytes, rejected_rows : int
        Rejected messages.
    """

    unpinned_bytes: int = BUDGET_BYTES
    pinned_bytes: int = PINNED_BYTES
    pinned_bodies: int = PINNED_BODIES
    rejected_bytes: int = REJECTED_BYTES
    rejected_rows: int = MAX_REJECTED_ROWS


def pruned(reading: Reading, budget: Budget) -> Iterator[int]:
    """Remove from the history what outgrows its budget, a transaction for each piece.

    Parameters
    ----------
    reading : callable
        Opens a cursor, and gives it back at the end of its block.
    budget : Budget
        What may stay.

    Yields
    ------
    int
        Rows that one transaction has deleted or emptied. None is open in between.
    """
    yield from _pruned_rejected(reading, budget)
    yield from _pieces(reading, _outgrown(reading, budget.unpinned_bytes), DELETE_SNAPSHOTS)
    bounds = {
        "bytes": budget.pinned_bytes,
        "rows": budget.pinned_bodies,
        "limit": MAX_ROWS_PER_PRUNE,
    }
    yield from _pieces(reading, _ids(reading, PINNED_BODIES_TO_DROP, bounds), DROP_BODIES)


def _pruned_rejected(reading: Reading, budget: Budget) -> Iterator[int]:
    bounds = {"bytes": budget.rejected_bytes, "rows": budget.rejected_rows}
    with reading() as cursor:
        ((newest,),) = all_rows(cursor, NEWEST_REJECTED_TO_DROP, bounds)
    if newest is None:
        return
    piece = {
        "newest": newest,
        "rows": REJECTED_ROWS_PER_DELETE,
        "bytes": REJECTED_BYTES_PER_DELETE,
    }
    while deleted := _changed_rows(reading, DROP_REJECTED, piece):
        yield deleted


def _outgrown(reading: Reading, budget_bytes: int) -> list[str]:
    """Return ids of snapshots that the budget does not hold, as many as one pruning deletes."""
    with reading() as cursor:
        (held,) = one_row(cursor, UNPINNED_BYTES)
    if held <= budget_bytes:
        return []
    bounds = {"minutes": FULL_CADENCE_MINUTES, "limit": MAX_ROWS_PER_PRUNE}
    return _ids(reading, TO_THIN, bounds) or _ids(reading, OLDEST, bounds)


def _ids(reading: Reading, statement: str, bounds: dict[str, int]) -> list[str]:
    with reading() as cursor:
        return [snapshot_id for (snapshot_id,) in all_rows(cursor, statement, bounds)]


def _pieces(reading: Reading, ids: list[str], statement: str) -> Iterator[int]:
    for first in range(0, len(ids), ROWS_PER_DELETE):
        yield _changed_rows(reading, statement, (ids[first : first + ROWS_PER_DELETE],))


def _changed_rows(reading: Reading, statement: str, parameters: Any) -> int:  # noqa: ANN401
    with reading() as cursor:
        cursor.execute(statement, parameters)
        changed = cursor.rowcount
        cursor.connection.commit()
    return changed


class LimitWatch:
    """Which snapshots are pinned; remembers each portfolio's side of its limit."""

    def __init__(self) -> None:
        self._over_limit: dict[str, bool | None] = {}

    def pins(self, snapshot: RiskSnapshot) -> bool:
        """Return whether a snapshot's row is kept for ever, and remember its side of the limit.

        The first snapshot of a portfolio that this process sees is pinned too: whether it
        crossed cannot be known.
        """
        over = is_over_limit(snapshot)
        known = snapshot.portfolio in self._over_limit
        crossed = not known or self._over_limit[snapshot.portfolio] != over
        self._over_limit[snapshot.portfolio] = over
        return crossed or bool(snapshot.trade_ids) or snapshot.kind is SnapshotKind.END_OF_DAY
