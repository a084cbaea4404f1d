"""``riskstream what-if``: what trades would do before they are sent."""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec
import typer
from rich.table import Table

from system.client.commands.comparison import comparison_rows
from system.client.commands.portfolios import connected_client
from system.client.commands.printing import AsJson, print_answer
from system.client.errors import QuestionError
from system.console import PlainConsole, styled
from system.contracts.api.questions import ProposedTrade, WhatIf, WhatIfRequest
from system.contracts.api.risk import CurrentRisk

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
        answer = client.what_if(portfolio, question)
    print_answer(answer, _show, as_json=as_json)


def _show(answer: WhatIf) -> None:
    console = PlainConsole()
    for trade in answer.trades:
        console.print(
            f"{trade.quantity:+,g} {trade.instrument} at {trade.price:,g}", highlight=False
        )
    console.print(_comparison(answer))
    _say_missing(console, answer.after)


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


def _comparison(answer: WhatIf) -> Table:
    table = Table(
        "", "before", "after", "change", title=f"{answer.portfolio}, {answer.snapshot_id}"
    )
    for row in comparison_rows(answer):
        table.add_row(*row)
    return table


def _say_missing(console: PlainConsole, risk: CurrentRisk) -> None:
    if risk.not_available:
        console.print(f"VaR is not available: {risk.not_available}", highlight=False)
    if risk.over_limit:
        console.print(styled(("over its limit", "bold red")))
