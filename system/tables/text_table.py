"""Rows of text with their place in a file, from CSV and Parquet alike."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from system.tables.cells import (
    COMMA,
    POINT,
    CellError,
    date_in,
    decimal_evidence,
    is_ambiguous,
    number_in,
)
from system.tables.content import PARQUET, read_bytes, text_of
from system.tables.dialect import DETECTED, NAMES, SEPARATORS, Dialect, separator_of
from system.tables.errors import WHOLE_FILE, InputFileError, cell_error, line_error
from system.tables.spreadsheets import cell_text

MAX_COLUMNS: Final = 10_000
MAX_ROWS: Final = 2_000_000
MAX_CELL_CHARACTERS: Final = 131_072
SNIFFED_ROWS: Final = 20
REMARK: Final = "#"
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(?P<sign>.)"?', re.IGNORECASE)
_PADDING: Final = "".join(SEPARATORS) + " \r\n"

Row = tuple[int, list[str]]
"""Line in the file, from 1 (row number, for Parquet), and the cells without outer blanks."""
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table as it was read: a header, and rows of the same length with their line.

    Parameters
    ----------
    path : Path
        The file.
    header : tuple of str
        Names of the columns, none twice; only the first may be empty (an index).
    header_line : int
        Line of the header, from 1.
    rows : tuple of Row
        Without empty rows.
    separator : str
        Between cells; a comma for Parquet.
    decimal : str or None
        Decimal sign; None until ``with_decimal`` has taken it from the numbers.
    remarks : tuple of (int, str)
        Lines before the header that begin with ``#``, and their number.
    """

    path: Path
    header: tuple[str, ...]
    header_line: int
    rows: tuple[Row, ...]
    separator: str
    decimal: str | None
    remarks: tuple[tuple[int, str], ...] = ()

    def header_error(self, problem: str, remedy: str) -> InputFileError:
        """Return an error of the header; a file of one column gets the separators as remedy."""
        if len(self.header) == 1:
            names = ", ".join(NAMES[sign] for sign in SEPARATORS)
            problem = f"{problem}; the only column is {self.header[0]!r}"
            remedy = f"{remedy}, separated by one of {names}"
        return line_error(self.path, self.header_line, problem, remedy)

    def cell_error(self, line: int, column: str, problem: str, remedy: str) -> InputFileError:
        """Return the error of one cell; ``problem`` begins with its value."""
        return cell_error(self.path, line, column, problem, remedy)

    def wrong_cell(self, line: int, column: str, text: str, remedy: str) -> InputFileError:
        """Return the error of a cell whose value is not among those that its column takes."""
        return self.cell_error(line, column, f"{text!r} is not possible here", remedy)

    def number(self, line: int, column: str, text: str) -> float:
        """Return the finite number in a cell.

        Raises
        ------
        InputFileError
            If there is none; names line, column and value.
        """
        return self._read(line, column, lambda: number_in(text, self.decimal or POINT))

    def date(self, line: int, column: str, text: str) -> dt.date:
        """Return the date in a cell.

        Raises
        ------
        InputFileError
            If there is none; names line, column and value.
        """
        return self._read(line, column, lambda: date_in(text))

    def _read(self, line: int, column: str, reading: Callable[[], Value]) -> Value:
        try:
            return reading()
        except CellError as error:
            raise self.cell_error(line, column, error.problem, error.remedy) from None


def read_table(
    path: Path,
    dialect: Dialect = DETECTED,
    *,
    begins: str = "with a header",
    naming: Callable[[TextTable], tuple[str, ...]] | None = None,
) -> TextTable:
    """Return the table in a file.

    Parameters
    ----------
    path : Path
        CSV, gzip-compressed CSV or Parquet, by its first bytes.
    dialect : Dialect
        Signs that the caller names.
    begins : str
        How such a file begins, for the error of an empty one.
    naming : callable, optional
        Checks the header of a table whose rows are not read yet, and returns the names of
        its columns: what is wrong with the header is said before what is wrong with a row.

    Raises
    ------
    InputFileError
        If it cannot be read, has no header, a name that is empty or comes twice, a row
        of another length, or more rows or columns than the bounds of this module.
    """
    content = read_bytes(path)
    if content.startswith(PARQUET):
        from system.tables.parquet import parquet_rows  # noqa: PLC0415 - pyarrow loads slowly

        source = _Source(parquet_rows(path, content), COMMA, POINT)
    else:
        source = _text_source(path, text_of(path, content), dialect)
    line, names = next(source.rows, (0, []))
    width = max((place for place, name in enumerate(names, 1) if name), default=0)
    if not width:
        raise InputFileError(path, WHOLE_FILE, "is empty", f"it begins {begins}")
    header = tuple(names[:width])
    _check_header(path, line, header)
    head = TextTable(path, header, line, (), source.separator, source.decimal, source.remarks)
    named = header if naming is None else naming(head)
    return replace(head, header=named, rows=tuple(_checked_rows(path, source, width)))


