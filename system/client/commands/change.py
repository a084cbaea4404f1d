"""``riskstream explain-change``: what changed VaR between two snapshots."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from system.client.commands.portfolios import connected_client
from system.client.commands.printing import AsJson, print_answer
from system.client.commands.what_if import PortfolioArgument
from system.console import PlainConsole
from system.contracts.api.questions import VarChange, VarStep


def explain_change(
    portfolio: PortfolioArgument,
    from_id: Annotated[
        str | None, typer.Option("--from", help="A snapshot's id; default: the last end of day.")
    ] = None,
    to_id: Annotated[
        str | None, typer.Option("--to", help="A snapshot's id; default: the newest.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed VaR, input by input; each step is a full recomputation."""
    with connected_client() as client:
        explained = client.var_change(portfolio, from_id, to_id)
    print_answer(explained, lambda answer: PlainConsole().print(_table(answer)), as_json=as_json)


def _table(explained: VarChange) -> Table:
    title = f"{explained.portfolio}, {explained.base_currency}"
    table = Table("input", "VaR with it", "change", "", title=title)
    table.add_row(explained.from_id, _amount(explained.var_before), "", "as stated then")
    for step in explained.steps:
        table.add_row(step.step.replace("_", " "), _amount(step.var), _change(step), _note(step))
    change = "-" if explained.change is None else f"{explained.change:+,.2f}"
    table.add_row(explained.to_id, _amount(explained.var_after), change, "as stated")
    return table


def _amount(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _change(step: VarStep) -> str:
    return "-" if step.change is None else f"{step.change:+,.2f}"


def _note(step: VarStep) -> str:
    return step.not_available or ("" if step.changed else "unchanged")
