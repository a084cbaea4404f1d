"""Snapshots as the stream writes them, made from rows."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from system.contracts.messages import PositionColumns, PositionRisk, RiskSnapshot
from system.contracts.text.columns import Column, column_of

NAMES = ("instrument", "asset_class", "currency")
OPTIONAL = ("component_var", "component_es", "smoothed_share")
NUMBERS = (
    "quantity",
    "price",
    "average_cost",
    "value",
    "exposure",
    "delta",
    "unrealised_pnl",
    "realised_pnl",
)


def by_columns(snapshot: RiskSnapshot) -> RiskSnapshot:
    """Return a snapshot with its positions as columns."""
    return msgspec.structs.replace(snapshot, positions=columns_of(tuple(snapshot.positions)))


def columns_of(rows: tuple[PositionRisk, ...]) -> PositionColumns:
    """Return rows as columns; a risk that one of them lacks, none may have."""
    return PositionColumns(
        **{name: tuple(getattr(row, name) for row in rows) for name in NAMES},
        **{name: column_of(getattr(row, name) for row in rows) for name in NUMBERS},
        **{name: _optional(getattr(row, name) for row in rows) for name in OPTIONAL},
        stale_since_ns=tuple(row.stale_since_ns for row in rows),
        option={row.instrument: row.option for row in rows if row.option is not None},
    )


def _optional(values: Iterable[float | None]) -> Column | None:
    numbers = [value for value in values if value is not None]
    return column_of(numbers) if numbers else None
