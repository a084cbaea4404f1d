"""``riskstream adjust split | dividend | list``."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer
from rich.table import Table

from system.client.commands.portfolios import connected_client
from system.client.commands.printing import AsJson, print_answer
from system.console import PlainConsole
from system.contracts.api.adjustments import (
    AdjustmentAccepted,
    Adjustments,
    DividendRequest,
    SplitRequest,
)
from system.errors import InputError

adjust_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Announce splits and dividends, list them."
)
Instrument = Annotated[str, typer.Argument(help="Which share or fund.")]
ExDate = Annotated[str, typer.Option("--date", help="First day in new shares, or ex: ISO date.")]
LastDay = Annotated[
    str,
    typer.Option(help="Last day before; it takes effect when that is closed. Default: weekday."),
]


@adjust_app.command("split")
def split(
    instrument: Instrument,
    ratio: Annotated[float, typer.Option(help="New shares per old one; 1 undoes it.")],
    date: ExDate,
    last_day: LastDay = "",
) -> None:
    """Announce a split; positions, costs and history change at the barrier."""
    request = SplitRequest(
        instrument=instrument,
        date=_day("--date", date),
        last_day=_day("--last-day", last_day) if last_day else None,
        ratio=ratio,
    )
    with connected_client() as client:
        _show(client.send_split(request))


@adjust_app.command("dividend")
def dividend(
    instrument: Instrument,
    amount: Annotated[float, typer.Option(help="Per share, its currency; 0 undoes it.")],
    date: ExDate,
    last_day: LastDay = "",
) -> None:
    """Announce a dividend; it is paid in cash at the barrier."""
    request = DividendRequest(
        instrument=instrument,
        date=_day("--date", date),
        last_day=_day("--last-day", last_day) if last_day else None,
        amount=amount,
    )
    with connected_client() as client:
        _show(client.send_dividend(request))


@adjust_app.command("list")
def list_adjustments(
    instrument: Annotated[str, typer.Option(help="Only those of one instrument.")] = "",
    as_json: AsJson = False,
) -> None:
    """List splits and dividends, those that wait and those in effect."""
    with connected_client() as client:
        adjustments = client.adjustments(instrument)
    print_answer(adjustments, _show_all, as_json=as_json)


def _show_all(adjustments: Adjustments) -> None:
    table = Table("instrument", "date", "what", "takes effect")
    for row in adjustments.adjustments:
        size = row.ratio if row.type == "split" else row.amount
        effect = f"since {row.taken}" if row.taken else f"when {row.last_day} is closed"
        table.add_row(row.instrument, str(row.date), f"{row.type} {size:g}", effect)
    PlainConsole().print(table)


def _show(told: AdjustmentAccepted) -> None:
    size = told.ratio if told.type == "split" else told.amount
    PlainConsole().print(
        f"{told.type} {size:g} of {told.instrument} on {told.date}: takes effect when "
        f"{told.last_day} is closed, kept as {told.topic}:{told.partition} offset {told.offset}",
        highlight=False,
    )


def _day(option: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option} {text!r} is not like 2020-08-31") from None
