"""The statements of a micro-batch's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from system.store import limit_trail, sql
from system.store.cursors import Cursor, one_row
from system.store.errors import FencedError
from system.store.records import BatchCommit


def write_batch(cursor: Cursor, batch: BatchCommit, snapshots: Sequence[sql.Row]) -> bool:
    """Write a batch under its fence; False when its epoch was committed already.

    Parameters
    ----------
    cursor : cursor
        In a transaction and a pipeline that the caller ends: rows are sent at once, and what
        the server says of them is known when the pipeline ends.
    batch : BatchCommit
        What to write, but for its snapshots.
    snapshots : sequence of row
        Rows of ``SNAPSHOT_COLUMNS``.

    Raises
    ------
    FencedError
        If another driver has taken over.
    """
    cursor.execute(sql.ADVANCE_EPOCH, {"fence": batch.fence, "epoch": batch.epoch})
    if cursor.fetchone() is None:
        _assert_fence(cursor, batch.fence)
        return False
    _insert(cursor, sql.UPSERT_OFFSETS, sorted(batch.offsets.items()))
    _write_state(cursor, batch)
    _insert(cursor, sql.INSERT_SNAPSHOTS, snapshots)
    _insert(cursor, sql.INSERT_REJECTED, [sql.rejected_row(row) for row in batch.rejected])
    levels = [limit_trail.level_row(event) for event in batch.limit_events]
    _insert(cursor, limit_trail.INSERT_LEVELS, levels)
    return True


def _assert_fence(cursor: Cursor, held: int) -> None:
    (found,) = one_row(cursor, sql.SELECT_FENCE)
    if found != held:
        raise FencedError(held, found)


def _write_state(cursor: Cursor, batch: BatchCommit) -> None:
    changed = [(k, v.decode("utf-8")) for k, v in batch.state.items() if v is not None]
    gone = [key for key, value in batch.state.items() if value is None]
    _insert(cursor, sql.UPSERT_STATE, changed)
    if gone:
        cursor.execute(sql.DELETE_STATE, (gone,))


def _insert(cursor: Cursor, statement: str, rows: Sequence[sql.Row]) -> None:
    if rows:
        cursor.executemany(statement, rows)
