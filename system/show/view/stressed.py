"""Risk beyond VaR: losses in historical crises, and sensitivities of options."""

from __future__ import annotations

from typing import Final

from system.contracts.api.pnl import PARTS, total_of
from system.contracts.measures import (
    ExplainedPnl,
    PortfolioGreeks,
    StressedRisk,
    UnderlyingGreeks,
)
from system.contracts.messages import RiskSnapshot
from system.show import format as text
from system.show.view.base import View

OPTIONS_SHOWN: Final = 8


class StressedRow(View, frozen=True, kw_only=True):
    """One stressed window: VaR as an amount, of NAV, and in units of the present VaR."""

    window: str
    days: str
    var_text: str
    percent: str
    multiple: str
    note: str
    available: bool


class GreeksRow(View, frozen=True, kw_only=True):
    """Greeks of one underlying, or their sum; base currency."""

    name: str
    delta_cash: str
    gamma_cash: str
    vega: str
    theta: str
    rho: str


class OptionPnlRow(View, frozen=True, kw_only=True):
    """P&L of one option since the close by its causes, or the sum over options; base currency."""

    name: str
    actual: str
    delta: str
    gamma: str
    vega: str
    theta: str
    fx: str
    unexplained: str


class Stressed(View, frozen=True, kw_only=True):
    """Stressed VaR by window; Greeks, approximation and P&L explained only with options."""

    rows: tuple[StressedRow, ...]
    greeks: tuple[GreeksRow, ...]
    approximation: str
    option_pnl: tuple[OptionPnlRow, ...]


def stressed(snapshot: RiskSnapshot) -> Stressed:
    """Return the stressed windows of a snapshot, and the Greeks of its options."""
    return Stressed(
        rows=tuple(_stressed_row(stressed, snapshot) for stressed in snapshot.stressed),
        greeks=() if snapshot.greeks is None else _greeks_rows(snapshot.greeks),
        approximation=_approximation(snapshot),
        option_pnl=_option_pnl(snapshot.option_pnl),
    )


def _stressed_row(stressed: StressedRisk, snapshot: RiskSnapshot) -> StressedRow:
    nav, var = snapshot.nav, snapshot.var
    of_nav = stressed.var / nav if stressed.var is not None and nav > 0 else None
    multiple = (
        stressed.var / var if stressed.var is not None and var is not None and var > 0 else None
    )
    return StressedRow(
        window=stressed.window,
        days=f"{stressed.first} to {stressed.last}",
        var_text=text.amount(stressed.var),
        percent=text.percent(of_nav, digits=2),
        multiple=text.NOTHING if multiple is None else f"{multiple:.1f} \u00d7",
        note=_note(stressed),
        available=stressed.var is not None,
    )


def _note(stressed: StressedRisk) -> str:
    """Return n and k, what was held or stood in, or why there is no number."""
    if stressed.not_available:
        return f"not available, n = {stressed.scenario_count}: {stressed.not_available}"
    parts = [f"n = {stressed.scenario_count}, k = {stressed.tail_rank}"]
    if stressed.proxied:
        parts.append(f"proxies: {', '.join(stressed.proxied)}")
    if stressed.constant_volatility:
        parts.append(f"volatility held: {', '.join(stressed.constant_volatility)}")
    return "; ".join(parts)


def _greeks_rows(greeks: PortfolioGreeks) -> tuple[GreeksRow, ...]:
    rows = [_greeks_row(underlying.underlying, underlying) for underlying in greeks.underlyings]
    return (*rows, _greeks_row("Total", greeks))


def _greeks_row(name: str, greeks: UnderlyingGreeks | PortfolioGreeks) -> GreeksRow:
    return GreeksRow(
        name=name,
        delta_cash=text.amount(greeks.delta_cash),
        gamma_cash=text.amount(greeks.gamma_cash),
        vega=text.amount(greeks.vega),
        theta=text.amount(greeks.theta),
        rho=text.amount(greeks.rho),
    )


def _option_pnl(rows: tuple[ExplainedPnl, ...]) -> tuple[OptionPnlRow, ...]:
    """Return the options whose P&L was largest, either way, and the sum of all."""
    total = total_of(rows)
    if total is None:
        return ()
    largest = sorted(rows, key=lambda row: (-abs(row.actual), row.instrument))[:OPTIONS_SHOWN]
    name = "Total" if len(rows) <= OPTIONS_SHOWN else f"Total of {len(rows)}"
    return (*(_option_row(row.instrument, row) for row in largest), _option_row(name, total))


def _option_row(name: str, row: ExplainedPnl) -> OptionPnlRow:
    parts = {part: text.amount(getattr(row, part), signed=True) for part in ("actual", *PARTS)}
    return OptionPnlRow(name=name, **parts)


def _approximation(snapshot: RiskSnapshot) -> str:
    near = snapshot.delta_gamma_vega
    if near is None:
        return ""
    gap = text.amount(near.gap, signed=True)
    return f"VaR by delta, gamma and vega alone {text.amount(near.var)}, {gap} to full revaluation"
