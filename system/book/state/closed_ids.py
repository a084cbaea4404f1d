"""Closed trades as fingerprints: what a repeated message is known by once its trade is closed.

Of each trade stand 16 bytes of the SHA-256 of its id, 8 bytes of that of its newest version's
content without its times, and the version where it is not 0: some 36 characters.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from system.book.state.rows import CLOSED_IDS_PREFIX, ClosedIds, TradeState
from system.contracts.messages import Trade

IDS_PER_ROW: Final = 10_000
ID_BYTES: Final = 16
CONTENT_BYTES: Final = 8
_TEXT_LENGTH: Final = 32
"""Characters of both fingerprints: 24 bytes in base 64."""
_CONTENT_BITS: Final = 8 * CONTENT_BYTES
_DAY_BITS: Final = 24


class ClosedTrade(NamedTuple):
    """A closed trade's newest version, the fingerprint of its content, and when it was closed."""

    version: int
    content: int
    day: dt.date

    def is_repeated_by(self, trade: Trade) -> bool:
        """Return whether a message of the same id says nothing new."""
        if trade.version == self.version:
            return _content(trade) == self.content.to_bytes(CONTENT_BYTES)
        return trade.version < self.version


class ClosedTradeIds:
    """Fingerprints of all closed trades, in some 150 bytes of memory each.

    Parameters
    ----------
    rows : iterable of ClosedIds
        As they were kept.
    """

    def __init__(self, rows: Iterable[ClosedIds] = ()) -> None:
        self._closed: dict[bytes, int] = {}
        for row in rows:
            self._add(row)

    def known(self, trade_id: str) -> ClosedTrade | None:
        """Return a closed trade, None where no trade of this id is closed."""
        packed = self._closed.get(_fingerprint(trade_id)) if self._closed else None
        return None if packed is None else _unpacked(packed)

    def add(
        self, portfolio: str, states: Sequence[TradeState], day: dt.date
    ) -> dict[str, ClosedIds]:
        """Take in trades that are closed, and return the rows to keep, by key.

        Parameters
        ----------
        portfolio : str
            Whose trades they are.
        states : sequence of TradeState
            In their newest version, in order of their ranks, without gaps.
        day : date
            The end of day at which they are closed.
        """
        rows: dict[str, ClosedIds] = {}
        for start in range(0, len(states), IDS_PER_ROW):
            chunk = states[start : start + IDS_PER_ROW]
            row = ClosedIds(day=day, trades=tuple(_entry(state.trade) for state in chunk))
            rows[f"{CLOSED_IDS_PREFIX}{chunk[0].rank}:{portfolio}"] = row
            self._add(row)
        return rows

    def _add(self, row: ClosedIds) -> None:
        for entry in row.trades:
            fingerprint, packed = _parsed(entry, row.day)
            self._closed[fingerprint] = packed


def searched_text(trade_id: str) -> str:
    """Return a text that stands in the JSON of the row of a closed trade, and in no other.

    It holds 126 of the 128 bits of the fingerprint: as many as end with a whole character.
    """
    return '"' + _text(_fingerprint(trade_id))[: ID_BYTES * 8 // 6]


def closed_trade_in(row: ClosedIds, trade_id: str) -> ClosedTrade | None:
    """Return a closed trade of a row, None where the row does not hold it."""
    return ClosedTradeIds([row]).known(trade_id)


def _entry(trade: Trade) -> str:
    text = _text(_fingerprint(trade.trade_id) + _content(trade))
    return text + str(trade.version) if trade.version else text


def _parsed(entry: str, day: dt.date) -> tuple[bytes, int]:
    both = urlsafe_b64decode(entry[:_TEXT_LENGTH])
    version = int(entry[_TEXT_LENGTH:] or 0)
    dated = version << _DAY_BITS | day.toordinal()
    return both[:ID_BYTES], dated << _CONTENT_BITS | int.from_bytes(both[ID_BYTES:])


def _unpacked(packed: int) -> ClosedTrade:
    dated, content = packed >> _CONTENT_BITS, packed & (1 << _CONTENT_BITS) - 1
    ordinal = dated & (1 << _DAY_BITS) - 1
    return ClosedTrade(dated >> _DAY_BITS, content, dt.date.fromordinal(ordinal))


def _text(fingerprint: bytes) -> str:
    return urlsafe_b64encode(fingerprint).decode()


def _fingerprint(trade_id: str) -> bytes:
    return hashlib.sha256(trade_id.encode()).digest()[:ID_BYTES]


def _content(trade: Trade) -> bytes:
    """Return the fingerprint of what a repeated message repeats: all but id and times."""
    terms = (trade.action, trade.portfolio, trade.instrument, trade.quantity, trade.price + 0.0)
    return hashlib.sha256(msgspec.json.encode(terms)).digest()[:CONTENT_BYTES]
