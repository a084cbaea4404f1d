"""VaR against its limit: the selector's card and the gauge."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final

from system.contracts.api.risk import is_complete
from system.contracts.messages import RiskSnapshot
from system.show import format as text
from system.show.view.base import View

NEAR_LIMIT: Final = 0.8
"""Share of the limit from which a portfolio counts as near it."""
MIN_SCALE_LIMITS: Final = 2.0
"""The gauge shows at least this many limits, so that the red line stays in its middle."""
SCALE_HEADROOM: Final = 1.15


class LimitState(StrEnum):
    """State of VaR relative to the portfolio's limit."""

    WITHIN = "within"
    NEAR = "near"
    OVER = "over"
    UNKNOWN = "unknown"


class Card(View, frozen=True, kw_only=True):
    """One portfolio in the selector and on the desk.

    Numbers of ``*_amount`` (base currency), ``var_fraction`` and ``limit_used`` order the desk;
    the rest is text. ``stale`` names the instruments with stale prices.
    """

    portfolio: str
    desk: str
    currency: str
    nav: str
    nav_amount: float
    day_pnl: str
    day_amount: float | None
    day_sign: int
    var: str
    var_amount: float | None
    expected_shortfall: str
    es_amount: float | None
    var_percent: str
    var_fraction: float | None
    limit_text: str
    limit_state: LimitState
    limit_used: float | None
    used_text: str
    complete: bool
    stale: tuple[str, ...]
    not_available: str
    event_clock: str
    event_time_ns: int


class Gauge(View, frozen=True, kw_only=True):
    """VaR in percent of NAV against the limit; numbers in percent, for drawing."""

    value: float | None
    limit: float
    scale: float
    value_text: str
    limit_text: str
    state: LimitState
    state_text: str
    var: str
    expected_shortfall: str
    limit_amount: str
    confidence: str


def card(snapshot: RiskSnapshot) -> Card:
    """Return a portfolio's line in the selector and on the desk."""
    return Card(
        portfolio=snapshot.portfolio,
        desk=snapshot.desk or "",
        currency=snapshot.base_currency,
        nav=text.amount(snapshot.nav),
        nav_amount=snapshot.nav,
        day_pnl=text.amount(snapshot.daily_pnl, signed=True),
        day_amount=snapshot.daily_pnl,
        day_sign=text.sign(snapshot.daily_pnl),
        var=text.amount(snapshot.var),
        var_amount=snapshot.var,
        expected_shortfall=text.amount(snapshot.expected_shortfall),
        es_amount=snapshot.expected_shortfall,
        var_percent=text.percent(meaningful_fraction(snapshot)),
        var_fraction=meaningful_fraction(snapshot),
        limit_text=text.percent(snapshot.var_limit_fraction),
        limit_state=limit_state(snapshot),
        limit_used=_limit_used(snapshot),
        used_text=text.percent(_limit_used(snapshot), digits=0),
        complete=is_complete(snapshot),
        stale=snapshot.stale,
        not_available=snapshot.not_available,
        event_clock=text.event_clock(snapshot.event_time_ns),
        event_time_ns=snapshot.event_time_ns,
    )


def gauge(snapshot: RiskSnapshot) -> Gauge:
    """Return VaR in percent of NAV, the limit's red line and the scale they share."""
    fraction, limit = meaningful_fraction(snapshot), snapshot.var_limit_fraction
    return Gauge(
        value=None if fraction is None else fraction * 100,
        limit=limit * 100,
        scale=gauge_scale(fraction, limit) * 100,
        value_text=text.percent(fraction),
        limit_text=text.percent(limit),
        state=limit_state(snapshot),
        state_text=limit_sentence(snapshot),
        var=text.amount(snapshot.var),
        expected_shortfall=text.amount(snapshot.expected_shortfall),
        limit_amount=text.amount(limit * snapshot.nav if snapshot.nav > 0 else None),
        confidence=text.confidence_label(snapshot.confidence),
    )


def gauge_scale(fraction: float | None, limit: float) -> float:
    """Return the gauge's full scale: a round number that holds VaR and twice the limit.

    Parameters
    ----------
    fraction : float or None
        VaR / NAV; negative where the book cannot lose.
    limit : float
        VaR limit / NAV, positive.

    Examples
    --------
    >>> gauge_scale(0.013, 0.02), gauge_scale(0.068, 0.02)
    (0.04, 0.08)
    """
    least = MIN_SCALE_LIMITS * limit
    wanted = (fraction or 0.0) * SCALE_HEADROOM
    steps = math.ceil(wanted / least - 1e-9)
    return least * max(1, steps)


def meaningful_fraction(snapshot: RiskSnapshot) -> float | None:
    """Return VaR / NAV, or None where NAV is not positive or VaR does not exist."""
    return snapshot.var_fraction if snapshot.nav > 0 else None


def limit_state(snapshot: RiskSnapshot) -> LimitState:
    """Return where VaR stands: over means strictly above the limit."""
    used = _limit_used(snapshot)
    if used is None:
        return LimitState.UNKNOWN
    if used > 1:
        return LimitState.OVER
    return LimitState.NEAR if used >= NEAR_LIMIT else LimitState.WITHIN


def limit_sentence(snapshot: RiskSnapshot) -> str:
    """Return where VaR stands against the limit, in words: colour alone says nothing."""
    fraction = meaningful_fraction(snapshot)
    if snapshot.var is None:
        return "VaR is not available"
    if fraction is None:
        return "Not meaningful: NAV is not positive"
    gap = text.percentage_points(fraction - snapshot.var_limit_fraction)
    used = f"{text.amount(fraction / snapshot.var_limit_fraction * 100)}{text.NARROW_SPACE}%"
    words = {
        LimitState.OVER: f"Over the limit by {gap}",
        LimitState.NEAR: f"Near the limit, {gap} left",
        LimitState.WITHIN: f"Within the limit, {gap} left",
    }
    return f"{words[limit_state(snapshot)]} ({used} used)"


def _limit_used(snapshot: RiskSnapshot) -> float | None:
    fraction = meaningful_fraction(snapshot)
    return None if fraction is None else fraction / snapshot.var_limit_fraction
