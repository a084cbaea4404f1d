"""Identity of the state in PostgreSQL: its database, and the Kafka topics that it was made from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from system.contracts.topics import split_offset_key
from system.store.errors import StateChangedError
from system.store.postgres import sql
from system.store.postgres.cursors import Cursor, Row, all_rows, one_row
from system.store.postgres.transactions import take_fence
from system.store.records import LastRecord, StoredState

T = TypeVar("T")

_SELECT_IDENTITY: Final = """
    SELECT database_id::text, state_identity.system_identifier, server.system_identifier,
        generation, cluster_id, topic_ids::text, committed_at, fence
    FROM state_identity, stream_fence, pg_control_system() AS server"""
_SET_SOURCE: Final = """
    UPDATE state_identity SET cluster_id = %(cluster_id)s,
        topic_ids = topic_ids || %(topic_ids)s::jsonb"""
_SELECT_RECOVERIES: Final = """
    SELECT recorded_at, actor, reason, lost::text FROM state_recovery ORDER BY recovery_id"""
_INSERT_RECOVERY: Final = """
    INSERT INTO state_recovery (actor, reason, lost) VALUES (%s, %s, %s::jsonb)"""
_SET_OFFSET: Final = """
    INSERT INTO stream_offset (partition_key, next_offset) VALUES (%s, %s)
    ON CONFLICT (partition_key) DO UPDATE SET next_offset = EXCLUDED.next_offset,
        digest = NULL, appended_at_ms = NULL
    WHERE stream_offset.next_offset <> EXCLUDED.next_offset OR %s"""
_DELETE_OTHER_OFFSETS: Final = "DELETE FROM stream_offset WHERE partition_key <> ALL(%s)"
_SET_GENERATION: Final = """
    UPDATE state_identity SET generation = generation + 1, cluster_id = %(cluster_id)s,
        topic_ids = %(topic_ids)s::jsonb"""
_RENAME_REJECTED: Final = """
    UPDATE rejected_message SET topic = topic || '@' || generation FROM state_identity
    WHERE topic = ANY(%s)"""
"""Rows are unique by place: messages of a topic that was made again have the same ones."""
_SET_SERVER: Final = """
    UPDATE state_identity SET system_identifier = server.system_identifier
    FROM pg_control_system() AS server"""


class LostRange(msgspec.Struct, frozen=True):
    """Messages of a partition that the state will never contain.

    Parameters
    ----------
    place : str
        ``topic:partition``.
    first : int
        Offset of the first one.
    end : int or None
        Offset after the last one; None where it is not known how many there were, because the
        partition itself is another one.
    """

    place: str
    first: int
    end: int | None = None

    @property
    def is_many(self) -> bool:
        """True where there may be more than one."""
        return self.end is None or self.end - self.first > 1

    def sentence(self) -> str:
        """Return it for a person, without a verb."""
        if self.end is None:
            return f"messages of {self.place} from offset {self.first} on"
        if not self.is_many:
            return f"the message of {self.place} at offset {self.first}"
        count = self.end - self.first
        return f"{count} messages of {self.place} (offsets {self.first} to {self.end - 1})"


@dataclass(frozen=True)
class Recovery:
    """Changes of a state that continues without messages that Kafka has lost.

    Parameters
    ----------
    before : dict of str to int
        Offsets of the state that it was made for; another state is not changed by it.
    offsets : dict of str to int
        ``topic:partition`` to where the state continues, of every partition that there is.
    lost : tuple of LostRange
        Messages that the state will never contain.
    books : tuple of str
        Portfolios whose positions may lack trades.
    reason : str
        What is lost, and what to do.
    rows : dict of str to bytes
        Changed rows of the book state.
    cluster_id : str
        Kafka cluster that the state continues with.
    topic_ids : dict of str to str
        Its input topics.
    replaced : tuple of str
        Topics whose offsets count other messages than before.
    """

    before: dict[str, int]
    offsets: dict[str, int]
    lost: tuple[LostRange, ...]
    books: tuple[str, ...]
    reason: str
    rows: dict[str, bytes]
    cluster_id: str
    topic_ids: dict[str, str]
    replaced: tuple[str, ...]


class RecordedRecovery(msgspec.Struct, frozen=True):
    """One recovery of the past: when, by whom, and what was lost."""

    recorded_at: dt.datetime
    actor: str
    reason: str
    lost: tuple[LostRange, ...]


@dataclass(frozen=True)
class StateIdentity:
    """Which database this is, and which topics its state was made from.

    Parameters
    ----------
    database_id : str
        UUID, drawn when the schema was made; goes with a dump.
    system_identifier : int
        Of the PostgreSQL server that wrote the state last.
    server_identifier : int
        Of the server that answers; another one where a dump was restored on a new server.
    generation : int
        How many recoveries went on without messages that Kafka had lost.
    cluster_id : str or None
        Kafka cluster of the topics; None before the first driver.
    topic_ids : dict of str to str
        UUID of each input topic by its name; empty before the first driver.
    committed_at : datetime or None
        When the last batch was committed; None before the first, or where it is not known.
    fence : int
        The highest that a driver has taken from this database.
    """

    database_id: str
    system_identifier: int
    server_identifier: int
    generation: int = 0
    cluster_id: str | None = None
    topic_ids: dict[str, str] = field(default_factory=dict)
    committed_at: dt.datetime | None = None
    fence: int = 0

    @property
    def is_copy(self) -> bool:
        """True where the data came from another PostgreSQL server."""
        return self.system_identifier != self.server_identifier

    @property
    def name(self) -> str:
        """The identity as one word: what is kept in Redis belongs to it."""
        return f"{self.database_id}/{self.server_identifier}/{self.generation}"


def recovery_count(name: str) -> int:
    """Return the number of past recoveries of a state, by ``StateIdentity.name``; unknown: 0.

    Examples
    --------
    >>> recovery_count("0d6a0c3a-0000-4000-8000-000000000001/7/2")
    2
    """
    generation = name.rpartition("/")[2]
    return int(generation) if generation.isascii() and generation.isdigit() else 0


class IdentityRecord:
    """Identity and recoveries of a history; mixed into it."""

    def _reading(self) -> AbstractContextManager[Cursor]:
        raise NotImplementedError

    def _write(self, work: Callable[[Cursor], T]) -> T:
        raise NotImplementedError

    def identity(self) -> StateIdentity:
        """Return which database this is, and which topics its state was made from.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._reading() as cursor:
            row = one_row(cursor, _SELECT_IDENTITY)
        database_id, kept, server, generation, cluster_id, topic_ids, committed_at, fence = row
        return StateIdentity(
            database_id,
            kept,
            server,
            generation,
            cluster_id,
            msgspec.json.decode(topic_ids, type=dict[str, str]),
            committed_at,
            fence,
        )

    def progress(self) -> StoredState:
        """Return where the state ends, without its rows.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._reading() as cursor:
            return stored_state(all_rows(cursor, sql.SELECT_OFFSETS), {})

    def recover(self, recovery: Recovery, *, actor: str) -> None:
        """Let the state go on without messages that Kafka has lost, in one transaction.

        Parameters
        ----------
        recovery : Recovery
            Made for the state that the database holds. A driver that runs is fenced off.
        actor : str
            Who has decided it.

        Raises
        ------
        StateChangedError
            If the database holds another state by now; nothing is changed.
        StoreUnavailableError
            If PostgreSQL does not answer within its attempts.
        """
        self._write(lambda cursor: write_recovery(cursor, recovery, actor))

    def recoveries(self) -> list[RecordedRecovery]:
        """Return every recovery of the past, oldest first.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._reading() as cursor:
            rows = all_rows(cursor, _SELECT_RECOVERIES)
        ranges = tuple[LostRange, ...]
        return [
            RecordedRecovery(moment, actor, reason, msgspec.json.decode(lost, type=ranges))
            for moment, actor, reason, lost in rows
        ]

    def keep_source(self, cluster_id: str, topic_ids: Mapping[str, str]) -> None:
        """Write down which topics the state is made from, and on which server it is kept.

        Parameters
        ----------
        cluster_id : str
            Of Kafka.
        topic_ids : mapping of str to str
            UUID of each input topic by its name.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer within its attempts.
        """
        source = {
            "cluster_id": cluster_id,
            "topic_ids": msgspec.json.encode(dict(topic_ids)).decode("utf-8"),
        }

        def keep(cursor: Cursor) -> None:
            cursor.execute(_SET_SOURCE, source)
            cursor.execute(_SET_SERVER)

        self._write(keep)


