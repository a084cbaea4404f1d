"""Tables in files: CSV, plain or compressed, and Parquet, as rows of text with their place."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from system.risk.window import CloseTable
from validation.backtest.errors import InputFileError

MAX_COLUMNS: Final = 10_000
MAX_ROWS: Final = 2_000_000
MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none", "-"})
PARQUET: Final = ".parquet"
MIDNIGHT: Final = ("", " 00:00:00", "T00:00:00")
NOT_A_TABLE: Final = "supply a CSV file (.csv, .csv.gz) or a Parquet file (.parquet)"


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table as it was read: a header, and rows of the same length with their line.

    Parameters
    ----------
    path : Path
        Where it was read from.
    header : tuple of str
        Names of the columns, none empty, none twice.
    rows : tuple of (int, list of str)
        Line in the file, from 1 (row number, for Parquet), and the cells.
    """

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[int, list[str]], ...]


def text_table(path: Path) -> TextTable:
    """Return the table in a file.

    Parameters
    ----------
    path : Path
        CSV by default, compressed if it ends with ``.gz``; Parquet if with ``.parquet``.

    Raises
    ------
    InputFileError
        If it cannot be read, has no header, a name that is empty or stands twice, a row of
        another length, or more rows or columns than the bounds of this module.
    """
    lines = _parquet_rows(path) if path.suffix == PARQUET else _csv_rows(path)
    try:
        header = tuple(name.strip() for name in next(lines)[1])
        _check_header(path, header)
        rows = tuple(_checked_rows(path, lines, len(header)))
    except StopIteration:
        raise InputFileError(path, "line 1", "the file is empty", NOT_A_TABLE) from None
    except (OSError, UnicodeDecodeError, csv.Error, EOFError, pa.ArrowException) as error:
        raise InputFileError(path, "the whole file", str(error), NOT_A_TABLE) from error
    return TextTable(path, header, rows)


def close_table(table: TextTable) -> CloseTable:
    """Return a wide table of numbers: a date, then a column per series.

    Parameters
    ----------
    table : TextTable
        First column: ISO dates, any order, none twice. Other cells: a number, or one of
        ``MISSING``.

    Raises
    ------
    InputFileError
        If a date or number is not one, or a date stands twice; names line and column.
    """
    dates: dict[dt.date, int] = {}
    numbers: list[list[float]] = []
    for line, cells in table.rows:
        date = parsed_date(table, line, table.header[0], cells[0])
        if date in dates:
            problem = f"{date} stands twice (also on line {dates[date]})"
            raise InputFileError(table.path, f"line {line}", problem, "keep one row per date")
        dates[date] = line
        numbers.append(_row_numbers(table, line, cells))
    order = sorted(range(len(numbers)), key=list(dates).__getitem__)
    closes = np.array([numbers[index] for index in order], dtype=np.float64)
    names = table.header[1:]
    return CloseTable(names, tuple(sorted(dates)), closes.reshape(len(numbers), len(names)).T)


def parsed_date(table: TextTable, line: int, column: str, text: str) -> dt.date:
    """Return an ISO date; a midnight behind it is passed over.

    Raises
    ------
    InputFileError
        If the text is no such date; names line and column.
    """
    cell = text.strip()
    try:
        if cell[10:] in MIDNIGHT and len(cell) >= len("2020-01-01"):
            return dt.date.fromisoformat(cell[:10])
    except ValueError:
        pass
    raise _wrong_cell(table, line, column, text, "write dates as 2020-12-31")


def parsed_number(table: TextTable, line: int, column: str, text: str) -> float:
    """Return a finite number.

    Raises
    ------
    InputFileError
        If the text is no finite number; names line and column.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or "_" in text:
        raise _wrong_cell(table, line, column, text, "write a finite number, such as 1234.5")
    return number


def cell_error(table: TextTable, line: int, column: str, text: str, remedy: str) -> InputFileError:
    """Return the error of one cell."""
    return _wrong_cell(table, line, column, text, remedy)


def _row_numbers(table: TextTable, line: int, cells: Sequence[str]) -> list[float]:
    return [
        _number_or_missing(table, line, column, text)
        for column, text in zip(table.header[1:], cells[1:], strict=True)
    ]


def _number_or_missing(table: TextTable, line: int, column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number) and "_" not in text:
        return number
    if text.strip().lower() in MISSING:
        return math.nan
    remedy = "write a finite number, or leave the cell empty"
    raise _wrong_cell(table, line, column, text, remedy)


def _wrong_cell(table: TextTable, line: int, column: str, text: str, remedy: str) -> InputFileError:
    return InputFileError(table.path, f"line {line}, column {column}", f"value {text!r}", remedy)


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    with _opened(path) as stream:
        reader = csv.reader(stream)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open("rt", encoding="utf-8-sig", newline="")


def _parquet_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    table = pq.read_table(path)
    names = [str(name) for name in table.column_names]
    index_names = (table.schema.pandas_metadata or {}).get("index_columns", [])
    own = [name for name in index_names if isinstance(name, str) and name in names]
    ordered = [*own, *(name for name in names if name not in own)]
    yield 1, ["date" if name.startswith("__index") else name for name in ordered]
    columns = [table.column(name).to_pylist() for name in ordered]
    for number, cells in enumerate(zip(*columns, strict=True), 2):
        yield number, [_as_text(cell) for cell in cells]


def _as_text(cell: object) -> str:
    if cell is None:
        return ""
    return repr(cell) if isinstance(cell, float) else str(cell)


def _check_header(path: Path, header: Sequence[str]) -> None:
    if len(header) > MAX_COLUMNS:
        problem = f"{len(header)} columns, the bound is {MAX_COLUMNS}"
        raise InputFileError(path, "line 1", problem, "split the file")
    seen: set[str] = set()
    for number, name in enumerate(header, 1):
        if name in seen or (not name and number > 1):
            problem = f"column {number} is named {name!r}" + (" like another" if name else "")
            raise InputFileError(path, "line 1", problem, "give every column a name of its own")
        seen.add(name)


def _checked_rows(
    path: Path, lines: Iterator[tuple[int, list[str]]], width: int
) -> Iterator[tuple[int, list[str]]]:
    for count, (line, cells) in enumerate(lines, 1):
        if len(cells) != width:
            problem = f"{len(cells)} cells, the header has {width}"
            raise InputFileError(
                path, f"line {line}", problem, "make the row as long as the header"
            )
        if count > MAX_ROWS:
            problem = f"more than {MAX_ROWS} rows"
            raise InputFileError(path, f"line {line}", problem, "split the file")
        yield line, cells
