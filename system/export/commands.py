"""``riskstream export``: the history as a CSV or Parquet file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.progress import Progress, SpinnerColumn

from system.client.moments import MomentError, day_or_moment_ns
from system.console import PlainConsole, plain_column, terminal_json
from system.errors import InputError
from system.export.files import WRITERS, ExportFormat, complete_file
from system.export.rows import Span, exported_rows
from system.export.tables import TABLES, ExportName, ExportTable, Row
from system.outputs import OUTPUT_FILE
from system.settings import load_settings

PARQUET_SUFFIXES: Final = (".parquet", ".pq")


class ExportQuestionError(InputError):
    """An option of an export does not fit; names it, its value and what it must be."""


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of an export, as ``--json`` prints it."""

    table: str
    format: str
    file: str
    rows: int
    bytes: int


def export(
    table: Annotated[ExportName, typer.Argument(help="What to export.")],
    out: Annotated[Path, typer.Option(callback=OUTPUT_FILE, help="File to write.")],
    file_format: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="Default: by the file's name, .parquet or .csv."),
    ] = None,
    since: Annotated[
        str, typer.Option("--from", help="First day (UTC), or moment with its offset.")
    ] = "",
    until: Annotated[str, typer.Option("--to", help="First day or moment that is left out.")] = "",
    portfolio: Annotated[str, typer.Option(help="Only this portfolio; default: all.")] = "",
    overwrite: Annotated[bool, typer.Option(help="Replace a file that is there.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print file, rows and bytes as JSON.")
    ] = False,
) -> None:
    """Write snapshots, attribution, breaches, the limit trail or rejected messages to a file.

    The file is complete or not there. Memory does not grow with the number of rows.
    """
    span = asked_span(table, since, until, portfolio)
    if out.exists() and not overwrite:
        raise ExportQuestionError(f"--out {out} is there already; --overwrite replaces it")
    kind = file_format or format_of(out)
    url = load_settings().connections().report_database_url
    count = written(out, kind, TABLES[table], exported_rows(url, TABLES[table], span))
    answer = Exported(
        table=table.value, format=kind.value, file=str(out), rows=count, bytes=out.stat().st_size
    )
    if as_json:
        typer.echo(terminal_json(answer, indent=2))
    else:
        PlainConsole().print(f"{count:,} rows of {table} in {out}", soft_wrap=True)


def asked_span(table: ExportName, since: str, until: str, portfolio: str) -> Span:
    """Return the rows that the options ask for.

    Raises
    ------
    ExportQuestionError
        If a moment cannot be read, the span is empty, or the table has no portfolios.
    """
    if portfolio and not TABLES[table].has_portfolio:
        raise ExportQuestionError(
            f"--portfolio {portfolio}: a row of {table} is of no portfolio; leave the option out"
        )
    from_ns, to_ns = _moment("--from", since), _moment("--to", until)
    if from_ns is not None and to_ns is not None and from_ns >= to_ns:
        raise ExportQuestionError(
            f"--to {until} is not after --from {since}; it is the first moment that is left out"
        )
    return Span(from_ns, to_ns, portfolio or None)


def format_of(path: Path) -> ExportFormat:
    """Return the format that a file's name asks for.

    Raises
    ------
    ExportQuestionError
        If the name ends in neither.
    """
    suffix = path.suffix.lower()
    if suffix in PARQUET_SUFFIXES:
        return ExportFormat.PARQUET
    if suffix == ".csv":
        return ExportFormat.CSV
    raise ExportQuestionError(
        f"--out {path} ends in neither .csv nor .parquet; name the format by --format"
    )


def written(out: Path, kind: ExportFormat, table: ExportTable, batches: Iterable[list[Row]]) -> int:
    """Write batches of rows to a file and return the number of rows.

    Raises
    ------
    OutputError
        If the file cannot be written; nothing is left of it.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    columns = (SpinnerColumn(), plain_column("{task.completed:,.0f} rows"))
    count = 0
    with (
        complete_file(out) as draft,
        Progress(*columns, console=PlainConsole(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("", total=None)
        with WRITERS[kind](draft, table.schema) as write:
            for rows in batches:
                write(rows)
                count += len(rows)
                progress.update(task, completed=count)
    return count


def _moment(option: str, text: str) -> int | None:
    if not text:
        return None
    try:
        return day_or_moment_ns(text)
    except MomentError as error:
        raise ExportQuestionError(f"{option}: {error}") from None
