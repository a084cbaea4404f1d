"""Files of an export: written beside their place, and put there when they are complete."""

from __future__ import annotations

import csv
import datetime as dt
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from system.export.tables import Row
from system.outputs import OutputError
from system.tables.spreadsheets import spreadsheet_text

Write = Callable[[list[Row]], None]


class ExportFormat(StrEnum):
    """Formats of a file."""

    CSV = "csv"
    PARQUET = "parquet"


@contextmanager
def complete_file(path: Path) -> Iterator[Path]:
    """Yield the path of a draft that takes a file's place once the block ends without an error.

    Parameters
    ----------
    path : Path
        Replaced if it exists. Whatever interrupts the block leaves it as it was.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield draft
        draft.replace(path)
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def csv_writer(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """Write rows as CSV with a header (RFC 4180, UTF-8).

    Numbers are the shortest text that reads back to the bit, moments are ISO 8601 in UTC, an empty
    cell is a value that does not exist. Text that a spreadsheet would compute begins with ``'``.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(schema.names)
        yield lambda rows: writer.writerows([_cell(value) for value in row] for row in rows)


@contextmanager
def parquet_writer(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """Write rows as Parquet, a row group for each call."""
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:

        def write(rows: list[Row]) -> None:
            columns = zip(*rows, strict=True)
            arrays = [
                pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))

        yield write


WRITERS: Final[
    Mapping[ExportFormat, Callable[[Path, pa.Schema], AbstractContextManager[Write]]]
] = {
    ExportFormat.CSV: csv_writer,
    ExportFormat.PARQUET: parquet_writer,
}


def _cell(value: Any) -> str:  # noqa: ANN401 - of any column
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    return spreadsheet_text(value) if isinstance(value, str) else str(value)
