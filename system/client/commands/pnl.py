"""``riskstream pnl``: realised, unrealised, of the day, and the options' part explained."""

from __future__ import annotations

from rich.table import Table

from system.client.commands.portfolios import connected_client
from system.client.commands.printing import AsJson, print_answer
from system.client.commands.what_if import PortfolioArgument
from system.console import PlainConsole
from system.contracts.api.pnl import PARTS, PnlExplained
from system.contracts.measures import ExplainedPnl


def show_pnl(portfolio: PortfolioArgument, as_json: AsJson = False) -> None:
    """Show a portfolio's P&L, and by which Greek its options made theirs since the close."""
    with connected_client() as client:
        pnl = client.pnl(portfolio)
    print_answer(pnl, _show, as_json=as_json)


def _show(pnl: PnlExplained) -> None:
    console = PlainConsole()
    console.print(_sums(pnl))
    if pnl.options:
        console.print(_parts(pnl))


def _sums(pnl: PnlExplained) -> Table:
    table = Table("P&L", pnl.base_currency, title=f"{pnl.portfolio}, {pnl.snapshot_id}")
    table.add_row("realised, against entry prices", _amount(pnl.realised_pnl))
    table.add_row("unrealised, against entry prices", _amount(pnl.unrealised_pnl))
    since = f"since the close of {pnl.since}" if pnl.since else "since the last close"
    table.add_row(f"actual, {since}", _amount(pnl.actual_pnl))
    if pnl.options_total is not None:
        table.add_row("  of options held then", _amount(pnl.options_total.actual))
        table.add_row("  of everything else, and trades", _amount(pnl.other_pnl))
    table.add_row("hypothetical, positions unchanged", _hypothetical(pnl))
    return table


def _hypothetical(pnl: PnlExplained) -> str:
    if pnl.hypothetical_pnl is None:
        return "stated at the end of day"
    verdict = {True: "breach", False: "no breach", None: "not judged"}[pnl.breach]
    return f"{_amount(pnl.hypothetical_pnl)} ({verdict}, VaR {_amount(pnl.previous_var)})"


def _parts(pnl: PnlExplained) -> Table:
    table = Table("option", "actual", *PARTS, title="options since the close, by what moved them")
    total = () if pnl.options_total is None else (pnl.options_total,)
    for row in (*pnl.options, *total):
        table.add_row(*_cells(row))
    return table


def _cells(row: ExplainedPnl) -> tuple[str, ...]:
    parts = (_amount(getattr(row, name)) for name in PARTS)
    return row.instrument, _amount(row.actual), *parts


def _amount(value: float | None) -> str:
    return "-" if value is None else f"{value:+,.2f}"
