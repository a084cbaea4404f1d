"""Splits and dividends as a run stated them: the number behind a barrier and its end of day.

Nothing lies between the two but the barrier: they have the same offsets. What splits is worth
what it was; what pays a dividend too, with the cash.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from system.contracts.messages import RiskSnapshot, SnapshotKind
from validation.verdict import Finding, judged, unknown

CHECK: Final = "expected: splits and dividends leave NAV, and splits VaR, as they were"
RELATIVE_TOLERANCE: Final = 1e-9
SPLIT: Final = "split"

Pair = tuple[RiskSnapshot, RiskSnapshot]


def check_adjusted(expected: Sequence[str], stored: Sequence[RiskSnapshot]) -> Finding:
    """Return whether each adjustment took effect, once, and what it left as it was.

    Parameters
    ----------
    expected : sequence of str
        As a snapshot names them: instrument, date, ``split 4`` or ``dividend 0.5``. Empty:
        none must take effect.
    stored : sequence of RiskSnapshot
        Every one of the run.
    """
    pairs = list(_around_barriers(stored))
    if expected and not pairs:
        return unknown(CHECK, "no number was stated between a barrier and the first tick behind it")
    behind = [after for _, after in pairs] if expected else stored
    problems = [problem for pair in pairs for problem in _changes(*pair)]
    taken = {name for after in behind for name in after.adjusted}
    problems += [f"{name} did not take effect" for name in sorted(set(expected) - taken)]
    problems += [f"{name} took effect too" for name in sorted(taken - set(expected))]
    told = ", ".join(sorted(taken)) or "none"
    return judged(
        CHECK,
        problems,
        passed=f"{told}: NAV and shares of {len(pairs)} books as they must be",
        figures={"books": len(pairs)},
    )


def _around_barriers(stored: Sequence[RiskSnapshot]) -> Iterator[Pair]:
    """Yield an end of day and the live number at the same offsets, behind an adjustment."""
    live = [snapshot for snapshot in stored if snapshot.kind is SnapshotKind.LIVE]
    for before in stored:
        if before.kind is SnapshotKind.END_OF_DAY:
            for after in live:
                same = (after.portfolio, after.offsets) == (before.portfolio, before.offsets)
                if same and after.adjustment_count > before.adjustment_count:
                    yield before, after


def _changes(before: RiskSnapshot, after: RiskSnapshot) -> Iterator[str]:
    """Yield what an adjustment changed that it must not, and shares that are others."""
    new = [_read(name) for name in after.adjusted if name not in before.adjusted]
    if not _is_close(before.nav, after.nav):
        yield f"{after.snapshot_id}: NAV {after.nav}, {before.nav} before"
    only_splits = all(what == SPLIT for _, _, what, _ in new)
    if only_splits and not _is_close(before.var or 0.0, after.var or 0.0):
        yield f"{after.snapshot_id}: VaR {after.var}, {before.var} before"
    held = {row.instrument: row.quantity for row in before.positions}
    for row in after.positions:
        ratio = Fraction(1)
        for name, _, what, size in new:
            if name == row.instrument and what == SPLIT:
                ratio *= size
        wanted = Fraction(held.get(row.instrument, row.quantity)) * ratio
        if not row.instrument.startswith("cash:") and row.quantity != float(wanted):
            yield f"{after.snapshot_id}: {row.quantity} {row.instrument}, expected {float(wanted)}"


def _read(name: str) -> tuple[str, dt.date, str, Fraction]:
    instrument, date, what, size = name.split(" ")
    return instrument, dt.date.fromisoformat(date), what, Fraction(size)


def _is_close(first: float, second: float) -> bool:
    return abs(first - second) <= RELATIVE_TOLERANCE * abs(first)
