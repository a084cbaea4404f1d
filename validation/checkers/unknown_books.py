"""Books that may lack a trade: no risk is stated of them, and the positions that are known stay.

Where trades or definitions are lost and a person goes on without them (docs/recovery.md), each
number of a later driver must say so until positions are stated again. Stories state none again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

from system.contracts.messages import RiskSnapshot, SnapshotKind
from validation.checkers.end_of_day import Days, EndOfDay
from validation.verdict import Finding, judged, unknown

CHECK: Final = "lost trades: no risk is stated of a book that may lack one"


def check_unknown(stored: Sequence[RiskSnapshot], *, behind_fence: int) -> Finding:
    """Return whether every number behind a loss states no risk, and says why.

    Parameters
    ----------
    stored : sequence of RiskSnapshot
        Every snapshot in PostgreSQL.
    behind_fence : int
        Drivers with a higher fence lack messages.
    """
    later = [snapshot for snapshot in stored if snapshot.fence > behind_fence]
    if not later:
        return unknown(CHECK, "no snapshot was stored behind the loss")
    problems = [
        f"{snapshot.snapshot_id}: VaR {snapshot.var}"
        for snapshot in later
        if snapshot.var is not None
    ]
    problems += [
        f"{snapshot.snapshot_id}: trades may be missing, and it does not say so"
        for snapshot in later
        if not snapshot.positions_unknown
    ]
    return judged(CHECK, problems, passed=f"{len(later)} of {len(stored)} snapshots")


def without_risk(
    expected: Days, stored: Sequence[RiskSnapshot], *, behind_fence: int
) -> dict[tuple[str, dt.date], EndOfDay]:
    """Return expected ends of day: those behind a loss have a value, and no risk.

    The value is that of the trades that were accepted: no position is invented, none is dropped.

    Parameters
    ----------
    expected : mapping
        As if nothing had been lost.
    stored : sequence of RiskSnapshot
        Tells which days a later driver has closed.
    behind_fence : int
        As ``check_unknown``.
    """
    closed_by = _fences(stored)
    return {
        key: day if closed_by.get(key, 0) <= behind_fence else EndOfDay(var=None, nav=day.nav)
        for key, day in expected.items()
    }


def _fences(stored: Sequence[RiskSnapshot]) -> Mapping[tuple[str, dt.date], int]:
    return {
        (snapshot.portfolio, snapshot.asof): snapshot.fence
        for snapshot in stored
        if snapshot.kind is SnapshotKind.END_OF_DAY and snapshot.asof is not None
    }
