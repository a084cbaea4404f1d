"""When trades are closed, by the written rules: the second opinion.

* A trade is closed at the tenth mark after that of the session in which its first version came.
* A later version than the one that a trade has when it is closed is rejected (late); that one and
  any before are repeated as ever.
* Positions of a book that is known, other than those before, are rejected (late) as of a moment
  before the newest mark whose trades are closed, or on its day in UTC.
* A statement contains every trade that was closed before it came, whatever time the trade states.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from system.contracts.messages import Mark, Portfolio, Trade

OPEN_MARKS: Final = 10
"""Marks after that of its session at the last of which a trade is closed."""
EPOCH: Final = dt.date(1970, 1, 1)
DAY_NS: Final = 86_400_000_000_000


def closed_until(marks: Iterable[dt.date], day: dt.date | None) -> dt.date:
    """Return the mark in front of which all trades are closed when a day is; the first date: none.

    Parameters
    ----------
    marks : iterable of date
        Of all days that are ever closed.
    day : date or None
        The last day that was closed; None: none was.
    """
    passed = sorted(mark for mark in marks if day is not None and mark <= day)
    return passed[-1 - OPEN_MARKS] if len(passed) > OPEN_MARKS else dt.date.min


class Closing:
    """Marks and trades of one partition, as far as closing needs them."""

    def __init__(self) -> None:
        self._marks: list[Mark] = []
        self._marks_before: dict[str, int] = {}

    def close(self, mark: Mark) -> None:
        """Note a mark that closes a day."""
        self._marks.append(mark)

    def add(self, trade: Trade) -> None:
        """Note a trade that was applied."""
        self._marks_before.setdefault(trade.trade_id, len(self._marks))

    def is_late(self, trade: Trade, before: Trade | None) -> bool:
        """Return whether a message changes a trade that is closed."""
        if before is None or trade.version <= before.version:
            return False
        return self._marks_before[trade.trade_id] < len(self._marks) - OPEN_MARKS

    def contains(self, portfolio: Portfolio) -> bool:
        """Return whether positions are as of a moment that is not after the closed trades."""
        if portfolio.as_of_day is not None:
            day = portfolio.as_of_day
            moment_ns = ((day - EPOCH).days + 1) * DAY_NS - 1
        elif portfolio.as_of_ns is not None:
            moment_ns = portfolio.as_of_ns
            day = EPOCH + dt.timedelta(days=moment_ns // DAY_NS)
        else:
            return False
        if len(self._marks) <= OPEN_MARKS:
            return False
        closed = self._marks[-1 - OPEN_MARKS]
        return day <= closed.date or moment_ns < closed.event_time_ns
