"""A what-if's answer as rows for people: each number before, after, and its change."""

from __future__ import annotations

from typing import Final

from system.contracts.api.questions import WhatIf, exposure_total
from system.contracts.api.risk import CurrentRisk
from system.contracts.limits import LimitMeasure

Row = tuple[str, str, str, str]
GREEKS: Final = {
    "delta_cash": "cash delta, 100 %",
    "gamma_cash": "cash gamma, 1 %",
    "vega": "vega, point",
    "theta": "theta, day",
    "rho": "rho, 1 %",
}


def comparison_rows(answer: WhatIf) -> list[Row]:
    """Return what is compared: its name, before, after, and the change; - where there is none."""
    before, after, change = answer.before, answer.after, answer.change
    return [
        ("VaR", *_amounts(before.var, after.var, change.var)),
        (
            "expected shortfall",
            *_amounts(
                before.expected_shortfall, after.expected_shortfall, change.expected_shortfall
            ),
        ),
        ("VaR of NAV", *_shares(before.var_fraction, after.var_fraction, change.var_fraction)),
        ("limit used", *_shares(before.limit_used, after.limit_used, change.limit_used)),
        ("NAV", *_amounts(before.nav, after.nav, change.nav)),
        ("gross exposure", *_sides(before, after, "gross", change.gross)),
        ("net exposure", *_sides(before, after, "net", change.net)),
        *_greeks(before, after),
        *_limits(before, after),
    ]


def _greeks(before: CurrentRisk, after: CurrentRisk) -> list[Row]:
    """Return the sums of the Greeks where either side holds options; none is 0 there."""
    if before.greeks is None and after.greeks is None:
        return []
    rows = []
    for field, name in GREEKS.items():
        sides = [float(getattr(side.greeks, field, 0.0)) for side in (before, after)]
        rows.append((name, *_amounts(*sides, sides[1] - sides[0])))
    return rows


def _limits(before: CurrentRisk, after: CurrentRisk) -> list[Row]:
    """Return how much of each limit besides VaR's own is used, of its breach level."""
    used = {limit.measure: limit.used for limit in before.limits}
    rows = []
    for limit in after.limits:
        if limit.measure is not LimitMeasure.VAR:
            then = used.get(limit.measure)
            change = None if limit.used is None or then is None else limit.used - then
            rows.append((f"limit on {limit.measure} used", *_shares(then, limit.used, change)))
    return rows


def _sides(
    before: CurrentRisk, after: CurrentRisk, side: str, change: float | None
) -> tuple[str, str, str]:
    return _amounts(exposure_total(before, side), exposure_total(after, side), change)


def _amounts(*values: float | None) -> tuple[str, str, str]:
    first, second, change = ("-" if value is None else f"{value:,.2f}" for value in values)
    return first, second, change


def _shares(*values: float | None) -> tuple[str, str, str]:
    first, second, change = ("-" if value is None else f"{value:.3%}" for value in values)
    return first, second, change
