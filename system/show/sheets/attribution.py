"""Who carried the risk: component VaR and exposure by position over the days, and now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from system.contracts.messages import AssetClass, PositionRisk, RiskSnapshot
from system.show import format as text
from system.show.sheets.contents import HeatMap, MapRow, darkest

ROWS_SHOWN: Final = 25
BASIS_POINTS: Final = 10_000
NOW: Final = "now"


def component_map(days: Sequence[RiskSnapshot], newest: RiskSnapshot) -> HeatMap:
    """Return component VaR by position at each close and now, basis points of NAV.

    Parameters
    ----------
    days : sequence of RiskSnapshot
        Ends of day, oldest first.
    newest : RiskSnapshot
        Of the same portfolio.
    """
    return _map(
        "Component VaR by position",
        "orange adds to VaR, blue takes it away; basis points of NAV",
        (days, newest),
        lambda row: row.component_var,
    )


def exposure_map(days: Sequence[RiskSnapshot], newest: RiskSnapshot) -> HeatMap:
    """Return exposure by position at each close and now, basis points of NAV; cash is none.

    Parameters
    ----------
    days : sequence of RiskSnapshot
        Ends of day, oldest first.
    newest : RiskSnapshot
        Of the same portfolio.
    """
    drawn = _map(
        "Exposure by position",
        "blue is long, orange is short; basis points of NAV",
        (days, newest),
        lambda row: None if row.asset_class is AssetClass.CASH else row.exposure,
    )
    return msgspec.structs.replace(drawn, positive="hedge")


def _map(
    title: str,
    words: str,
    snapshots: tuple[Sequence[RiskSnapshot], RiskSnapshot],
    number: Callable[[PositionRisk], float | None],
) -> HeatMap:
    days, newest = snapshots
    columns = [*(text.day(snapshot.asof) for snapshot in days), NOW]
    parts = [_basis_points(snapshot, number) for snapshot in (*days, newest)]
    names = heaviest(parts)
    rows = tuple(
        MapRow(name=name, cells=tuple(part.get(name) for part in parts))
        for name in names[:ROWS_SHOWN]
    )
    left_out = len(names) - len(rows)
    return HeatMap(
        title=title,
        words=words,
        columns=tuple(columns),
        rows=rows,
        scale=darkest(rows),
        unit="bp",
        note=f"{len(rows)} largest, {left_out} left out" if left_out else f"{len(days)} closes",
        empty="No position has this number.",
    )


def heaviest(parts: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the names with the largest sum of sizes first, those without any left out."""
    weights: dict[str, float] = {}
    for part in parts:
        for name, size in part.items():
            weights[name] = weights.get(name, 0.0) + abs(size)
    return sorted(
        (name for name in weights if weights[name]), key=lambda name: (-weights[name], name)
    )


def _basis_points(
    snapshot: RiskSnapshot, number: Callable[[PositionRisk], float | None]
) -> dict[str, float]:
    if snapshot.nav <= 0:
        return {}
    numbers = ((row.instrument, number(row)) for row in snapshot.positions)
    return {name: size / snapshot.nav * BASIS_POINTS for name, size in numbers if size is not None}
