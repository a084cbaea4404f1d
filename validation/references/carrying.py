"""Days without a close: which a series is carried over, and when these are too many.

Worked out a second time from the written rules (decision 0102), day by day.

* Scenario days are the last dates up to the as-of date on which a series of the book has a
  close. A series without one is valued at its last close before.
* Monday to Friday are sessions, or what the table of the series' exchange says.
* Of any 30 consecutive scenario days, with the sessions after the last of them up to the as-of
  date, a series may miss ``max_sessions`` of its own, and as many since its last close. Those
  that miss more may move ``max_share`` of gross exposure together: a position that two of them
  move counts once.
* After its last close the book as a whole may miss ``max_sessions`` of its sessions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from validation.references.exact import Number, ReferenceInputError, exact
from validation.references.revaluation import (
    MONEY,
    Market,
    ReferencePosition,
    needed_series,
)

SPAN: Final = 30
SATURDAY: Final = 5
ONE_DAY: Final = dt.timedelta(days=1)
NEARLY: Final = 1 + Fraction(1, 10**9)
"""Two shares within this factor are equal."""


class NoVarError(ReferenceInputError):
    """So many closes are missing that a VaR must not be stated; names the series."""


@dataclass(frozen=True)
class SessionTable:
    """Sessions of an exchange from ``first`` to ``last``."""

    first: dt.date
    last: dt.date
    days: frozenset[dt.date]


@dataclass(frozen=True)
class Carrying:
    """Bounds on carried closes: sessions, and share of gross exposure.

    ``tables`` has the sessions of the exchange of a series, where one is known.
    """

    max_sessions: int = 5
    max_share: Number = 0.05
    tables: Mapping[str, SessionTable] = field(default_factory=dict)

    def is_session(self, series: str, day: dt.date) -> bool:
        """Return whether a series is expected to have a close on a day."""
        table = self.tables.get(series)
        if table is not None and table.first <= day <= table.last:
            return day in table.days
        return day.weekday() < SATURDAY


Closes = Mapping[str, Mapping[dt.date, Number]]


def later_sessions(
    names: Collection[str], last: dt.date, as_of: dt.date, carrying: Carrying
) -> list[dt.date]:
    """Return the sessions of a book after its last close, up to the as-of date."""
    days = [last + back * ONE_DAY for back in range(1, (as_of - last).days + 1)]
    return [day for day in days if any(carrying.is_session(name, day) for name in names)]


def refuse_silence(
    names: Collection[str], last: dt.date, later: Sequence[dt.date], carrying: Carrying
) -> None:
    """Refuse a book that has had no close at all for too many sessions.

    Raises
    ------
    NoVarError
        Names its series.
    """
    if len(later) > carrying.max_sessions:
        msg = f"{', '.join(sorted(names))}: no close after {last}, {len(later)} sessions ago"
        raise NoVarError(msg)


def interrupted(
    closes: Closes, days: Sequence[dt.date], as_of: dt.date, carrying: Carrying
) -> dict[str, int]:
    """Return the series that miss too many sessions, and how many they miss."""
    counts = {}
    for name, series in closes.items():
        last = max(day for day in series if day <= as_of)
        silent = len(later_sessions([name], last, as_of, carrying))
        missed = [day not in series and carrying.is_session(name, day) for day in days]
        most = max(silent, _most_within_span(missed) if sum(missed) > carrying.max_sessions else 0)
        if most > carrying.max_sessions:
            counts[name] = most
    return counts


def _most_within_span(missed: Sequence[bool]) -> int:
    return max(sum(missed[start : start + SPAN]) for start in range(len(missed)))


def refuse_interrupted(
    counts: Mapping[str, int],
    positions: Sequence[ReferencePosition],
    present: Market,
    base_currency: str,
    carrying: Carrying,
) -> None:
    """Refuse a book of which interrupted series move too large a part.

    Raises
    ------
    NoVarError
        Names them.
    """
    if not counts:
        return
    gross = moved = Fraction(0)
    for position in positions:
        series = needed_series([position], base_currency)
        if series:
            size = abs(exposure(position, present))
            gross += size
            moved += size if series & counts.keys() else 0
    if moved > exact(carrying.max_share) * gross * NEARLY:
        missed = ", ".join(f"{name} misses {count} sessions" for name, count in counts.items())
        msg = f"{missed}: {float(moved / gross):.1%} of gross exposure"
        raise NoVarError(msg)


def exposure(position: ReferencePosition, market: Market) -> Fraction:
    """Return what a position gains when all that it depends on rises by its whole value."""
    rate, units = market.rates[position.currency], market.units[position.instrument]
    if position.asset_class in MONEY:
        return units * rate
    if position.option is not None:
        option = market.options[position.instrument]
        return units * rate * exact(option.greeks().delta) * option.spot
    return units * rate * market.prices[position.instrument]
