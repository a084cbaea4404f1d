"""Answers of the API about a portfolio's P&L: realised, unrealised, of the day, explained."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Final

from system.contracts.api.risk import CurrentRisk, StreamState, View
from system.contracts.measures import ExplainedPnl
from system.contracts.messages import SnapshotKind

TOTAL: Final = "total"
PARTS: Final = ("delta", "gamma", "vega", "theta", "fx", "unexplained")
"""Of an option's P&L, in the order in which they are shown; they add up to ``actual``."""


class PnlExplained(View, frozen=True, kw_only=True):
    """``GET .../pnl``: a portfolio's P&L, gains positive, base currency.

    ``realised_pnl`` and ``unrealised_pnl`` count from the entry prices. ``actual_pnl`` is the
    NAV's change since the close of ``since`` (at an end of day: since the one before, and
    ``since`` is None), trades among it; ``hypothetical_pnl`` that of the positions held
    then, unchanged: stated at each end of day, None in between, with the ``previous_var``
    that it is judged by. ``options`` explains what each option held at the
    close has gained since, ``options_total`` is their sum, and ``other_pnl`` the rest of
    ``actual_pnl``: everything that is no option, and trades. None where it does not exist.
    """

    portfolio: str
    snapshot_id: str
    event_time_ns: int
    base_currency: str
    since: dt.date | None
    realised_pnl: float
    unrealised_pnl: float
    actual_pnl: float | None
    hypothetical_pnl: float | None
    previous_var: float | None
    breach: bool | None
    options: tuple[ExplainedPnl, ...]
    options_total: ExplainedPnl | None
    other_pnl: float | None
    durable: bool
    stream: StreamState


def pnl_explained(risk: CurrentRisk, *, durable: bool, stream: StreamState) -> PnlExplained:
    """Return the P&L of a portfolio's current risk, part by part."""
    total = total_of(risk.option_pnl)
    other = None
    if risk.daily_pnl is not None:
        other = risk.daily_pnl - (0.0 if total is None else total.actual)
    return PnlExplained(
        portfolio=risk.portfolio,
        snapshot_id=risk.snapshot_id,
        event_time_ns=risk.event_time_ns,
        base_currency=risk.base_currency,
        since=risk.asof if risk.kind is SnapshotKind.LIVE else None,
        realised_pnl=risk.realised_pnl,
        unrealised_pnl=risk.unrealised_pnl,
        actual_pnl=risk.daily_pnl,
        hypothetical_pnl=risk.hypothetical_pnl,
        previous_var=risk.previous_var,
        breach=risk.breach,
        options=risk.option_pnl,
        options_total=total,
        other_pnl=other,
        durable=durable,
        stream=stream,
    )


def total_of(rows: Sequence[ExplainedPnl]) -> ExplainedPnl | None:
    """Return the sum of several options' P&L, part by part; None without any."""
    if not rows:
        return None
    sums = {name: math.fsum(getattr(row, name) for row in rows) for name in ("actual", *PARTS)}
    return ExplainedPnl(instrument=TOTAL, **sums)