def stored_state(places: Iterable[Row], state: dict[str, bytes]) -> StoredState:
    """Return the state from rows of ``SELECT_OFFSETS`` and the book's own rows."""
    rows = list(places)
    return StoredState(
        {place: offset for place, offset, *_ in rows},
        state,
        {place: LastRecord(*last) for place, _, *last in rows if last[0] is not None},
    )


def write_recovery(cursor: Cursor, recovery: Recovery, actor: str) -> None:
    """Let a state go on without messages that Kafka has lost, and record which.

    Parameters
    ----------
    cursor : cursor
        In a transaction that the caller ends.
    recovery : Recovery
        Made for the state that the database holds.
    actor : str
        Who has decided it.

    Raises
    ------
    StateChangedError
        If the database holds another state by now.
    """
    take_fence(cursor)
    held = {place: offset for place, offset, *_ in all_rows(cursor, sql.SELECT_OFFSETS)}
    if held != recovery.before:
        raise StateChangedError(
            "the state has gone on since it was looked at: nothing was changed; ask again"
        )
    lost = msgspec.json.encode(recovery.lost).decode("utf-8")
    cursor.execute(_INSERT_RECOVERY, (actor, recovery.reason, lost))
    cursor.execute(_RENAME_REJECTED, (list(recovery.replaced),))
    cursor.execute(_DELETE_OTHER_OFFSETS, (list(recovery.offsets),))
    for place, offset in sorted(recovery.offsets.items()):
        is_replaced = split_offset_key(place)[0] in recovery.replaced
        cursor.execute(_SET_OFFSET, (place, offset, is_replaced))
    for key, row in sorted(recovery.rows.items()):
        cursor.execute(sql.UPSERT_STATE, (key, row.decode("utf-8")))
    topic_ids = msgspec.json.encode(recovery.topic_ids).decode("utf-8")
    source = {"cluster_id": recovery.cluster_id, "topic_ids": topic_ids}
    cursor.execute(_SET_GENERATION, source)
