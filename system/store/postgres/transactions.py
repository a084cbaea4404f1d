"""The statements of a micro-batch's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from system.store.errors import CommitsUndoneError, FencedError, NewerFormatError
from system.store.postgres import limit_trail, sql
from system.store.postgres.cursors import Cursor, all_rows, one_row
from system.store.postgres.formats import FORMAT
from system.store.records import NO_EPOCH, BatchCommit


def take_fence(cursor: Cursor, above: int = 0) -> int:
    """Take the next fence of the database, above ``above``; its epochs start afresh.

    Raises
    ------
    NewerFormatError
        If a newer version has written into the database.
    """
    cursor.execute(sql.TAKE_FENCE, {"above": above, "format": FORMAT})
    row = cursor.fetchone()
    if row is None:
        raise NewerFormatError(one_row(cursor, sql.SELECT_FORMAT)[0], FORMAT)
    return int(row[0])


def write_batch(
    cursor: Cursor, batch: BatchCommit, snapshots: Sequence[sql.Row], *, rehearsed: bool = False
) -> bool:
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
    rehearsed : bool
        Whether the transaction is rolled back: then no batch of this fence was committed yet.

    Raises
    ------
    FencedError
        If another driver has taken over.
    CommitsUndoneError
        If the batch before, or its offsets, are not what the database holds.
    """
    cursor.execute(sql.ADVANCE_EPOCH, commit_place(batch, rehearsed=rehearsed))
    if cursor.fetchone() is None:
        _assert_committed(cursor, batch)
        return False
    _insert(cursor, sql.UPSERT_OFFSETS, offset_rows(batch))
    _write_state(cursor, batch)
    _insert(cursor, sql.INSERT_SNAPSHOTS, snapshots)
    _insert(cursor, sql.INSERT_REJECTED, [sql.rejected_row(row) for row in batch.rejected])
    levels = [limit_trail.level_row(event) for event in batch.limit_events]
    _insert(cursor, limit_trail.INSERT_LEVELS, levels)
    return True


def commit_place(batch: BatchCommit, *, rehearsed: bool = False) -> dict[str, object]:
    """Return the parameters of ``ADVANCE_EPOCH``: a batch's place, and what must precede it.

    Nothing of a rehearsal is there when its next batch comes: neither epoch nor offsets.
    """
    follows = {} if rehearsed else batch.follows
    return {
        "fence": batch.fence,
        "epoch": batch.epoch,
        "after": NO_EPOCH if rehearsed else batch.after_epoch,
        "places": list(follows),
        "offsets": list(follows.values()),
    }


def offset_rows(batch: BatchCommit) -> list[sql.Row]:
    """Return the rows of ``UPSERT_OFFSETS``, in order of their keys."""
    known = batch.last_records
    ordered = sorted(batch.offsets.items())
    return [sql.offset_row(place, offset, known.get(place)) for place, offset in ordered]


def _assert_committed(cursor: Cursor, batch: BatchCommit) -> None:
    """Return if it was this very batch that was committed last: its answer had been lost."""
    fence, epoch = one_row(cursor, sql.SELECT_FENCE)
    held = {place: offset for place, offset, *_ in all_rows(cursor, sql.SELECT_OFFSETS)}
    check_repeated(batch, fence, epoch, held)


def check_repeated(batch: BatchCommit, fence: int, epoch: int, offsets: Mapping[str, int]) -> None:
    """Return if a batch that does not follow the last commit *is* the last commit.

    Parameters
    ----------
    batch : BatchCommit
        What was to be written.
    fence, epoch : int
        Of the last batch that the store holds.
    offsets : mapping of str to int
        That it holds.

    Raises
    ------
    FencedError
        If another driver has taken over.
    CommitsUndoneError
        If the store has lost commits of this driver, or holds offsets that it never wrote.
    """
    if fence > batch.fence:
        raise FencedError(batch.fence, fence)
    held, place = (fence, epoch), (batch.fence, batch.epoch)
    expected = batch.offsets if held == place else batch.follows
    moved = [
        f"{name} at offset {offsets.get(name, 0)} instead of {offset}"
        for name, offset in sorted(expected.items())
        if offsets.get(name, 0) != offset
    ]
    if held == place and not moved:
        return
    raise CommitsUndoneError(
        f"this driver was to commit batch {batch.epoch} of fence {batch.fence}, and PostgreSQL "
        f"holds {', '.join([f'batch {epoch} of fence {fence}', *moved])}: commits were taken back "
        "(a fail-over, or a backup that was restored), or rows were changed from outside; the "
        "next driver starts from what PostgreSQL has and reads the rest from Kafka again"
    )


def _write_state(cursor: Cursor, batch: BatchCommit) -> None:
    changed = [(k, v.decode("utf-8")) for k, v in batch.state.items() if v is not None]
    gone = [key for key, value in batch.state.items() if value is None]
    _insert(cursor, sql.UPSERT_STATE, changed)
    if gone:
        cursor.execute(sql.DELETE_STATE, (gone,))


def _insert(cursor: Cursor, statement: str, rows: Sequence[sql.Row]) -> None:
    if rows:
        cursor.executemany(statement, rows)
