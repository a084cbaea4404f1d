"""``riskstream what-if``: what trades would do before they are sent."""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from system.client.commands import connected_client
from system.client.errors import QuestionError
from system.client.printing import AsJson, print_answer
from system.contracts.api import CurrentRisk
from system.contracts.limits import LimitMeasure
from system.contracts.questions import ProposedTrade, WhatIf, WhatIfRequest, exposure_total

GREEKS: Final = {
    "delta_cash": "cash delta, 100 %",
    "gamma_cash": "cash gamma, 1 %",
    "vega": "vega, point",
    "theta": "theta, day",
    "rho": "rho, 1 %",
}
_TRADE: Final = re.compile(r"(?P<instrument>.+)=(?P<quantity>[^=@]+)(@(?P<price>[^=@]+))?")
PortfolioArgument = Annotated[str, typer.Argument(help="Name of the portfolio.")]


def what_if(
    portfolio: PortfolioArgument,
    trade: Annotated[
        list[str],
        typer.Option(help="INSTRUMENT=QUANTITY[@PRICE], signed; at the newest price without one."),
    ],
    as_json: AsJson = False,
) -> None:
    """Show the risk without and with trades; nothing is sent."""
    question = WhatIfRequest(trades=tuple(map(proposed_trade, trade)))
    with connected_client() as client:
        found = client.what_if(portfolio, question)
    print_answer(found, _show, as_json=as_json)


def _show(found: WhatIf) -> None:
    console = Console()
    for one in found.trades:
        console.print(f"{one.quantity:+,g} {one.instrument} at {one.price:,g}", highlight=False)
    console.print(_comparison(found))
    _say_missing(console, found.after)


def proposed_trade(text: str) -> ProposedTrade:
    """Return the trade that ``AAPL=-100@75.2`` stands for.

    Raises
    ------
    QuestionError
        If it does not look so; names the word.

    Examples
    --------
    >>> proposed_trade("AAPL=-100@75.2").quantity
    -100.0
    """
    parts = _TRADE.fullmatch(text)
    try:
        if parts is None:
            raise ValueError(text)
        price = parts["price"]
        plain = {
            "instrument": parts["instrument"],
            "quantity": float(parts["quantity"]),
            "price": None if price is None else float(price),
        }
        return msgspec.convert(plain, ProposedTrade)
    except ValueError as error:  # a ValidationError of msgspec is one
        detail = "" if parts is None else f" ({error})"
        raise QuestionError(
            f"--trade {text!r} is not like AAPL=-100 or AAPL=-100@75.2{detail}"
        ) from None


def _comparison(found: WhatIf) -> Table:
    before, after, change = found.before, found.after, found.change
    table = Table("", "before", "after", "change", title=f"{found.portfolio}, {found.snapshot_id}")
    rows: list[tuple[str, str, str, str]] = [
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
    for row in rows:
        table.add_row(*row)
    return table


def _greeks(before: CurrentRisk, after: CurrentRisk) -> list[tuple[str, str, str, str]]:
    """Return the sums of the Greeks where either side holds options; none is 0 there."""
    if before.greeks is None and after.greeks is None:
        return []
    rows = []
    for field, name in GREEKS.items():
        sides = [float(getattr(one.greeks, field, 0.0)) for one in (before, after)]
        rows.append((name, *_amounts(*sides, sides[1] - sides[0])))
    return rows


def _limits(before: CurrentRisk, after: CurrentRisk) -> list[tuple[str, str, str, str]]:
    """Return how much of each limit besides VaR's own is used, of its breach level."""
    used = {one.measure: one.used for one in before.limits}
    rows = []
    for one in after.limits:
        if one.measure is not LimitMeasure.VAR:
            then = used.get(one.measure)
            change = None if one.used is None or then is None else one.used - then
            rows.append((f"limit on {one.measure} used", *_shares(then, one.used, change)))
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


def _say_missing(console: Console, risk: CurrentRisk) -> None:
    if risk.not_available:
        console.print(f"VaR is not available: {risk.not_available}", highlight=False)
    if risk.over_limit:
        console.print("[bold red]over its limit[/]")
