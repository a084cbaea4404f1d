"""The end-of-day history of one portfolio: VaR against P&L, breaches, who carried the risk."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Final, Self

import numpy as np
from msgspec import Struct

from system.backtest.statistics.eprocess import LEVEL, coverage_evidence
from system.contracts.api.risk import SnapshotPoint
from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.show import format as text

MAX_DAYS: Final = 260
HEAT_DAYS: Final = 30
HEAT_ROWS: Final = 12
BASIS_POINTS: Final = 10_000
REJECTED_AT: Final = 1.0 / LEVEL
"""The e-value at which the promised rate is rejected at 5 %, whenever one looks."""


class Day(Struct, frozen=True, kw_only=True):
    """One end of day.

    ``pnl`` is the hypothetical P&L, of the positions held at the close before, ``actual`` the
    NAV's change, trades among it; ``var`` is what was stated then (a loss, positive),
    ``breach`` whether the hypothetical loss was strictly greater. ``bp_of_nav`` maps
    instruments to component VaR in basis points of NAV.
    """

    date: dt.date
    pnl: float | None
    var: float | None
    breach: bool | None
    bp_of_nav: dict[str, float]
    actual: float | None = None

    @classmethod
    def of_snapshot(cls, snapshot: RiskSnapshot) -> Self | None:
        """Return the day of an end-of-day snapshot, else None."""
        components = {row.instrument: row.component_var for row in snapshot.positions}
        return cls._of(snapshot, components)

    @classmethod
    def of_point(cls, point: SnapshotPoint) -> Self | None:
        """Return the day of a point of the stored series, else None."""
        return cls._of(point, point.component_var or {})

    @classmethod
    def _of(
        cls, record: RiskSnapshot | SnapshotPoint, components: Mapping[str, float | None]
    ) -> Self | None:
        if record.kind is not SnapshotKind.END_OF_DAY or record.asof is None:
            return None
        return cls(
            date=record.asof,
            pnl=record.hypothetical_pnl,
            var=record.previous_var,
            breach=record.breach,
            bp_of_nav=_basis_points(components, record.nav),
            actual=record.daily_pnl,
        )


class DayRow(Struct, frozen=True, kw_only=True):
    """One day on the chart: hypothetical and actual P&L, and the words of its tooltip."""

    date: str
    pnl: float | None
    actual: float | None
    var: float | None
    breach: bool
    note: str


class HeatRow(Struct, frozen=True, kw_only=True):
    """One position over the days: component VaR in basis points of NAV, None: not held."""

    instrument: str
    cells: tuple[float | None, ...]


class DaysView(Struct, frozen=True, kw_only=True):
    """The breach chart and the heat map of one portfolio."""

    days: tuple[DayRow, ...]
    breach_count: int
    judged_count: int
    sentence: str
    expectation: str
    heat_dates: tuple[str, ...]
    heat_rows: tuple[HeatRow, ...]
    heat_scale: float
    heat_left_out: int


class DayHistory:
    """The newest ``MAX_DAYS`` ends of day, one per date."""

    def __init__(self) -> None:
        self._days: dict[dt.date, Day] = {}
        self.version = 0

    def add(self, day: Day | None) -> None:
        """Take a day; the same date replaces, None changes nothing."""
        if day is None or self._days.get(day.date) == day:
            return
        self._days[day.date] = day
        self._days = dict(sorted(self._days.items())[-MAX_DAYS:])
        self.version += 1

    def newest_first(self) -> tuple[Day, ...]:
        """Return the days, newest first."""
        return tuple(reversed(self._days.values()))

    def view(self, scenario_count: int, tail_rank: int, confidence: str) -> DaysView:
        """Return what the two panels draw.

        Parameters
        ----------
        scenario_count, tail_rank : int
            n and k of the estimator: a correct one breaches on k / (n + 1) of days.
        confidence : str
            What it promises, such as ``"0.95"``.
        """
        days = tuple(self._days.values())
        judged = [day for day in days if day.breach is not None]
        breaches = sum(1 for day in judged if day.breach)
        shown = days[-HEAT_DAYS:]
        names, left_out = _heaviest(shown)
        rows = tuple(_heat_row(name, shown) for name in names)
        return DaysView(
            days=tuple(map(_day_row, days)),
            breach_count=breaches,
            judged_count=len(judged),
            sentence=breach_sentence(breaches, len(judged)),
            expectation=_joined(
                expected_breaches(len(judged), scenario_count, tail_rank, confidence),
                coverage_words(
                    [bool(day.breach) for day in judged], scenario_count, tail_rank, confidence
                ),
            ),
            heat_dates=tuple(day.date.isoformat() for day in shown),
            heat_rows=rows,
            heat_scale=max((abs(cell or 0.0) for row in rows for cell in row.cells), default=0.0),
            heat_left_out=left_out,
        )


def breach_sentence(breaches: int, judged: int) -> str:
    """Return the breach count in words, without claiming more than was judged."""
    if not judged:
        return "No day has been judged yet"
    word = "breach" if breaches == 1 else "breaches"
    days = "day" if judged == 1 else "days"
    return f"{breaches} {word} in {judged} {days} ({text.percent(breaches / judged, digits=1)})"


def expected_breaches(judged: int, scenario_count: int, tail_rank: int, confidence: str) -> str:
    """Return what a correct estimator of n and k would breach, beside what is promised.

    Examples
    --------
    >>> expected_breaches(62, 30, 2, "0.95").replace(text.NARROW_SPACE, " ")
    'a correct 2nd-worst of 30 breaches 6.5 % of days (4.0 in 62); 95 % VaR promises 5 % (3.1)'
    """
    if not scenario_count:
        return ""
    rate, promised = tail_rank / (scenario_count + 1), 1 - float(confidence)
    rank = f"{_ordinal(tail_rank)}-worst of {scenario_count}"
    return (
        f"a correct {rank} breaches {text.percent(rate, digits=1)} of days"
        f" ({rate * judged:.1f} in {judged}); {text.confidence_label(confidence)} VaR promises"
        f" {promised * 100:.3g}{text.NARROW_SPACE}% ({promised * judged:.1f})"
    )


def coverage_words(
    breaches: Sequence[bool], scenario_count: int, tail_rank: int, confidence: str
) -> str:
    """Return the live evidence against the promised rate, which may be looked at every day.

    Parameters
    ----------
    breaches : sequence of bool
        Of the judged days, oldest first.
    scenario_count, tail_rank, confidence
        As for `expected_breaches`.

    Returns
    -------
    str
        The e-value (the promise is rejected where it reaches ``REJECTED_AT``), beside the one to
        be expected of a correct estimator; empty before the first judged day.
    """
    if not scenario_count or not breaches:
        return ""
    evidence = coverage_evidence(
        np.array(breaches, dtype=np.bool_),
        1 - float(confidence),
        expected_rate=tail_rank / (scenario_count + 1),
    )
    assert evidence.expected_log_wealth is not None, "it was asked for"
    expected = math.exp(float(evidence.expected_log_wealth[-1]))
    verdict = "rejected" if evidence.largest_e_value >= REJECTED_AT else "not rejected"
    return (
        f"evidence against the promise: e-value {evidence.e_value:.2g}, {verdict}"
        f" ({REJECTED_AT:.0f} rejects; a correct estimator is expected at {expected:.2g})"
    )


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _ordinal(rank: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{'th' if 11 <= rank % 100 <= 13 else suffix}"


def _basis_points(components: Mapping[str, float | None], nav: float) -> dict[str, float]:
    if nav <= 0:
        return {}
    return {
        name: component / nav * BASIS_POINTS
        for name, component in components.items()
        if component is not None
    }


def _day_row(day: Day) -> DayRow:
    verdict = {True: "breach", False: "no breach", None: "not judged"}[day.breach]
    pnl, var = text.amount(day.pnl, signed=True), text.amount(day.var)
    actual = text.amount(day.actual, signed=True)
    return DayRow(
        date=day.date.isoformat(),
        pnl=day.pnl,
        var=day.var,
        breach=bool(day.breach),
        actual=day.actual,
        note=(
            f"{day.date}: P&L {pnl} on unchanged positions, {actual} with the day's trades, VaR "
            f"stated before {var}: {verdict}"
        ),
    )


def _heaviest(days: tuple[Day, ...]) -> tuple[list[str], int]:
    weight: dict[str, float] = {}
    for day in days:
        for name, bp in day.bp_of_nav.items():
            weight[name] = weight.get(name, 0.0) + abs(bp)
    carrying = [name for name, total in weight.items() if total]
    ordered = sorted(carrying, key=lambda name: (-weight[name], name))
    return ordered[:HEAT_ROWS], max(0, len(ordered) - HEAT_ROWS)


def _heat_row(name: str, days: tuple[Day, ...]) -> HeatRow:
    cells = (day.bp_of_nav.get(name) for day in days)
    return HeatRow(
        instrument=name,
        cells=tuple(None if cell is None else math.floor(cell * 100 + 0.5) / 100 for cell in cells),
    )
