"""Questions about risk that is not there yet, and their answers, once.

As in ``system.contracts.api``: amounts in the portfolio's base currency, losses positive for
VaR and its kin, gains positive for P&L. Nothing that is asked here changes any state.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from system.contracts.api import CurrentRisk, StreamState, View, current_risk
from system.contracts.messages import Identifier, PositionRisk, Positive, RiskSnapshot, Signed

MAX_PROPOSED_TRADES: Final = 100
"""Trades in one question: a basket, not a portfolio."""


class Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what is asked with a body."""


class ProposedTrade(Question, frozen=True, kw_only=True):
    """A trade that is not sent: quantity signed; without a price, at the newest mark."""

    instrument: Identifier
    quantity: Signed
    price: Positive | None = None


class WhatIfRequest(Question, frozen=True, kw_only=True):
    """``POST .../what-if``: trades in the order of their booking; none: the risk as it is."""

    trades: Annotated[tuple[ProposedTrade, ...], Meta(max_length=MAX_PROPOSED_TRADES)] = ()


class RiskChange(View, frozen=True, kw_only=True):
    """After less before; None where either number does not exist."""

    nav: float | None
    var: float | None
    expected_shortfall: float | None
    var_fraction: float | None
    limit_used: float | None
    gross: float | None
    net: float | None


class WhatIf(View, frozen=True, kw_only=True):
    """What proposed trades would do, at the prices, rates and closes of one snapshot.

    ``before`` states the snapshot's numbers, ``after`` those that the stream states once the
    trades are booked and nothing else has moved; both to the bit. ``trades`` carry the
    prices that they were computed at, ``positions`` what is held afterwards.
    """

    portfolio: str
    snapshot_id: str
    trades: tuple[ProposedTrade, ...]
    before: CurrentRisk
    after: CurrentRisk
    change: RiskChange
    positions: tuple[PositionRisk, ...]
    durable: bool
    stream: StreamState


def risk_change(before: CurrentRisk, after: CurrentRisk) -> RiskChange:
    """Return after less before."""
    return RiskChange(
        nav=after.nav - before.nav,
        var=_difference(before.var, after.var),
        expected_shortfall=_difference(before.expected_shortfall, after.expected_shortfall),
        var_fraction=_difference(before.var_fraction, after.var_fraction),
        limit_used=_difference(before.limit_used, after.limit_used),
        gross=exposure_total(after, "gross") - exposure_total(before, "gross"),
        net=exposure_total(after, "net") - exposure_total(before, "net"),
    )


def exposure_total(risk: CurrentRisk | RiskSnapshot, side: str) -> float:
    """Return ``long``, ``short``, ``gross`` or ``net`` exposure of all asset classes."""
    total: float = sum(getattr(row, side) for row in risk.asset_classes)
    return total


def what_if_answer(
    before: RiskSnapshot,
    after: RiskSnapshot,
    trades: tuple[ProposedTrade, ...],
    *,
    durable: bool,
    stream: StreamState,
) -> WhatIf:
    """Return the answer of two snapshots, without and with the trades."""
    old, new = current_risk(before), current_risk(after)
    return WhatIf(
        portfolio=before.portfolio,
        snapshot_id=before.snapshot_id,
        trades=trades,
        before=old,
        after=new,
        change=risk_change(old, new),
        positions=after.positions,
        durable=durable,
        stream=stream,
    )


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
