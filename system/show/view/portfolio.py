"""All that the panels draw of one portfolio's newest snapshot."""

from __future__ import annotations

from system.contracts.messages import RiskSnapshot
from system.show import format as text
from system.show.view.base import View
from system.show.view.contributors import Contributors, contributors
from system.show.view.exposure import Exposure, exposure
from system.show.view.gauge import Gauge, gauge
from system.show.view.limits import LimitRow, limit_rows
from system.show.view.provenance import (
    Fact,
    Notice,
    Stages,
    TailRow,
    facts,
    notices,
    stages,
    tail_rows,
)
from system.show.view.stressed import Stressed, stressed


class PnlNow(View, frozen=True, kw_only=True):
    """The P&L of this moment; the curve itself travels apart."""

    total: str
    total_sign: int
    day: str
    day_sign: int
    unrealised: str
    realised: str
    nav: str


class PortfolioView(View, frozen=True, kw_only=True):
    """All that the panels draw of one portfolio's newest snapshot."""

    portfolio: str
    snapshot_id: str
    currency: str
    event_clock: str
    asof: str
    pnl: PnlNow
    gauge: Gauge
    exposure: Exposure
    stressed: Stressed
    contributors: Contributors
    tail: tuple[TailRow, ...]
    facts: tuple[Fact, ...]
    notices: tuple[Notice, ...]
    stages: Stages
    limits: tuple[LimitRow, ...]


def portfolio_view(snapshot: RiskSnapshot) -> PortfolioView:
    """Return what the panels draw of a snapshot.

    Parameters
    ----------
    snapshot : RiskSnapshot
        Amounts in its base currency; VaR and its kin as losses, positive.

    Returns
    -------
    PortfolioView
        Text for people, and numbers only where a length or an order is drawn.
    """
    return PortfolioView(
        portfolio=snapshot.portfolio,
        snapshot_id=snapshot.snapshot_id,
        currency=snapshot.base_currency,
        event_clock=text.event_clock(snapshot.event_time_ns),
        asof=text.day(snapshot.asof),
        pnl=pnl_now(snapshot),
        gauge=gauge(snapshot),
        exposure=exposure(snapshot),
        stressed=stressed(snapshot),
        contributors=contributors(snapshot),
        tail=tail_rows(snapshot),
        facts=facts(snapshot),
        notices=notices(snapshot),
        stages=stages(snapshot.stages),
        limits=limit_rows(snapshot),
    )


def pnl_now(snapshot: RiskSnapshot) -> PnlNow:
    """Return the P&L against entry prices, its two parts, and the day's."""
    total = snapshot.unrealised_pnl + snapshot.realised_pnl
    return PnlNow(
        total=text.amount(total, signed=True),
        total_sign=text.sign(total),
        day=text.amount(snapshot.daily_pnl, signed=True),
        day_sign=text.sign(snapshot.daily_pnl),
        unrealised=text.amount(snapshot.unrealised_pnl, signed=True),
        realised=text.amount(snapshot.realised_pnl, signed=True),
        nav=text.amount(snapshot.nav),
    )
