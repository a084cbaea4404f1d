"""The live oracle's record in PostgreSQL, and its questions to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from system.contracts.oracle import OracleCheck
from system.store.postgres.connection import OwnConnection
from system.store.postgres.cursors import Row
from system.store.records import Position

ANSWER_TIMEOUT_S: Final = 5.0
Parameters = Sequence[Any] | Mapping[str, Any] | None
_LAST_EVENT: Final = """
    SELECT event_id, kind, finding FROM oracle_event ORDER BY event_id DESC LIMIT 1"""
_KEEP: Final = """
    INSERT INTO oracle_event (kind, finding)
    SELECT 'difference', %s WHERE coalesce(
        (SELECT kind FROM oracle_event ORDER BY event_id DESC LIMIT 1), '') <> 'difference'"""
_ACKNOWLEDGE: Final = """
    INSERT INTO oracle_event (kind, finding, acknowledges, actor, note)
    SELECT 'acknowledged', finding, event_id, %(actor)s, %(note)s FROM (
        SELECT * FROM oracle_event ORDER BY event_id DESC LIMIT 1
    ) AS newest WHERE kind = 'difference'
    ON CONFLICT DO NOTHING RETURNING finding"""
_COMMITTED: Final = "SELECT committed_fence, committed_epoch, fence FROM stream_fence"
_PAYLOAD: Final = "SELECT payload, payload_sha256 FROM risk_snapshot WHERE snapshot_id = %s"


class OracleRecord(OwnConnection):
    """The oracle's part of the history; one thread, one connection, made when first used.

    Parameters
    ----------
    database_url : str
        PostgreSQL URL, password included; never logged.

    Raises
    ------
    StoreUnavailableError
        From every method, if PostgreSQL does not answer.
    """

    def __init__(self, database_url: str) -> None:
        super().__init__(database_url, answer_timeout_s=ANSWER_TIMEOUT_S)

    def open_difference(self) -> OracleCheck | None:
        """Return the difference that nobody has acknowledged yet, None where there is none.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        rows = self._rows(_LAST_EVENT)
        if not rows or rows[0][1] != "difference":
            return None
        return msgspec.json.decode(rows[0][2], type=OracleCheck)

    def keep(self, check: OracleCheck) -> None:
        """Keep a difference, unless one is open: the first is the one to look at.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        self._rows(_KEEP, (msgspec.json.encode(check).decode("utf-8"),))

    def acknowledge(self, *, actor: str, note: str) -> OracleCheck | None:
        """Record that a person has seen the open difference; None where there is none.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        rows = self._rows(_ACKNOWLEDGE, {"actor": actor, "note": note})
        return msgspec.json.decode(rows[0][0], type=OracleCheck) if rows else None

    def is_stored(self, snapshot_id: str, value: bytes) -> bool:
        """Return whether the history has a snapshot, with these very bytes.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        rows = self._rows(_PAYLOAD, (snapshot_id,))
        if not rows:
            return False
        payload, sha256 = rows[0]
        if payload:
            return bool(payload.encode("utf-8") == value)
        return bool(sha256 == hashlib.sha256(value).hexdigest())

    def may_come(self, fence: int, epoch: int) -> bool:
        """Return whether a batch may be one that is announced and not committed yet.

        A batch is announced before it is committed, and at most one is under way: it follows
        the last one of its driver, or is the first of the newest driver.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        ((committed_fence, committed_epoch, newest_fence),) = self._rows(_COMMITTED)
        last = Position(committed_fence, committed_epoch)
        if fence == last.fence:
            return bool(epoch == last.epoch + 1)
        return bool(fence == newest_fence and epoch == 0)

    def _rows(self, statement: str, parameters: Parameters = None) -> list[Row]:
        with self._answering() as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []
