"""Measures of a snapshot besides VaR: options, Greeks, stressed windows, P&L explained.

Parts of `system.contracts.messages.RiskSnapshot`. Amounts are in the portfolio's base currency
unless a field says otherwise; VaR and its kin are losses, positive.
"""

from __future__ import annotations

import datetime as dt

from msgspec import Struct


class Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the parts: immutable and strict."""


class Greeks(Part, frozen=True, kw_only=True):
    """Sensitivities in shown units.

    Delta per 1.0 of spot, gamma per 1.0 squared, vega per volatility point (0.01), theta
    per calendar day, rho per 1 % (0.01) of interest.
    """

    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


class OptionRisk(Part, frozen=True, kw_only=True):
    """Valuation inputs of an option, and its Greeks.

    ``spot`` (of the underlying) and ``unit`` (Greeks of 1.0 of quantity, multiplier not
    counted) are in the option's currency; ``position`` is in base currency. ``volatility``
    is per year: implied from the option's own price where ``is_implied``, else that of its
    reference data. ``is_outside_model``: its own price is one that no volatility gives, such
    as 0 or less than exercise brings; it is worth that price, and scenarios change it at the
    volatility of the reference data. ``moves_volatility``: whether scenarios move it.
    ``days_to_expiry`` 0: its last day, worth its intrinsic value; below 0: expired, worth
    that at the underlying's close on its last day.
    """

    underlying: str
    spot: float
    volatility: float | None
    is_implied: bool
    moves_volatility: bool
    days_to_expiry: int
    unit: Greeks | None
    position: Greeks | None
    is_outside_model: bool = False


class UnderlyingGreeks(Part, frozen=True, kw_only=True):
    """Greeks of all that depends on one underlying, base currency.

    ``delta_cash`` is the gain per 100 % of the spot, ``gamma_cash`` the change of
    ``delta_cash`` per 1 % of the spot; the others as in `Greeks`.
    """

    underlying: str
    spot: float
    delta: float
    delta_cash: float
    gamma: float
    gamma_cash: float
    vega: float
    theta: float
    rho: float


class PortfolioGreeks(Part, frozen=True, kw_only=True):
    """Sums over all underlyings, of what adds up; units as in `UnderlyingGreeks`."""

    delta_cash: float
    gamma_cash: float
    vega: float
    theta: float
    rho: float
    underlyings: tuple[UnderlyingGreeks, ...]


class DeltaGammaVega(Part, frozen=True, kw_only=True):
    """VaR with options by delta, gamma and vega only; ``gap`` is it less the official VaR."""

    var: float
    expected_shortfall: float
    gap: float


class StressedRisk(Part, frozen=True, kw_only=True):
    """Today's book under the returns of a crisis, dated ``first`` to ``last``.

    ``scenario_count`` is n, ``tail_rank`` k. ``var`` is None, and ``not_available`` says why,
    where n is too small for the confidence, the window is not wholly before the as-of date,
    or a series has no history in it. ``proxied``: ``series=proxy`` that moved for it;
    ``constant_volatility``: options whose volatility has no history in the window and is held.
    ``version`` names the data.
    """

    window: str
    first: dt.date
    last: dt.date
    version: str
    scenario_count: int
    tail_rank: int | None
    var: float | None
    scenario_date: dt.date | None
    proxied: tuple[str, ...] = ()
    constant_volatility: tuple[str, ...] = ()
    not_available: str = ""


class ExplainedPnl(Part, frozen=True, kw_only=True):
    """One option's P&L since the last close, of the quantity held then, base currency.

    Each part is its Greek at the close times the move since; ``fx`` is what the rate's move
    did to value and P&L; ``unexplained`` is the rest, so that all parts add up to ``actual``.
    """

    instrument: str
    actual: float
    delta: float
    gamma: float
    vega: float
    theta: float
    fx: float
    unexplained: float
