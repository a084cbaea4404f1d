"""``python -m validation.kill_table``: plant every defect, and see who catches it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from system.clock import monotonic_ns
from system.console import styled
from system.exits import ExitCode
from system.outputs import OUTPUT_FILE
from system.runtime.interrupts import heed_interrupts
from validation.kill_table.records import Mutant, read_mutants, read_not_applicable
from validation.kill_table.table import KillTable, MutantResult, Row, findings, run_table, tally
from validation.report.shapes import write_json
from validation.run.console import open_console
from validation.verdict import Verdict, overall

ROOT: Final = Path(__file__).resolve().parents[2]
REPORT: Final = ROOT / "build" / "verify" / "kill_table.json"


def kill_table(
    only: Annotated[list[str] | None, typer.Argument(help="Names of defects; all by default.")] = (
        None
    ),
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FILE, help="Where the table is written.")
    ] = REPORT,
) -> None:
    """Plant each defect in a copy of the tree; the check named beforehand must catch it."""
    heed_interrupts()
    began_ns = monotonic_ns()
    mutants = _chosen(only or [])
    control, rows = run_table(ROOT, mutants, on_row=_tell)
    judged = findings(control, rows)
    table = KillTable(
        verdict=overall(finding.verdict for finding in judged),
        seconds=(monotonic_ns() - began_ns) / 1e9,
        control=control,
        rows=rows,
        not_applicable=read_not_applicable(),
        findings=judged,
    )
    report.parent.mkdir(parents=True, exist_ok=True)
    write_json(report, table)
    _show(table)
    raise typer.Exit(ExitCode.of_check(passed=table.verdict is Verdict.PASSED))


def _chosen(names: list[str]) -> tuple[Mutant, ...]:
    mutants = read_mutants()
    unknown = sorted(set(names) - {mutant.name for mutant in mutants})
    if unknown:
        raise typer.BadParameter(f"no defect {', '.join(unknown)} in validation/mutants")
    return tuple(mutant for mutant in mutants if not names or mutant.name in names)


def _tell(row: Row) -> None:
    print(f"{row.fate:<9} {row.seconds:5.1f} s  {row.name}", flush=True)  # noqa: T201 - progress


def _show(table: KillTable) -> None:
    console = open_console()
    console.print(f"control: {table.control.verdict}, {table.control.detail}", markup=False)
    shown = Table(title="kill table", title_justify="left")
    for heading in ("defect", "planted in", "named killer", "fate"):
        shown.add_column(heading)
    for row in table.rows:
        style = "green" if row.fate is MutantResult.KILLED else "bold red"
        shown.add_row(row.defect, "\n".join(row.files), row.killer, styled((row.fate, style)))
    console.print(shown)
    for excluded in table.not_applicable:
        console.print(
            f"not applicable: {excluded.defect}: {excluded.why}", markup=False, highlight=False
        )
    for row in table.rows:
        if row.fate is not MutantResult.KILLED:
            console.print(f"{row.name}: {row.fate}: {row.said}", markup=False, highlight=False)
    console.print(f"{tally(table.rows)}; {table.seconds:.0f} s", highlight=False)


def main() -> None:
    """Run the command with the arguments of this process."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(kill_table)
    app(prog_name="python -m validation.kill_table")


if __name__ == "__main__":
    main()
