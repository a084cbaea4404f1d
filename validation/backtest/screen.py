"""Results of a backtest on the terminal: a table, what is flagged, and what was not tested."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from system.console import PlainConsole, styled
from validation.backtest.entries import NotTestedEntry, RangeEntry
from validation.backtest.outcomes import NotTested
from validation.backtest.summary import Judged

SHOWN_LINES: Final = 12
"""Lines of one kind shown on screen; the summary has all."""


def show(
    console: PlainConsole, entries: Sequence[Judged], not_tested: Sequence[NotTestedEntry]
) -> None:
    """Show results, flags and days without a test, then the books without a backtest.

    Parameters
    ----------
    console : PlainConsole
        Where to.
    entries : sequence of Judged
        What was tested, in order.
    not_tested : sequence of NotTestedEntry
        What was not, with the reason.
    """
    console.print(_table(entries))
    _show_flags(console, entries)
    _show_lines(console, [line for entry in entries for line in _untested_lines(entry)])
    _show_lines(console, [line for entry in entries for line in _left_out_lines(entry)])
    _show_lines(console, [line for entry in entries for line in _flat_lines(entry)])
    for failure in not_tested:
        style = "red" if failure.kind == NotTested.REFUSED else "yellow"
        _print(console, f"{failure.kind}: {_of(failure)}: {failure.reason}", style)


def _table(entries: Sequence[Judged]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("portfolio", no_wrap=True)
    table.add_column("method")
    for column in ("days", "breaches", "rate", "promised", "expected", "e-value"):
        table.add_column(column, justify="right")
    table.add_column("zone")
    for judged in entries:
        entry = judged.entry
        expected = "-" if entry.expected_rate is None else f"{entry.expected_rate:.2%}"
        table.add_row(
            styled(judged.backtest.portfolio),
            entry.method,
            str(entry.days),
            str(entry.breaches),
            f"{entry.rate:.2%}",
            f"{entry.promised_rate:.2%}",
            expected,
            f"{entry.e_process.e_value:.3g}",
            entry.traffic_light.zone,
        )
    return table


def _show_flags(console: PlainConsole, entries: Sequence[Judged]) -> None:
    """Show suspect moves, carried closes and constant volatilities once, as many as fit."""
    suspects = sorted(
        {
            (move.instrument, str(move.date), f"{move.move:+.1%}", move.probable_split)
            for judged in entries
            for move in judged.entry.suspect_moves
        },
        key=lambda move: move[:2],
    )
    carried = sorted(
        {
            (close.series, str(close.date))
            for judged in entries
            for close in judged.entry.carried_prices
        }
    )
    steady = sorted({name for judged in entries for name in judged.entry.constant_volatility})
    _show_lines(
        console,
        [
            f"suspect move, counted: {name} {date} {move}"
            + (f" (probable split, {split} for 1)" if split else "")
            for name, date, move, split in suspects
        ],
    )
    _show_lines(console, [f"carried close: {name} {date}" for name, date in carried])
    _show_lines(console, _stand_in_lines(entries))
    _show_lines(
        console, [f"volatility stays in scenarios, for lack of a series: {name}" for name in steady]
    )


def _stand_in_lines(entries: Sequence[Judged]) -> list[str]:
    """Return one line per option, settlement and stand-in volatility."""
    stand_ins = {stand_in for judged in entries for stand_in in judged.entry.stand_in_volatilities}
    ordered = sorted(stand_ins, key=lambda stand_in: (stand_in.option, stand_in.date))
    lines = []
    for (option, settlement, is_worth, settled_on), group in itertools.groupby(
        ordered,
        key=lambda stand_in: (
            stand_in.option,
            stand_in.settlement,
            stand_in.worth_settlement,
            stand_in.settled_on,
        ),
    ):
        days = [stand_in.date for stand_in in group]
        when = f"on {days[0]}" if len(days) == 1 else f"{len(days)} times from {days[0]}"
        what = "has no settlement" if settlement is None else f"settles at {settlement:g}"
        worth = "worth that" if is_worth else "worth the model's value"
        whose = "of its row" if settled_on is None else f"of {settled_on}"
        lines.append(f"{option} {what} {when}: {worth}, revalued at the volatility {whose}")
    return lines


def _untested_lines(judged: Judged) -> Iterable[str]:
    entry = judged.entry
    if entry.untested:
        yield (
            f"{judged.backtest.portfolio}, {entry.method}: {entry.untested_days} of "
            f"{entry.held_days} P&L dates have no VaR"
        )
        yield from (f"  {_range(days)}: {days.reason}" for days in entry.untested)


def _left_out_lines(judged: Judged) -> Iterable[str]:
    """Yield the days left out of scenarios that are not among the untested ones."""
    entry = judged.entry
    shown = {(days.first, days.last) for days in entry.untested}
    ranges = [days for days in entry.left_out if (days.first, days.last) not in shown]
    if ranges:
        yield (
            f"{judged.backtest.portfolio}, {entry.method}: "
            f"{sum(days.days for days in entry.left_out)} days are no scenario days"
        )
        yield from (f"  {_range(days)}: {days.reason}" for days in ranges)


def _flat_lines(judged: Judged) -> Iterable[str]:
    for period in judged.entry.flat:
        since = "the beginning" if period.since is None else period.since
        until = "the end" if period.until is None else period.until
        yield f"{judged.backtest.portfolio} holds nothing from {since} until {until}"


def _range(days: RangeEntry) -> str:
    if days.days == 1:
        return f"{days.first}"
    return f"{days.first} to {days.last} ({days.days})"


def _of(failure: NotTestedEntry) -> str:
    return failure.portfolio if failure.method is None else f"{failure.portfolio}, {failure.method}"


def _show_lines(console: PlainConsole, lines: Sequence[str]) -> None:
    for line in dict.fromkeys(lines[:SHOWN_LINES]):
        _print(console, line, "yellow")
    if len(lines) > SHOWN_LINES:
        console.print(f"... and {len(lines) - SHOWN_LINES} more in summary.json")


def _print(console: PlainConsole, line: str, style: str) -> None:
    """Print a line that may hold names of a user: nothing in it is markup."""
    console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)
