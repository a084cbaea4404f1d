"""Questions about risk that is not there yet, and their answers, once.

As in ``system.contracts.api.risk``: amounts in the portfolio's base currency, losses positive for
VaR and its kin, gains positive for P&L. Nothing that is asked here changes any state.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

from system.contracts.api.risk import CurrentRisk, StreamState, View, current_risk
from system.contracts.currencies import IsoCurrency
from system.contracts.messages import (
    AssetClass,
    PositionRisk,
    Positive,
    RiskSnapshot,
    Signed,
)
from system.contracts.text.checked import Checked
from system.contracts.text.names import Identifier

MAX_PROPOSED_TRADES: Final = 100
"""Trades in one question: a basket, not a portfolio."""
MAX_SHOCKS: Final = 100


class Question(Checked, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
    """Risk with proposed trades, at the prices, rates and closes of one snapshot.

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
    """Return ``long``, ``short``, ``gross`` or ``net`` exposure of what is invested: cash apart."""
    invested = (row for row in risk.asset_classes if row.asset_class is not AssetClass.CASH)
    total: float = sum(getattr(row, side) for row in invested)
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
        positions=tuple(after.positions),
        durable=durable,
        stream=stream,
    )


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


class Shock(Question, frozen=True, kw_only=True):
    """One move of a scenario: of an instrument, an asset class, a currency, or of all prices.

    ``move`` is relative (-0.1 = a tenth down), or with ``absolute`` an amount: the
    instrument's currency for prices; base currency per unit of ``currency``; volatility per
    year (0.05 = five points). A currency's move is that of its value in the portfolio's base
    currency. With ``volatility`` the shock is not of prices but of the volatility of options:
    those on ``instrument`` (or that option itself), those whose underlying is of
    ``asset_class``, or all. Several shocks of the same thing come one after the other.
    """

    move: Signed
    absolute: bool = False
    instrument: Identifier | None = None
    asset_class: AssetClass | None = None
    currency: IsoCurrency | None = None
    volatility: bool = False

    def __post_init__(self) -> None:
        """Refuse two targets at once, and the volatility of a currency.

        Raises
        ------
        ValueError
            If there is more than one target, or the volatility of a currency is shocked.
        """
        super().__post_init__()
        targets = (self.instrument, self.asset_class, self.currency)
        named = [str(target) for target in targets if target is not None]
        if len(named) > 1:
            msg = f"a shock moves one thing, not {' and '.join(named)}: give several shocks"
            raise ValueError(msg)
        if self.volatility and self.currency is not None:
            msg = (
                f"volatility of currency {self.currency}: a shock of volatility is of the options "
                "on an instrument, on an asset class, or of all"
            )
            raise ValueError(msg)


class ScenarioRequest(Question, frozen=True, kw_only=True):
    """``POST .../scenarios``: shocks in their order, or the moves of a day of history."""

    shocks: Annotated[tuple[Shock, ...], Meta(max_length=MAX_SHOCKS)] = ()
    day: dt.date | None = None

    def __post_init__(self) -> None:
        """Refuse both, and neither.

        Raises
        ------
        ValueError
            If there are both shocks and a day, or neither.
        """
        super().__post_init__()
        if bool(self.shocks) == (self.day is not None):
            msg = "give either shocks, or a day of history"
            raise ValueError(msg)


class ScenarioRow(View, frozen=True, kw_only=True):
    """Profit (+) or loss (-) of one position in a scenario, base currency."""

    instrument: str
    asset_class: AssetClass
    value: float
    pnl: float


class Scenario(View, frozen=True, kw_only=True):
    """``POST .../scenarios``: the P&L of today's positions at today's prices, fully revalued.

    Rows worst first; they add up to ``pnl``. ``pnl_fraction`` is of NAV, None where that is
    not positive. ``var_multiple`` is the loss in units of the present VaR, None where VaR is
    not positive. ``day`` and ``day_before`` are the closes of a day of history. ``unmoved``
    says of each shock that moved nothing in the book why it did not.
    """

    portfolio: str
    snapshot_id: str
    base_currency: str
    nav: float
    pnl: float
    pnl_fraction: float | None
    var_multiple: float | None
    rows: tuple[ScenarioRow, ...]
    day: dt.date | None
    day_before: dt.date | None
    durable: bool
    stream: StreamState
    unmoved: tuple[str, ...] = ()


class ReverseStress(View, frozen=True, kw_only=True):
    """``GET .../reverse-stress``: the smallest uniform move of all prices that loses ``loss``.

    ``move`` is relative; rates stay. None where no move between ``lowest`` and ``highest``
    loses as much; ``worst_pnl`` is the worst that was found then, at ``worst_move``.
    """

    portfolio: str
    snapshot_id: str
    base_currency: str
    nav: float
    loss: float
    move: float | None
    pnl: float | None
    rows: tuple[ScenarioRow, ...]
    lowest: float
    highest: float
    worst_move: float
    worst_pnl: float
    durable: bool
    stream: StreamState


class ChangeStep(StrEnum):
    """Inputs that are substituted step by step to explain a change, in this order."""

    POSITIONS = "positions"
    CORPORATE_ACTIONS = "corporate_actions"
    PRICES = "prices"
    VOLATILITY = "volatility"
    TIME = "time"
    FX = "fx"
    WINDOW = "window"
    SETTINGS = "settings"


class VarStep(View, frozen=True, kw_only=True):
    """VaR once one more input is that of the later snapshot, computed anew and in full.

    ``changed`` says whether the input differs at all: where not, ``change`` is exactly 0.
    None with a reason in ``not_available`` where VaR does not exist on the way.
    """

    step: ChangeStep
    changed: bool
    var: float | None
    change: float | None
    not_available: str = ""


class VarChange(View, frozen=True, kw_only=True):
    """``GET .../var/change``: what changed VaR between two snapshots, step by step.

    ``var_before`` and the last step's VaR are those that the snapshots state, to the bit.
    Each is in the base currency of its snapshot; the last step is the one that changes it.
    """

    portfolio: str
    from_id: str
    to_id: str
    from_time_ns: int
    to_time_ns: int
    base_currency: str
    var_before: float | None
    var_after: float | None
    change: float | None
    steps: tuple[VarStep, ...]
