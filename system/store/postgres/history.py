"""The history of risk in PostgreSQL: exactly once, by one transaction per micro-batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from types import TracebackType
from typing import Final, Self, TypeVar, cast

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import NullPool

from system.contracts.api.risk import RejectedRow, SnapshotPoint
from system.contracts.codec import decode
from system.contracts.messages import RejectReason, RiskSnapshot
from system.store.errors import (
    NewerFormatError,
    SnapshotConflictError,
    StoreUnavailableError,
    ValueRefusedError,
)
from system.store.postgres import retention, sql
from system.store.postgres.attempts import DriverAttempts
from system.store.postgres.connection import (
    ANSWER_TIMEOUT_S,
    STATEMENT_TIMEOUT_MS,
    connected,
    first_line,
    not_answering,
    write_attempts,
)
from system.store.postgres.cursors import Cursor, Row, all_rows, one_row
from system.store.postgres.formats import check_format
from system.store.postgres.identity import IdentityRecord, stored_state
from system.store.postgres.limit_trail import LimitTrail
from system.store.postgres.reads.state_pages import StatePages
from system.store.postgres.reads.trades import TradeReads
from system.store.postgres.schema import schema_problem, upgrade_schema
from system.store.postgres.transactions import take_fence, write_batch
from system.store.records import (
    MAX_PAGE_ROWS,
    NO_EPOCH,
    BatchCommit,
    EmptiedSnapshot,
    Position,
    RejectedKey,
    SnapshotQuery,
    StoredState,
)

READERS_MAX: Final = 8
READER_WAIT_S: Final = 3.0
MAX_STATE_KEYS: Final = 100_000
T = TypeVar("T")
Connection = psycopg.Connection[Row]


class RiskHistory(LimitTrail, TradeReads, StatePages, IdentityRecord, DriverAttempts):
    """Fence, offsets, book state, snapshots and rejected messages of one database.

    One thread writes (``acquire_fence``, ``load``, ``commit``); any number read. Connects
    when first used.

    Parameters
    ----------
    database_url : str
        PostgreSQL URL, password included; never logged.
    answer_timeout_s : float
        Bound of each wait for the server, seconds; a connection that passes it is closed.
    """

    def __init__(self, database_url: str, *, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self._database_url = database_url
        self._answer_timeout_s = answer_timeout_s
        self._writer: Connection | None = None
        self._limits = retention.LimitWatch()
        self._lock = threading.Lock()
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: self._connect(self._answer_timeout_s),
            pool_size=READERS_MAX,
            max_overflow=0,
            pool_timeout=READER_WAIT_S,
            pool_pre_ping=True,
        )

    # -- life ---------------------------------------------------------------------------

    def migrate(self, tell: Callable[[str], None] | None = None) -> None:
        """Bring the schema to this version; safe to call from several processes at once.

        Parameters
        ----------
        tell : callable or None
            Hears each step before it runs; None: the log.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        SchemaError
            If the database was made by a version that this one does not know, or its user may
            not change the schema.
        """
        # No bound on a step, on either side: an index on a large table takes what it takes.
        patient = create_engine(
            "postgresql+psycopg://",
            creator=lambda: self._connect(answer_timeout_s=None, statement_timeout_ms=0),
            poolclass=NullPool,
        )
        with _answering():
            upgrade_schema(patient, *([] if tell is None else [tell]))

    def schema_problem(self) -> str:
        """Return why this version cannot use the database as it is; empty if it can.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        try:
            with _answering(), self._engine.connect() as connection:
                return schema_problem(connection)
        except NewerFormatError as error:
            return str(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; a later call connects anew."""
        with self._lock:
            self._drop_writer()
        self._engine.dispose()

    # -- writing ------------------------------------------------------------------------

    def acquire_fence(self, above: int = 0) -> int:
        """Take over the writing: a new, higher fence; older drivers' commits now fail.

        Parameters
        ----------
        above : int
            The new fence is above this one too: the highest that Redis has seen, which is higher
            than the database's own where an older backup was restored.

        Returns
        -------
        int
            The fence to commit under; its epochs start afresh.

        Raises
        ------
        NewerFormatError
            If a newer version has written into the database; nothing was changed.
        StoreUnavailableError
            If PostgreSQL does not answer within its attempts.
        """
        return self._write(lambda cursor: take_fence(cursor, above))

    def commit(self, batch: BatchCommit) -> bool:
        """Write everything that a micro-batch changes, in one transaction, once.

        A lost connection is retried; whether the first attempt had got through is told by
        its epoch, so that nothing counts twice.

        Parameters
        ----------
        batch : BatchCommit
            Under the present fence, with the epoch that follows the last one's.

        Returns
        -------
        bool
            True when written; False when this epoch was committed already.

        Raises
        ------
        FencedError
            If another driver has taken over; nothing was written.
        CommitsUndoneError
            If the batch before, or its offsets, are not what the database holds.
        SnapshotConflictError
            If the history has a snapshot with one of the ids; nothing was written.
        StoreUnavailableError
            If PostgreSQL does not answer within ``COMMIT_PATIENCE_S``.
        """
        rows = [sql.snapshot_row(s, pinned=self._limits.pins(s)) for s in batch.snapshots]
        try:
            return self._write(lambda cursor: write_batch(cursor, batch, rows))
        except psycopg.errors.UniqueViolation as error:
            raise SnapshotConflictError(
                f"batch {batch.epoch} of fence {batch.fence} was not committed: "
                f"{error.diag.message_detail or error}"
            ) from error

    def rehearse(self, batch: BatchCommit) -> bool:
        """Run the statements of ``commit`` in a transaction that is rolled back.

        For the warm-up: the connection, the server's caches and the statements are those of
        the batches that follow, and nothing is there afterwards.

        Parameters
        ----------
        batch : BatchCommit
            Under the present fence.

        Raises
        ------
        FencedError
            If another driver has taken over.
        StoreUnavailableError
            If PostgreSQL does not answer within ``COMMIT_PATIENCE_S``.
        """
        rows = [sql.snapshot_row(s, pinned=False) for s in batch.snapshots]

        is_new: list[bool] = []

        def taken_back(cursor: Cursor) -> None:
            is_new.append(write_batch(cursor, batch, rows, rehearsed=True))
            raise psycopg.Rollback

        self._write(taken_back)
        return is_new[-1]

    def prune(self, budget: retention.Budget | None = None) -> Iterator[int]:
        """Keep the history within the bounds of ``retention``, piece by piece.

        Parameters
        ----------
        budget : Budget or None
            What may stay; None: the product's own.

        Yields
        ------
        int
            How many rows a transaction has deleted or emptied; of snapshots at most
            ``MAX_ROWS_PER_PRUNE`` in all: call again once a minute. In between no transaction
            is open, so that the caller may take its time.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        yield from retention.pruned(self._reading, budget or retention.Budget())

    # -- reading ------------------------------------------------------------------------

    def load(self) -> StoredState:
        """Return offsets and book state as the last commit left them, of one moment.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            places = all_rows(cursor, sql.SELECT_OFFSETS)
            state = {
                key: value.encode("utf-8") for key, value in all_rows(cursor, sql.SELECT_STATE)
            }
        return stored_state(places, state)

    def committed(self) -> Position | None:
        """Return the place of the last committed batch, None before the first.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._cursor() as cursor:
            fence, epoch = one_row(cursor, sql.SELECT_COMMITTED)
        return None if epoch == NO_EPOCH else Position(fence, epoch)

    def state_value(self, key: str) -> bytes | None:
        """Return one key of the book state as it was committed, None where it is absent."""
        return self.state_values([key]).get(key)

    def state_values(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return those of the keys that the book state holds.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        ValueRefusedError
            If a value holds what PostgreSQL cannot, such as a NUL.
        """
        with self._reading() as cursor:
            rows = all_rows(cursor, sql.SELECT_STATE_VALUES, (list(keys),))
        return {key: value.encode("utf-8") for key, value in rows}

    def state_keys(self, prefix: str) -> list[str]:
        """Return the keys of the book state that start so, sorted.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        ValueRefusedError
            If a value holds what PostgreSQL cannot, such as a NUL.
        """
        with self._reading() as cursor:
            parameters = {"prefix": prefix, "limit": MAX_STATE_KEYS}
            return [key for (key,) in all_rows(cursor, sql.SELECT_STATE_KEYS, parameters)]

    def state_containing(self, prefix: str, text: str) -> list[bytes]:
        """Return the rows of the book state whose key starts so and whose JSON contains a text.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        ValueRefusedError
            If a value holds what PostgreSQL cannot, such as a NUL.
        """
        with self._reading() as cursor:
            parameters = {"prefix": prefix, "text": text}
            rows = all_rows(cursor, sql.SELECT_STATE_CONTAINING, parameters)
        return [value.encode("utf-8") for (value,) in rows]

    def trades_of(self, portfolio: str) -> list[bytes]:
        """Return the open trades of a portfolio as the book state holds them, in no order.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        ValueRefusedError
            If a value holds what PostgreSQL cannot, such as a NUL.
        """
        with self._reading() as cursor:
            rows = all_rows(cursor, sql.SELECT_TRADES, (portfolio,))
        return [value.encode("utf-8") for (value,) in rows]

    def snapshot(self, snapshot_id: str) -> RiskSnapshot | None:
        """Return one snapshot, equal to the one committed to the bit; None if not kept."""
        payload = self.snapshot_json(snapshot_id)
        return None if payload is None else decode(payload, RiskSnapshot)

    def snapshot_json(self, snapshot_id: str) -> bytes | None:
        """Return one snapshot's JSON as it was committed, None if it is not kept.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        ValueRefusedError
            If a value holds what PostgreSQL cannot, such as a NUL.
        """
        with self._reading() as cursor:
            rows = all_rows(cursor, sql.SELECT_PAYLOAD, (snapshot_id,))
        return rows[0][0].encode("utf-8") if rows else None

    def emptied_snapshot(self, snapshot_id: str) -> EmptiedSnapshot | None:
        """Return what is left of a pinned snapshot whose payload outgrew the budget, else None.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        ValueRefusedError
            If a value holds what PostgreSQL cannot, such as a NUL.
        """
        with self._reading() as cursor:
            rows = all_rows(cursor, sql.SELECT_EMPTIED, (snapshot_id,))
        return EmptiedSnapshot(tuple(rows[0][0]), rows[0][1]) if rows else None

    def snapshots(self, query: SnapshotQuery) -> list[RiskSnapshot]:
        """Return whole snapshots in order of time; those without a payload are left out.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        ValueRefusedError
            If a value holds what PostgreSQL cannot, such as a NUL.
        """
        statement, parameters = sql.snapshot_select(query, ("payload",), with_payload=True)
        with self._reading() as cursor:
            rows = all_rows(cursor, statement, parameters)
        return [decode(payload, RiskSnapshot) for (payload,) in rows]

    def points(self, query: SnapshotQuery, *, with_components: bool = False) -> list[SnapshotPoint]:
        """Return the time series of a portfolio from the typed columns alone.

        Parameters
        ----------
        query : SnapshotQuery
            Which rows, in which order.
        with_components : bool
            Whether each point carries its component VaR per instrument.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        ValueRefusedError
            If a value holds what PostgreSQL cannot, such as a NUL.
        """
        extra = ("instruments", "component_var") if with_components else ()
        statement, parameters = sql.snapshot_select(query, (*sql.POINT_COLUMNS, *extra))
        with self._reading() as cursor:
            rows = all_rows(cursor, statement, parameters)
        return [sql.snapshot_point(row, with_components=with_components) for row in rows]

    def rejected(
        self,
        *,
        limit: int = 100,
        before: RejectedKey | None = None,
        reason: RejectReason | None = None,
    ) -> tuple[list[RejectedRow], RejectedKey | None]:
        """Return rejected messages, newest first, and where to go on.

        Parameters
        ----------
        limit : int
            At most so many, 1 to ``MAX_PAGE_ROWS``.
        before : RejectedKey or None
            Where the page before ended.
        reason : RejectReason or None
            Only those.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        ValueRefusedError
            If a value holds what PostgreSQL cannot, such as a NUL.
        """
        assert 1 <= limit <= MAX_PAGE_ROWS, f"limit {limit} is not in the bounds"
        arrival = None if before is None else before.arrival
        parameters = {"before": arrival, "reason": reason and str(reason), "limit": limit}
        with self._reading() as cursor:
            rows = all_rows(cursor, sql.SELECT_REJECTED, parameters)
        views = [sql.rejected_view(payload) for _, payload in rows]
        return views, RejectedKey(rows[-1][0]) if len(rows) == limit else None

    def rejected_counts(self) -> dict[str, int]:
        """Return how many rejected messages are kept, by reason.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._cursor() as cursor:
            return dict(all_rows(cursor, sql.COUNT_REJECTED))

    # -- connections --------------------------------------------------------------------

    def _connect(
        self,
        answer_timeout_s: float | None = ANSWER_TIMEOUT_S,
        statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    ) -> Connection:
        connection = connected(
            self._database_url,
            answer_timeout_s=answer_timeout_s,
            statement_timeout_ms=statement_timeout_ms,
        )
        try:
            check_format(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _reading(self) -> Iterator[Cursor]:
        """Read by values of a caller's, which PostgreSQL may be unable to hold."""
        with _asking(), self._cursor() as cursor:
            yield cursor

    @contextmanager
    def _cursor(self) -> Iterator[Cursor]:
        with (
            _answering(),
            closing(self._engine.raw_connection()) as pooled,
            closing(pooled.cursor()) as cursor,
        ):
            yield cast(Cursor, cursor)

    def _write(self, work: Callable[[Cursor], T]) -> T:
        with self._lock, _answering():
            return cast(T, write_attempts()(self._write_once, work))

    def _write_once(self, work: Callable[[Cursor], T]) -> T:
        if self._writer is None:
            self._writer = self._connect(self._answer_timeout_s)
        try:
            # One pipeline: the batch and its COMMIT are sent together, and answered together.
            with (
                self._writer.pipeline(),
                self._writer.transaction(),
                self._writer.cursor() as cursor,
            ):
                return work(cursor)
        except psycopg.Error:
            self._drop_writer()
            raise

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


@contextmanager
def _asking() -> Iterator[None]:
    """Turn a value that PostgreSQL cannot hold (NUL, beyond its type) into an error of input.

    The doors refuse such values already; this keeps one that they forget from being a defect.
    """
    try:
        yield
    except (psycopg.DataError, UnicodeEncodeError) as error:
        why = first_line(error)
        raise ValueRefusedError(f"the database cannot look for that value: {why}") from error


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what drivers raise for a silent server into our own error, without the URL."""
    try:
        yield
    except PoolTimeoutError:
        raise StoreUnavailableError(
            f"PostgreSQL: all {READERS_MAX} connections were busy for {READER_WAIT_S:g} s"
        ) from None
    except (psycopg.OperationalError, psycopg.InterfaceError, DBAPIError) as error:
        raise not_answering(error) from error
