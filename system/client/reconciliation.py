"""What an import changes, as a table for people."""

from __future__ import annotations

from typing import Final

from rich.table import Table

from system.client.moments import shown_moment
from system.console import PlainConsole
from system.contracts.api import PortfolioAccepted, Reconciliation

MAX_ROWS_SHOWN: Final = 200


def show_import(console: PlainConsole, told: PortfolioAccepted) -> None:
    """Print what was imported, or would be, and what it changes."""
    sent = "would be sent (a dry run: nothing was)" if told.dry_run else "are with the stream"
    console.print(
        f"{told.portfolio}: {told.position_count} positions, {told.instrument_count} instruments "
        f"and {told.history_count} price histories {sent}.",
        highlight=False,
    )
    when = shown_moment(told.as_of_ns, told.as_of_day)
    if when is not None:
        console.print(f"Positions as of {_end_of(told)}{when}.", highlight=False)
    if told.reconciliation is not None:
        _show_reconciliation(console, told.reconciliation)


def _end_of(told: PortfolioAccepted) -> str:
    return "" if told.as_of_day is None else "the end of "


def _show_reconciliation(console: PlainConsole, found: Reconciliation) -> None:
    if found.opens:
        console.print("The book is new: nothing to compare with.")
    else:
        if found.rows:
            console.print(_differences(found))
        console.print(_summary(found), highlight=False)
    if not found.current:
        console.print(
            "The stream has not read everything that was sent before: the comparison may lack the "
            "newest trades. What they do is decided by their own times all the same."
        )


def _differences(found: Reconciliation) -> Table:
    table = Table("instrument")
    for heading in ("before", "stated", "difference"):
        table.add_column(heading, justify="right")
    for row in found.rows[:MAX_ROWS_SHOWN]:
        table.add_row(
            row.instrument,
            _quantity(row.before),
            _quantity(row.stated),
            f"{row.difference:+,.10g}",
        )
    if len(found.rows) > MAX_ROWS_SHOWN:
        table.caption = f"and {len(found.rows) - MAX_ROWS_SHOWN} more (--json has all)"
    return table


def _quantity(value: float) -> str:
    return f"{value:,.10g}"


def _summary(found: Reconciliation) -> str:
    count = found.different_count + found.equal_count
    words = [f"{found.different_count} of {count} instruments differ"]
    if not found.cash_stated:
        words.append("cash is not stated and stays what trades and dividends have made it")
    if found.trades_on_top:
        words.append(f"{found.trades_on_top} trades after that moment come on top")
    return "; ".join(words) + "."
