"""Long, short and gross by asset class."""

from __future__ import annotations

import math
from collections.abc import Sequence

from system.contracts.messages import AssetClass, AssetClassRisk, RiskSnapshot
from system.show import format as text
from system.show.view.base import ASSET_CLASS_NAMES, View


class ExposureRow(View, frozen=True, kw_only=True):
    """Long, short and gross of one asset class; ``*_text`` in base currency."""

    name: str
    long: float
    short: float
    net: float
    long_text: str
    short_text: str
    gross_text: str
    net_text: str
    gross_percent: str
    var_text: str


class Exposure(View, frozen=True, kw_only=True):
    """Every asset class held, in fixed order, and their sum; ``scale`` is the widest bar.

    Cash stands apart and outside the sum: what a position was paid with is no exposure.
    """

    rows: tuple[ExposureRow, ...]
    total: ExposureRow
    cash: ExposureRow | None
    scale: float
    diversification: str


def exposure(snapshot: RiskSnapshot) -> Exposure:
    """Return long, short and gross by asset class; a class that is not held is left out."""
    held = [row for row in snapshot.asset_classes if row.gross]
    invested = [row for row in held if row.asset_class is not AssetClass.CASH]
    ordered = sorted(invested, key=lambda row: list(ASSET_CLASS_NAMES).index(row.asset_class))
    rows = tuple(exposure_row(row, snapshot.nav) for row in ordered)
    cash = (row for row in held if row.asset_class is AssetClass.CASH)
    return Exposure(
        rows=rows,
        total=_exposure_total(invested, snapshot),
        cash=next((exposure_row(row, snapshot.nav) for row in cash), None),
        scale=max((max(row.long, row.short) for row in rows), default=0.0),
        diversification=text.amount(snapshot.diversification, signed=True),
    )


def exposure_row(risk: AssetClassRisk, nav: float) -> ExposureRow:
    """Return one asset class; a short is drawn to the left and written with a minus."""
    name = ASSET_CLASS_NAMES[risk.asset_class]
    return _exposure_row(name, risk.long, abs(risk.short), risk.var, nav)


def _exposure_total(rows: Sequence[AssetClassRisk], snapshot: RiskSnapshot) -> ExposureRow:
    long = math.fsum(row.long for row in rows)
    short = math.fsum(abs(row.short) for row in rows)
    return _exposure_row("Total", long, short, snapshot.var, snapshot.nav)


def _exposure_row(
    name: str, long: float, short: float, var: float | None, nav: float
) -> ExposureRow:
    return ExposureRow(
        name=name,
        long=long,
        short=short,
        net=long - short,
        long_text=text.amount(long),
        short_text=text.amount(-short),
        gross_text=text.amount(long + short),
        net_text=text.amount(long - short, signed=True),
        gross_percent=text.percent((long + short) / nav if nav > 0 else None, digits=0),
        var_text=text.amount(var),
    )
