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
        found = client.desk_var(name, currency)
    print_answer(found, lambda one: PlainConsole().print(_desk_table(one)), as_json=as_json)


def contributions(portfolio: PortfolioArgument, as_json: AsJson = False) -> None:
    """Show component, marginal and incremental VaR of each position."""
    with connected_client() as client:
        found = client.contributions(portfolio)
    print_answer(found, lambda one: PlainConsole().print(_contribution_table(one)), as_json=as_json)


def _desk_table(found: DeskVar) -> Table:
    title = f"desk {found.desk}, {found.base_currency}, {found.confidence} on {found.window} days"
    table = Table("book", "VaR", "expected shortfall", "part of the desk's VaR", title=title)
    for book in found.books:
        table.add_row(
            book.portfolio,
            _amount(book.var),
            _amount(book.expected_shortfall),
            _amount(book.component_var),
        )
    table.add_row("diversification", _amount(-found.diversification), "", "")
    table.add_row("together", _amount(found.var), _amount(found.expected_shortfall), "")
    return table


def _contribution_table(found: Contributions) -> Table:
    title = f"{found.portfolio}, {found.base_currency}, VaR {found.var:,.2f}"
    columns = ("component", "smoothed", "tail share", "marginal", "incremental")
    table = Table("position", *columns, title=title)
    for row in found.rows:
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
