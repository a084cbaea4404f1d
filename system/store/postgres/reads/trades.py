"""Reads of trades: open ones by portfolio, the snapshot that names one, rejected ones."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

import msgspec

from system.contracts.api.risk import RejectedRow
from system.contracts.topics import TRADES
from system.store.postgres import sql
from system.store.postgres.cursors import Cursor, all_rows

MAX_TRADE_ROWS: Final = 10_000
REJECTED_SEARCHED: Final = 20_000
"""Newest rejected messages among which one of a trade is looked for: 0.1 s of PostgreSQL."""
_REJECTED_READ: Final = 10
_SELECT_TRADES: Final = """
    SELECT value FROM book_state
    WHERE key >= 'trade:' AND starts_with(key, 'trade:')
      AND value::json -> 'trade' ->> 'portfolio' = %(portfolio)s
      AND (%(before)s::bigint IS NULL OR (value::json ->> 'rank')::bigint < %(before)s)
    ORDER BY (value::json ->> 'rank')::bigint DESC LIMIT %(limit)s"""
_SELECT_NAMING: Final = """
    SELECT snapshot_id FROM risk_snapshot
    WHERE trade_ids <> '{}' AND trade_ids @> ARRAY[%(trade_id)s]::text[]
    ORDER BY fence DESC, epoch DESC LIMIT 1"""
"""The condition on empty arrays is that of the partial index."""
_SELECT_REJECTED: Final = """
    SELECT payload FROM rejected_message
    WHERE arrival > (SELECT coalesce(max(arrival), 0) FROM rejected_message) - %(searched)s
      AND topic = %(topic)s AND strpos(payload, %(text)s) > 0
    ORDER BY arrival DESC LIMIT %(limit)s"""


class _Named(msgspec.Struct):
    trade_id: str = ""


class TradeReads:
    """Trades as they are committed: a mixin of the history."""

    def _reading(self) -> AbstractContextManager[Cursor]:
        raise NotImplementedError

    def trade_page(
        self, portfolio: str, *, limit: int = 100, before: int | None = None
    ) -> list[bytes]:
        """Return open trades of a portfolio as the book state holds them, newest first.

        Parameters
        ----------
        portfolio : str
            Whose.
        limit : int
            At most so many, 1 to ``MAX_TRADE_ROWS``.
        before : int or None
            Only trades of a lower rank.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        ValueRefusedError
            If a value holds what PostgreSQL cannot, such as a NUL.
        """
        assert 1 <= limit <= MAX_TRADE_ROWS, f"limit {limit} is not in the bounds"
        parameters = {"portfolio": portfolio, "before": before, "limit": limit}
        with self._reading() as cursor:
            rows = all_rows(cursor, _SELECT_TRADES, parameters)
        return [value.encode("utf-8") for (value,) in rows]

    def naming_snapshot(self, trade_id: str) -> str | None:
        """Return the id of the newest snapshot that names a trade, None where none is kept.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        ValueRefusedError
            If a value holds what PostgreSQL cannot, such as a NUL.
        """
        with self._reading() as cursor:
            rows = all_rows(cursor, _SELECT_NAMING, {"trade_id": trade_id})
        return rows[0][0] if rows else None

    def rejected_trade(self, trade_id: str) -> RejectedRow | None:
        """Return the newest rejected message of a trade, of the newest ``REJECTED_SEARCHED``.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        ValueRefusedError
            If a value holds what PostgreSQL cannot, such as a NUL.
        """
        parameters = {
            "searched": REJECTED_SEARCHED,
            "topic": TRADES.name,
            "text": text_in_payload(trade_id),
            "limit": _REJECTED_READ,
        }
        with self._reading() as cursor:
            rows = all_rows(cursor, _SELECT_REJECTED, parameters)
        views = (sql.rejected_view(payload) for (payload,) in rows)
        return next((view for view in views if names_trade(view, trade_id)), None)


def text_in_payload(trade_id: str) -> str:
    """Return what the payload of a rejected message holds where it names a trade.

    A payload is JSON, and the message's own JSON is a text in it: the id is escaped twice.
    """
    once = msgspec.json.encode(trade_id).decode("utf-8")
    return msgspec.json.encode(once).decode("utf-8")[1:-1]


def names_trade(row: RejectedRow, trade_id: str) -> bool:
    """Return whether a rejected message is of a trade; one that is no JSON is of none."""
    try:
        return msgspec.json.decode(row.value, type=_Named).trade_id == trade_id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
