"""Price files: daily closes as a wide CSV, one column per series.

::

    date,AAPL,fx:EUR
    2020-01-02,75.09,
    2020-01-03,74.36,1.0

``fx:CCY`` are units of the currency for 1 EUR. An empty cell is a day without a close.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import msgspec

from system.client.cells import cells_of, number_of, read_text
from system.client.errors import PortfolioFileError
from system.contracts.api import PortfolioImport
from system.contracts.messages import MAX_CLOSES_PER_SERIES, CloseHistory, ClosePoint, ReturnType

DATE_COLUMN: Final = "date"
FX_PREFIX: Final = "fx:"


def with_histories(
    book: PortfolioImport, path: Path, until: dt.date | None = None
) -> PortfolioImport:
    """Return a book with the closes of a price file that it needs.

    Parameters
    ----------
    book : PortfolioImport
        What it holds and describes, what its options are on and move with, proxies, and FX
        are looked for among the columns; others are left alone.
    path : Path
        The price file.
    until : date or None
        The last day to take; None: all.

    Raises
    ------
    PortfolioFileError
        Names the file, the line, the column and the value.
    """
    absolute = {
        one.instrument for one in book.instruments if one.return_type is ReturnType.ABSOLUTE
    }
    histories = read_closes(path, wanted=_series_of(book), until=until, absolute=absolute)
    return msgspec.structs.replace(book, histories=(*book.histories, *histories))


def _series_of(book: PortfolioImport) -> set[str]:
    described = {one.instrument for one in book.instruments}
    held = {position.instrument for position in book.portfolio.positions}
    options = [one.option for one in book.instruments if one.option is not None]
    behind = {one.proxy for one in book.instruments} | {one.underlying for one in options}
    named = {*behind, *(one.volatility_series for one in options)} - {None}
    return {*described, *held, *map(str, named)}


def read_closes(
    path: Path,
    *,
    wanted: Collection[str],
    until: dt.date | None = None,
    absolute: Collection[str] = (),
) -> tuple[CloseHistory, ...]:
    """Return the newest closes of each wanted column, and of every FX column.

    Parameters
    ----------
    path : Path
        Wide CSV whose first column is the ISO date, growing.
    wanted : collection of str
        Names of columns besides the FX ones.
    until : date or None
        The last day to take; None: all.
    absolute : collection of str
        Columns whose closes can be zero or negative.

    Returns
    -------
    tuple of CloseHistory
        In the file's order of columns, each with at most ``MAX_CLOSES_PER_SERIES`` closes.

    Raises
    ------
    PortfolioFileError
        Names the file, the line, the column and the value.
    """
    lines = read_text(path).splitlines()
    header = _header(path, cells_of(path, 1, lines[0]) if lines else [])
    chosen = [i for i, name in enumerate(header) if name in wanted or name.startswith(FX_PREFIX)]
    points: dict[int, list[ClosePoint]] = {index: [] for index in chosen}
    for line, date, cells in _days(path, lines, len(header)):
        if until is not None and date > until:
            break
        for index in chosen:
            if cells[index]:
                point = _point(path, line, header[index], date, cells[index])
                if point.value <= 0 and header[index] not in absolute:
                    detail = f"{header[index]}: {cells[index]!r} is not a positive close"
                    raise PortfolioFileError(path, line, detail)
                points[index].append(point)
    return tuple(_history(path, header[index], points[index]) for index in chosen if points[index])


def _header(path: Path, header: list[str]) -> list[str]:
    if not header or header[0].lower() != DATE_COLUMN:
        found = header[0] if header else ""
        raise PortfolioFileError(path, 1, f"the first column is {found!r}, not {DATE_COLUMN!r}")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise PortfolioFileError(path, 1, f"columns {', '.join(repeated)} stand twice")
    return header


def _days(path: Path, lines: list[str], width: int) -> Iterator[tuple[int, dt.date, list[str]]]:
    before: dt.date | None = None
    for line, text in enumerate(lines[1:], start=2):
        if not text.strip():
            continue
        cells = cells_of(path, line, text)
        if len(cells) != width:
            raise PortfolioFileError(path, line, f"{len(cells)} cells under {width} columns")
        date = _date(path, line, cells[0])
        if before is not None and date <= before:
            raise PortfolioFileError(path, line, f"date: {date} does not come after {before}")
        before = date
        yield line, date, cells


def _date(path: Path, line: int, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise PortfolioFileError(path, line, f"date: {text!r} is not like 2020-02-03") from None


def _point(path: Path, line: int, column: str, date: dt.date, text: str) -> ClosePoint:
    value = number_of(path, line, column, text)
    return ClosePoint(date, value)


def _history(path: Path, series: str, points: list[ClosePoint]) -> CloseHistory:
    fields = {"series": series, "closes": tuple(points[-MAX_CLOSES_PER_SERIES:])}
    try:
        return msgspec.convert(fields, CloseHistory)
    except msgspec.ValidationError as error:
        raise PortfolioFileError(path, 1, f"column {series!r}: {error}") from None