def with_decimal(table: TextTable, columns: Iterable[str]) -> TextTable:
    """Return a table whose decimal sign is known.

    Parameters
    ----------
    table : TextTable
        From ``read_table``.
    columns : iterable of str
        Those that hold numbers; names that the table does not have are passed over.

    Raises
    ------
    InputFileError
        If the numbers have a sign, and every one could be decimal or separate thousands.
    """
    if table.decimal is not None:
        return table
    wanted = set(columns)
    places = [place for place, name in enumerate(table.header) if name in wanted]
    doubtful: tuple[int, str, str] | None = None
    for line, cells in table.rows:
        for place in places:
            text = cells[place]
            if sign := decimal_evidence(text):
                return replace(table, decimal=sign)
            if doubtful is None and is_ambiguous(text):
                doubtful = line, table.header[place], text
    if doubtful is not None:
        line, column, text = doubtful
        problem = f"{text!r} could have a decimal sign or separate thousands, as every number here"
        remedy = "name the decimal sign with --decimal, or separate the cells by commas"
        raise table.cell_error(line, column, problem, remedy)
    return replace(table, decimal=POINT)


@dataclass(frozen=True, slots=True)
class _Source:
    """Header and rows of a file as they come, and the signs they are written with."""

    rows: Iterator[Row]
    separator: str
    decimal: str | None
    remarks: tuple[tuple[int, str], ...] = ()


def _text_source(path: Path, text: str, dialect: Dialect) -> _Source:
    lines = io.StringIO(text, newline="").readlines()
    remarks, named, start = _head(lines)
    first_rows = islice((line for line in lines[start:] if _is_row(line)), SNIFFED_ROWS)
    separator = dialect.separator or named or separator_of(list(first_rows))
    decimal = dialect.decimal or (POINT if separator == COMMA else None)
    rows = _parsed_rows(path, _RowLines(lines, start), separator)
    return _Source(rows, separator, decimal, remarks)


class _RowLines:
    """Lines of a file for the CSV parser, without remarks between rows.

    ``row_line`` is the number of the line at which the row of the last ``next`` began.
    """

    def __init__(self, lines: Sequence[str], start: int) -> None:
        self._lines = lines
        self._next = start
        self._inside = False
        self.row_line = start + 1

    def end_row(self) -> None:
        self._inside = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while self._next < len(self._lines):
            line = self._lines[self._next]
            self._next += 1
            if self._inside:
                return line
            if not line.startswith(REMARK):
                self._inside, self.row_line = True, self._next
                return line
        raise StopIteration


def _head(lines: Sequence[str]) -> tuple[tuple[tuple[int, str], ...], str | None, int]:
    """Return the remarks before the header, the separator that a line names, the header's index.

    Spreadsheets put quotes around a remark with a separator in it, and fill its row up.
    """
    remarks = []
    named = None
    for index, line in enumerate(lines):
        plain = line.strip(_PADDING)
        if plain.startswith((REMARK, f'"{REMARK}')):
            if plain.startswith('"'):
                plain = plain.removeprefix('"').removesuffix('"').replace('""', '"')
            remarks.append((index + 1, plain))
        elif separator_line := _SEPARATOR_LINE.fullmatch(line.strip(" \r\n")):
            named = separator_line["sign"]
        elif plain:
            return tuple(remarks), named, index
    return tuple(remarks), named, len(lines)


def _is_row(line: str) -> bool:
    return bool(line.strip(_PADDING)) and not line.startswith(REMARK)


def _parsed_rows(path: Path, lines: _RowLines, separator: str) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True)
    while True:
        lines.end_row()
        try:
            cells = [cell_text(cell.strip()) for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            remedy = (
                f"close each quote, and write cells of at most {MAX_CELL_CHARACTERS} characters"
            )
            raise line_error(path, lines.row_line, f"not CSV: {error}", remedy) from None
        if any(cells):
            yield lines.row_line, cells


def _check_header(path: Path, line: int, header: Sequence[str]) -> None:
    remedy = "give every column a name of its own"
    if len(header) > MAX_COLUMNS:
        problem = f"{len(header)} columns, the bound is {MAX_COLUMNS}"
        raise line_error(path, line, problem, "split the file")
    places: dict[str, int] = {}
    for number, name in enumerate(header, 1):
        if not name and number > 1:
            raise line_error(path, line, f"column {number} has no name", remedy)
        if name in places:
            problem = f"columns {places[name]} and {number} are both named {name!r}"
            raise line_error(path, line, problem, remedy)
        places[name] = number


def _checked_rows(path: Path, source: _Source, width: int) -> Iterator[Row]:
    for count, (line, cells) in enumerate(source.rows, 1):
        if len(cells) > width and not any(cells[width:]):
            del cells[width:]
        if len(cells) != width:
            separated = f"separated by {NAMES[source.separator]}"
            problem = f"{len(cells)} cells under {width} columns, {separated}"
            raise line_error(path, line, problem, "make the row as long as the header")
        if count > MAX_ROWS:
            raise line_error(path, line, f"more than {MAX_ROWS} rows", "split the file")
        yield line, cells
