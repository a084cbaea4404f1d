"""Notes of a driver before it reads: how often its batch was tried, and what is in hand."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

from system.store.postgres.cursors import Cursor, all_rows

_SELECT: Final = "SELECT attempt FROM stream_attempt"
_KEEP: Final = """
    INSERT INTO stream_attempt (attempt)
    SELECT %(attempt)s FROM stream_fence WHERE fence = %(fence)s
    ON CONFLICT (only_row) DO UPDATE SET attempt = EXCLUDED.attempt"""
_FORGET: Final = """
    DELETE FROM stream_attempt WHERE EXISTS (SELECT FROM stream_fence WHERE fence = %(fence)s)"""


class DriverAttempts:
    """The row of attempts; written only by the driver that holds the fence."""

    def _reading(self) -> AbstractContextManager[Cursor]:
        raise NotImplementedError

    def attempt(self) -> str | None:
        """Return what the last driver wrote down, None where it ended well.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._reading() as cursor:
            rows = all_rows(cursor, _SELECT)
        return str(rows[0][0]) if rows else None

    def keep_attempt(self, attempt: str | None, *, fence: int) -> None:
        """Write down an attempt; None forgets it. A superseded driver changes nothing.

        Parameters
        ----------
        attempt : str or None
            JSON (``system.stream.batch.quarantine``).
        fence : int
            Of this driver.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        statement = _FORGET if attempt is None else _KEEP
        with self._reading() as cursor:
            cursor.execute(statement, {"attempt": attempt, "fence": fence})
            cursor.connection.commit()
