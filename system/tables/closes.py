"""Daily closes in a wide table: a date, then one column per series."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from system.risk.scenarios.window import CloseTable
from system.tables.cells import COMMA, POINT, CellError, date_in, is_missing, number_in
from system.tables.dialect import DETECTED, Dialect
from system.tables.errors import line_error
from system.tables.text_table import TextTable, read_table, with_decimal

DATE_COLUMN: Final = "date"
FX_PREFIX: Final = "fx:"
LONG_COLUMNS: Final = frozenset({"instrument", "symbol", "ticker", "isin"})
_FX_NAME: Final = re.compile(rf"{FX_PREFIX}\s*(?P<currency>\S+)", re.IGNORECASE)
_NOT_PLAIN: Final = re.compile(r"[^-+0-9., eE]")
"""``float`` also takes 1_000, nan and digits of other scripts, which are no numbers here."""


@dataclass(frozen=True, slots=True, eq=False)
class CloseFile:
    """Closes of a file, with the line of each date.

    Parameters
    ----------
    path : Path
        The file.
    closes : CloseTable
        In the order of dates, whatever the order of the file; NaN = no close that day.
    lines : tuple of int
        Line of each date of ``closes``.
    """

    path: Path
    closes: CloseTable
    lines: tuple[int, ...]


def read_close_file(path: Path, dialect: Dialect = DETECTED) -> CloseFile:
    """Return the closes in a file.

    Parameters
    ----------
    path : Path
        The date is the column named ``date`` in any case, else the first one. All other
        columns with a name are series; a cell holds a number, or one of ``MISSING``.
    dialect : Dialect
        Signs that the caller names.

    Raises
    ------
    InputFileError
        If a cell is neither date nor number, or two rows have one date; names file, line,
        column and value.
    """
    table = read_table(path, dialect, begins="date,AAA,BBB", naming=_series_names)
    if not table.rows:
        raise table.header_error("no closes", "add at least one row")
    dated = _date_place(table.header)
    places = [place for place, name in enumerate(table.header) if name and place != dated]
    names = [table.header[place] for place in places]
    table = with_decimal(table, names)
    lines: dict[dt.date, int] = {}
    numbers: list[list[float]] = []
    for line, cells in table.rows:
        date = table.date(line, table.header[dated] or DATE_COLUMN, cells[dated])
        if date in lines:
            problem = f"{date} is on line {lines[date]} already"
            raise line_error(path, line, problem, "keep one row per date")
        lines[date] = line
        numbers.append(_numbers(table, names, line, [cells[place] for place in places]))
    order = sorted(range(len(numbers)), key=list(lines).__getitem__)
    closes = np.array([numbers[index] for index in order], dtype=np.float64)
    days = tuple(sorted(lines))
    matrix = closes.reshape(len(numbers), len(names)).T
    closes_by_day = CloseTable(tuple(names), days, matrix)
    return CloseFile(path, closes_by_day, tuple(map(lines.__getitem__, days)))


def _series_names(head: TextTable) -> tuple[str, ...]:
    """Return the names of a header's columns, the prefix of FX rates in small letters."""
    composed = (unicodedata.normalize("NFC", name) for name in head.header)  # as names are kept
    header = tuple(
        f"{FX_PREFIX}{fx['currency']}" if (fx := _FX_NAME.fullmatch(name)) else name
        for name in composed
    )
    if _is_value(header[0]):
        problem = f"the first column is named {header[0]!r}: a row comes before the header"
        raise head.header_error(problem, "begin the file with date and the names of the series")
    if len(header) == 1:
        raise head.header_error("no series", "write a date, then one column per series")
    seen: set[str] = set()
    for name in header:
        if name.lower() in LONG_COLUMNS:
            problem = f"column {name!r}: one row per date and instrument is not read"
            remedy = "write one row per date and one column per instrument"
            raise head.header_error(problem, remedy)
        if name in seen:
            raise head.header_error(f"two columns are named {name!r}", "keep one of them")
        seen.add(name)
    return header


def _date_place(header: Sequence[str]) -> int:
    """Return the place of the column named ``date``, of the first column where none is."""
    folded = [name.lower() for name in header]
    return folded.index(DATE_COLUMN) if DATE_COLUMN in folded else 0


def _is_value(name: str) -> bool:
    for reading in (date_in, number_in):
        try:
            reading(name)
        except CellError:
            continue
        return True
    return False


def _has_one_sign(row: str, decimal: str | None) -> bool:
    return (POINT if decimal == COMMA else COMMA) not in row


def _numbers(table: TextTable, names: Sequence[str], line: int, cells: list[str]) -> list[float]:
    """Return the numbers of a row; the row at once where it holds nothing but plain numbers."""
    row = " ".join(cells)
    if not _NOT_PLAIN.search(row) and _has_one_sign(row, table.decimal):
        try:
            numbers = list(map(float, row.replace(COMMA, POINT).split(" ")))
        except ValueError:
            numbers = []
        if len(numbers) == len(cells) and math.isfinite(sum(numbers)):
            return numbers
    return [
        math.nan if is_missing(text) else table.number(line, name, text)
        for name, text in zip(names, cells, strict=True)
    ]
