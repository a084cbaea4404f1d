"""Tables that can be exported: the view of each, and its columns with their types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import pyarrow as pa

from system.store.postgres.sql import rejected_view

Row = Sequence[Any]

TEXT: Final = pa.string()
NUMBER: Final = pa.float64()
COUNT: Final = pa.int64()
FLAG: Final = pa.bool_()
DAY: Final = pa.date32()
MOMENT: Final = pa.timestamp("us", tz="UTC")
_OF_SNAPSHOT: Final = {
    "snapshot_id": TEXT,
    "portfolio": TEXT,
    "kind": TEXT,
    "event_time": MOMENT,
    "event_time_ns": COUNT,
    "day": DAY,
    "base_currency": TEXT,
}


class ExportName(StrEnum):
    """Tables of `riskstream export`."""

    SNAPSHOTS = "snapshots"
    ATTRIBUTION = "attribution"
    BREACHES = "breaches"
    LIMITS = "limits"
    REJECTED = "rejected"


@dataclass(frozen=True)
class ExportTable:
    """One table.

    Parameters
    ----------
    view : str
        View of the database, or what stands for it in a FROM clause.
    columns : mapping of str to pyarrow type
        Of the file, in order.
    order : str
        Order of the rows; an index serves it, so that the first row comes at once.
    has_event_time : bool
        Whether ``--from`` and ``--to`` are event times; else they are when rows were recorded.
    has_portfolio : bool
        Whether rows are of a portfolio.
    selected : tuple of str
        Columns of the view, where they are not those of the file.
    row : callable
        Makes the file's row of the view's.
    """

    view: str
    columns: Mapping[str, Any]
    order: str
    has_event_time: bool = True
    has_portfolio: bool = True
    selected: tuple[str, ...] = ()
    row: Callable[[Row], Row] = tuple

    @property
    def schema(self) -> pa.Schema:
        """Return the columns with their types."""
        return pa.schema(list(self.columns.items()))

    @property
    def select_list(self) -> str:
        """Return the columns of the view, quoted."""
        return ", ".join(f'"{name}"' for name in self.selected or self.columns)


def _rejected(row: Row) -> Row:
    """Return a rejected message with its detail and value out of its payload."""
    *place, reason, payload, size_bytes, sha256, recorded_at = row
    message = rejected_view(payload)
    return (*place, reason, message.detail, message.value, size_bytes, sha256, recorded_at)


_BY_TIME: Final = "portfolio, event_time_ns, snapshot_id"
TABLES: Final[Mapping[ExportName, ExportTable]] = {
    ExportName.SNAPSHOTS: ExportTable(
        "report_snapshot",
        {
            **_OF_SNAPSHOT,
            "nav": NUMBER,
            "value": NUMBER,
            "var": NUMBER,
            "expected_shortfall": NUMBER,
            "var_fraction": NUMBER,
            "var_limit_fraction": NUMBER,
            "diversification": NUMBER,
            "scenario_date": DAY,
            "daily_pnl": NUMBER,
            "unrealised_pnl": NUMBER,
            "realised_pnl": NUMBER,
            "previous_var": NUMBER,
            "hypothetical_pnl": NUMBER,
            "breach": FLAG,
            "estimator": TEXT,
            "confidence": TEXT,
            "window_size": COUNT,
            "scenario_count": COUNT,
            "tail_rank": COUNT,
            "not_available": TEXT,
            "inputs_hash": TEXT,
            "recorded_at": MOMENT,
        },
        _BY_TIME,
    ),
    ExportName.ATTRIBUTION: ExportTable(
        "report_attribution",
        {
            **_OF_SNAPSHOT,
            "var": NUMBER,
            "position_number": COUNT,
            "instrument": TEXT,
            "component_var": NUMBER,
            "share": NUMBER,
        },
        f"{_BY_TIME}, position_number",
    ),
    ExportName.BREACHES: ExportTable(
        "report_breach",
        {
            **{name: kind for name, kind in _OF_SNAPSHOT.items() if name != "kind"},
            "loss": NUMBER,
            "previous_var": NUMBER,
            "excess": NUMBER,
        },
        _BY_TIME,
    ),
    ExportName.LIMITS: ExportTable(
        "report_limit_event",
        {
            "event_id": COUNT,
            "kind": TEXT,
            "portfolio": TEXT,
            "measure": TEXT,
            "level_before": TEXT,
            "level_after": TEXT,
            "value": NUMBER,
            "warning": NUMBER,
            "breach": NUMBER,
            "snapshot_id": TEXT,
            "event_time": MOMENT,
            "event_time_ns": COUNT,
            "recorded_at": MOMENT,
            "acknowledges": COUNT,
            "actor": TEXT,
            "note": TEXT,
        },
        "event_id",
    ),
    ExportName.REJECTED: ExportTable(
        "report_rejected",
        {
            "arrival": COUNT,
            "topic": TEXT,
            "partition": COUNT,
            "offset": COUNT,
            "reason": TEXT,
            "detail": TEXT,
            "value": TEXT,
            "size_bytes": COUNT,
            "sha256": TEXT,
            "recorded_at": MOMENT,
        },
        "arrival",
        has_event_time=False,
        has_portfolio=False,
        selected=(
            "arrival",
            "topic",
            "partition",
            "offset",
            "reason",
            "payload",
            "size_bytes",
            "sha256",
            "recorded_at",
        ),
        row=_rejected,
    ),
}
