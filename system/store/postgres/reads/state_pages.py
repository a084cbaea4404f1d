"""Reads of the book state by prefix, a page at a time, and of every portfolio's limits."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

from system.contracts.limits import TrailRow
from system.store.postgres.cursors import Cursor, all_rows
from system.store.postgres.limit_trail import COLUMNS, trail_row

MAX_STATE_ROWS: Final = 10_000
_SELECT_PAGE: Final = """
    SELECT key, value FROM book_state
    WHERE key > %(after)s AND starts_with(key, %(prefix)s) ORDER BY key LIMIT %(limit)s"""
_SELECT_STANDINGS: Final = f"""
    SELECT DISTINCT ON (portfolio, measure, kind) {COLUMNS} FROM limit_event
    ORDER BY portfolio, measure, kind, event_id DESC"""  # noqa: S608 - our own names


class StatePages:
    """Rows of one kind in the order of their keys: a mixin of the history."""

    def _reading(self) -> AbstractContextManager[Cursor]:
        raise NotImplementedError

    def state_page(
        self, prefix: str, *, after: str = "", limit: int = 100
    ) -> list[tuple[str, bytes]]:
        """Return rows of the book state whose key starts so, with their keys, in order of these.

        Parameters
        ----------
        prefix : str
            Kind of the rows.
        after : str
            Only keys greater than it; empty: from the first.
        limit : int
            At most so many, 1 to ``MAX_STATE_ROWS``.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        ValueRefusedError
            If a value holds what PostgreSQL cannot, such as a NUL.
        """
        assert 1 <= limit <= MAX_STATE_ROWS, f"limit {limit} is not in the bounds"
        parameters = {"prefix": prefix, "after": max(after, prefix), "limit": limit}
        with self._reading() as cursor:
            rows = all_rows(cursor, _SELECT_PAGE, parameters)
        return [(key, value.encode("utf-8")) for key, value in rows]

    def limit_standings(self) -> list[TrailRow]:
        """Return the newest level and acknowledgement of each measure of every portfolio.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._reading() as cursor:
            return list(map(trail_row, all_rows(cursor, _SELECT_STANDINGS)))
