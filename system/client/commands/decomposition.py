"""``riskstream desk`` and ``riskstream contributions``: VaR taken apart."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from system.client.commands.portfolios import connected_client
from system.client.commands.printing import AsJson, print_answer
from system.client.commands.what_if import PortfolioArgument
from system.console import PlainConsole
from system.contracts.api.decomposition import Contribution, Contributions, DeskVar


def desk(
    name: Annotated[str, typer.Argument(help="As portfolios name it (`# desk: rates`).")],
    currency: Annotated[
        str | None, typer.Option(help="ISO code; default: the one that the books share.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the VaR of a desk's books together, and what diversification saves."""
    with connected_client() as client:
        desk_var = client.desk_var(name, currency)
    print_answer(
        desk_var, lambda answer: PlainConsole().print(_desk_table(answer)), as_json=as_json
    )


def contributions(portfolio: PortfolioArgument, as_json: AsJson = False) -> None:
    """Show component, marginal and incremental VaR of each position."""
    with connected_client() as client:
        contributions = client.contributions(portfolio)
    print_answer(
        contributions,
        lambda answer: PlainConsole().print(_contribution_table(answer)),
        as_json=as_json,
    )


def _desk_table(desk_var: DeskVar) -> Table:
    terms = f"{desk_var.base_currency}, {desk_var.confidence} on {desk_var.window} days"
    title = f"desk {desk_var.desk}, {terms}"
    table = Table("book", "VaR", "expected shortfall", "part of the desk's VaR", title=title)
    for book in desk_var.books:
        table.add_row(
            book.portfolio,
            _amount(book.var),
            _amount(book.expected_shortfall),
            _amount(book.component_var),
        )
    table.add_row("diversification", _amount(-desk_var.diversification), "", "")
    table.add_row("together", _amount(desk_var.var), _amount(desk_var.expected_shortfall), "")
    return table


def _contribution_table(contributions: Contributions) -> Table:
    title = (
        f"{contributions.portfolio}, {contributions.base_currency}, VaR {contributions.var:,.2f}"
    )
    columns = ("component", "smoothed", "tail share", "marginal", "incremental")
    table = Table("position", *columns, title=title)
    for row in contributions.rows:
        table.add_row(row.instrument, *_cells(row))
    return table


def _cells(row: Contribution) -> tuple[str, ...]:
    return (
        _amount(row.component_var),
        _share(row.smoothed_share),
        _share(row.es_share),
        f"{row.marginal_var:,.4f}",
        _amount(row.incremental_var),
    )


def _amount(value: float) -> str:
    return f"{value:,.2f}"


def _share(value: float | None) -> str:
    return "not meaningful" if value is None else f"{value:.1%}"
