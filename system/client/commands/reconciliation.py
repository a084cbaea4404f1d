"""Changes that an import makes, as a table for people."""

from __future__ import annotations

from typing import Final

from rich.table import Table

from system.client.moments import shown_moment
from system.console import PlainConsole
from system.contracts.api.risk import PortfolioAccepted, Reconciliation

MAX_ROWS_SHOWN: Final = 200


def show_import(console: PlainConsole, accepted: PortfolioAccepted) -> None:
    """Print what was imported, or would be, and what it changes."""
    sent = "would be sent (a dry run: nothing was)" if accepted.dry_run else "are with the stream"
    console.print(
        f"{accepted.portfolio}: {accepted.position_count} positions, "
        f"{accepted.instrument_count} instruments and {accepted.history_count} price histories "
        f"{sent}.",
        highlight=False,
    )
    when = shown_moment(accepted.as_of_ns, accepted.as_of_day)
    if when is not None:
        console.print(f"Positions as of {_end_of(accepted)}{when}.", highlight=False)
    if accepted.reconciliation is not None:
        _show_reconciliation(console, accepted.reconciliation)


def _end_of(accepted: PortfolioAccepted) -> str:
    return "" if accepted.as_of_day is None else "the end of "


def _show_reconciliation(console: PlainConsole, compared: Reconciliation) -> None:
    if compared.opens:
        console.print("The book is new: nothing to compare with.")
    else:
        if compared.rows:
            console.print(_differences(compared))
        console.print(_summary(compared), highlight=False)
    if not compared.current:
        console.print(
            "The stream has not read everything that was sent before: the comparison may lack the "
            "newest trades. What they do is decided by their own times all the same."
        )


def _differences(compared: Reconciliation) -> Table:
    table = Table("instrument")
    for heading in ("before", "stated", "difference"):
        table.add_column(heading, justify="right")
    for row in compared.rows[:MAX_ROWS_SHOWN]:
        table.add_row(
            row.instrument,
            _quantity(row.before),
            _quantity(row.stated),
            f"{row.difference:+,.10g}",
        )
    if len(compared.rows) > MAX_ROWS_SHOWN:
        table.caption = f"and {len(compared.rows) - MAX_ROWS_SHOWN} more (--json has all)"
    return table


def _quantity(value: float) -> str:
    return f"{value:,.10g}"


def _summary(compared: Reconciliation) -> str:
    count = compared.different_count + compared.equal_count
    words = [f"{compared.different_count} of {count} instruments differ"]
    if not compared.cash_stated:
        words.append("cash is not stated and stays what trades and dividends have made it")
    if compared.trades_on_top:
        words.append(f"{compared.trades_on_top} trades after that moment come on top")
    return "; ".join(words) + "."
