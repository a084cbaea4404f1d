"""Identity of the state in PostgreSQL: its database, and the Kafka topics that it was made from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from system.store import sql
from system.store.cursors import Cursor, Row, all_rows, one_row
from system.store.records import LastRecord, StoredState

T = TypeVar("T")

_SELECT_IDENTITY: Final = """
    SELECT database_id::text, state_identity.system_identifier, server.system_identifier,
        generation, cluster_id, topic_ids::text, committed_at, fence
    FROM state_identity, stream_fence, pg_control_system() AS server"""
_SET_SOURCE: Final = """
    UPDATE state_identity SET cluster_id = %(cluster_id)s,
        topic_ids = topic_ids || %(topic_ids)s::jsonb"""
_SET_SERVER: Final = """
    UPDATE state_identity SET system_identifier = server.system_identifier
    FROM pg_control_system() AS server"""


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
        """Whether the data came from another PostgreSQL server."""
        return self.system_identifier != self.server_identifier

    @property
    def name(self) -> str:
        """The identity as one word: what is kept in Redis belongs to it."""
        return f"{self.database_id}/{self.server_identifier}/{self.generation}"


class IdentityRecord:
    """What a history says of its own identity; mixed into it."""

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
