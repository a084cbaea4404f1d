"""``riskstream explain``: what a stored number is made of, and whether it is right."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.table import Table

from system.console import PlainConsole, styled, terminal_json
from system.contracts.messages import RiskSnapshot
from system.contracts.oracle import OracleVerdict
from system.errors import RiskstreamError
from system.exits import ExitCode
from system.outputs import OUTPUT_FILE
from system.settings import load_settings
from validation.explain.explanation import Explanation, explanation
from validation.explain.inputs import Bundle, gathered, read_bundle
from validation.explain.recompute import NOT_RECOMPUTED
from validation.run.console import open_console

SCENARIOS_BEYOND_THE_TAIL: Final = 3
DIFFERENCES_SHOWN: Final = 12


def explain(
    record: Annotated[
        str,
        typer.Argument(
            help="Id of a stored snapshot, a file with one, an address "
            "(http://.../v1/snapshots/ID), or a file that --save has written."
        ),
    ],
    inputs: Annotated[
        Path | None, typer.Option(help="Take instruments and closes from a --save file.")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            callback=OUTPUT_FILE, help="Write the record with all its inputs to this file."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a stored number anew from its inputs, to the bit, and print every step.

    Exit code 0: reproduced to the bit, and exact arithmetic agrees. 1: something differs, and
    is named. 3: the inputs cannot be gathered, or nobody can tell.
    """
    console = open_console(stderr=as_json)
    try:
        bundle = _bundle(record, inputs)
        answer = explanation(bundle, not_recomputed=NOT_RECOMPUTED)
    except RiskstreamError as error:
        console.print(f"cannot tell: {error}", style="bold yellow", markup=False)
        raise typer.Exit(ExitCode.INCOMPLETE) from error
    if save is not None:
        save.write_bytes(msgspec.json.format(msgspec.json.encode(bundle), indent=1) + b"\n")
    if as_json:
        sys.stdout.write(terminal_json(answer) + "\n")
    else:
        show(console, bundle, answer)
    raise typer.Exit(exit_code(answer))


def exit_code(answer: Explanation) -> int:
    """Return 0 where it holds, 1 where something differs, 3 where exact arithmetic cannot tell."""
    if not answer.reproduced or answer.oracle.verdict is OracleVerdict.DIFFERS:
        return ExitCode.FAILED
    return 0 if answer.holds else ExitCode.INCOMPLETE


def show(console: PlainConsole, bundle: Bundle, answer: Explanation) -> None:
    """Print the steps, in the order in which the number is made, and the verdicts."""
    record = bundle.snapshot
    console.print(
        styled(
            (record.snapshot_id, "bold"),
            f"  {record.portfolio}, {record.kind}, closes up to {record.asof}; {record.estimator}, "
            f"confidence {record.confidence}, window {record.window}; inputs {record.inputs_hash}",
        )
    )
    offsets = ", ".join(f"{place} {offset}" for place, offset in record.offsets.items())
    console.print(f"covers everything below {offsets}", highlight=False)
    console.print(_positions(answer))
    if answer.rates:
        quoted = ", ".join(f"{name} {rate!r}" for name, rate in answer.rates.items())
        console.print(f"FX, units per 1 EUR, moved inside each scenario: {quoted}", highlight=False)
    _show_window(console, answer)
    _show_gaps(console, record)
    console.print(_scenarios(answer))
    _show_verdicts(console, answer)


def _bundle(record: str, inputs: Path | None) -> Bundle:
    path = Path(record)
    if inputs is None and path.is_file() and b'"rows"' in path.read_bytes():
        return read_bundle(path)
    return gathered(record, load_settings().connections(), inputs=inputs)


def _positions(answer: Explanation) -> Table:
    table = Table(title=f"1. positions, in {answer.base_currency}", title_justify="left")
    for heading in ("instrument", "class", "quantity", "price", "x", "rate", "value", "in the VaR"):
        table.add_column(heading, justify="left" if heading in {"instrument", "class"} else "right")
    for row in answer.positions:
        table.add_row(
            row.instrument,
            row.asset_class,
            f"{row.quantity:,.6g}",
            f"{row.price:,.6g} {row.currency}",
            f"{row.multiplier:g}",
            f"{row.rate:.6g}",
            f"{row.value:,.2f}",
            "-" if row.component_var is None else f"{row.component_var:,.2f}",
        )
    return table


def _show_window(console: PlainConsole, answer: Explanation) -> None:
    if not answer.window_dates:
        return
    console.print(
        f"2. window: {len(answer.window_dates)} scenario days, {answer.window_dates[0]} to "
        f"{answer.window_dates[-1]}; n(1 - confidence) = {answer.tail_mass:g}, so VaR is the "
        f"{answer.tail_rank}. worst and ES the mean of the worst {answer.tail_mass:g}",
        highlight=False,
    )


def _show_gaps(console: PlainConsole, record: RiskSnapshot) -> None:
    """Print the series that are carried, and the days on which the book has no close."""
    for series in record.carried:
        console.print(
            f"   carried: {series.series}, {series.day_count} days up to {series.dates[-1]}, "
            f"{series.missed_sessions} sessions missed, last close {series.last_close}, "
            f"{series.share:.1%} of gross exposure",
            highlight=False,
        )
    for line in record.skipped:
        console.print(f"   no scenario day: {line}", highlight=False)


def _scenarios(answer: Explanation) -> Table:
    table = Table(title="3. scenario P&L, worst first", title_justify="left")
    for heading in ("rank", "day", "P&L", "weight in ES", ""):
        table.add_column(heading, justify="right")
    for step in answer.scenarios[: answer.tail_rank + SCENARIOS_BEYOND_THE_TAIL]:
        table.add_row(
            str(step.rank),
            str(step.date),
            f"{step.pnl:,.2f}",
            f"{step.weight:g}",
            "= VaR" if step.is_var else "",
        )
    return table


def _show_verdicts(console: PlainConsole, answer: Explanation) -> None:
    var = "-" if answer.var is None else f"{answer.var:,.2f}"
    shortfall = "-" if answer.expected_shortfall is None else f"{answer.expected_shortfall:,.2f}"
    console.print(f"4. VaR {var}, ES {shortfall} {answer.base_currency}", highlight=False)
    if answer.reproduced:
        console.print(
            styled(
                ("reproduced to the bit", "green"),
                f": {answer.compared} fields, the inputs' hash among them; not recomputed: "
                f"{', '.join(answer.not_recomputed)}",
            )
        )
    else:
        console.print(styled(("differs", "bold red"), f": {len(answer.differences)} fields"))
    for line in answer.changed_inputs:
        console.print(f"changed after it was made: {line}", style="red", markup=False)
    for difference in answer.differences[:DIFFERENCES_SHOWN]:
        values = f"recorded {difference.recorded}, recomputed {difference.recomputed}"
        line = f"  {difference.field}: {values}"
        console.print(line, style="red", markup=False, highlight=False)
    left = len(answer.differences) - DIFFERENCES_SHOWN
    if left > 0:
        console.print(f"  and {left} more (--json has all)")
    worst = answer.oracle.largest_difference
    size = "" if worst is None else f", worst difference {worst:.1e}"
    console.print(
        f"exact arithmetic: {answer.oracle.verdict}{size} {answer.oracle.detail}".rstrip()
    )
