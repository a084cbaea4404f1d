"""Which positions cause the risk."""

from __future__ import annotations

import math
from typing import Final

from system.contracts.messages import PositionRisk, RiskSnapshot
from system.show import format as text
from system.show.view.base import ASSET_CLASS_NAMES, View

TOP_CONTRIBUTORS: Final = 5


class Contributor(View, frozen=True, kw_only=True):
    """One position: its size and its part of VaR; ``delta`` and ``component`` sort.

    ``delta`` is in cash, what a move of the whole price would make: delta per 1.0 of price
    times the price, base currency; of an option per 1.0 of the underlying's price, times
    that. Only so do a share, a future and an option compare.
    """

    instrument: str
    asset_class: str
    quantity: str
    price: str
    pnl: str
    pnl_sign: int
    delta: float
    delta_text: str
    delta_note: str
    component: float | None
    component_text: str
    share: float | None
    share_text: str
    smoothed_text: str
    es_share_text: str
    stale: str


class Contributors(View, frozen=True, kw_only=True):
    """Every position, largest component VaR first; the panel shows the first five."""

    rows: tuple[Contributor, ...]
    top_count: int
    top_share: str


def contributors(snapshot: RiskSnapshot) -> Contributors:
    """Return every position by component VaR, and what the first five carry of VaR."""
    base_cash = f"cash:{snapshot.base_currency}"
    ordered = sorted(snapshot.positions, key=lambda row: _rank_key(row, base_cash))
    top = ordered[:TOP_CONTRIBUTORS]
    carried = math.fsum(row.component_var or 0.0 for row in top)
    return Contributors(
        rows=tuple(contributor(row, snapshot) for row in ordered),
        top_count=len(top),
        top_share=text.percent(_share(carried, snapshot.var), digits=0),
    )


def contributor(row: PositionRisk, snapshot: RiskSnapshot) -> Contributor:
    """Return one position; shares of a VaR that is not positive are not meaningful."""
    pnl = row.unrealised_pnl + row.realised_pnl
    spot = row.price if row.option is None else row.option.spot
    of_what = "price" if row.option is None else row.option.underlying
    cash_delta = row.delta * spot
    share = _share(row.component_var, snapshot.var)
    return Contributor(
        instrument=row.instrument,
        asset_class=ASSET_CLASS_NAMES[row.asset_class],
        quantity=text.quantity(row.quantity),
        price=text.price(row.price),
        pnl=text.amount(pnl, signed=True),
        pnl_sign=text.sign(pnl),
        delta=cash_delta,
        delta_text=text.amount(cash_delta),
        delta_note=(
            f"{text.amount(row.delta, digits=2)} {snapshot.base_currency} per 1.0 of {of_what}"
        ),
        component=row.component_var,
        component_text=text.amount(row.component_var),
        share=share,
        share_text=text.percent(share, digits=1),
        smoothed_text=text.percent(row.smoothed_share, digits=1),
        es_share_text=text.percent(_share(row.component_es, snapshot.expected_shortfall), digits=1),
        stale="" if row.stale_since_ns is None else text.event_time(row.stale_since_ns),
    )


def _rank_key(row: PositionRisk, base_cash: str) -> tuple[bool, bool, float, str]:
    """Return the order: largest part first; then the unknown; cash that cannot lose last."""
    component = row.component_var
    is_base_cash = row.instrument == base_cash
    return (is_base_cash, component is None, -(component or 0.0), row.instrument)


def _share(part: float | None, whole: float | None) -> float | None:
    if part is None or whole is None or whole <= 0:
        return None
    return part / whole
