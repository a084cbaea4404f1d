"""Price files: daily closes as a wide table, one column per series.

::

    date,AAPL,fx:EUR
    2020-01-02,75.09,
    2020-01-03,74.36,1.0

``fx:CCY`` are units of the currency for 1 EUR. Separators, dates and missing closes: see
``system.tables``.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Collection
from pathlib import Path

import msgspec
import numpy as np

from system.client.errors import PortfolioFileError
from system.contracts.api.risk import PortfolioImport
from system.contracts.messages import MAX_CLOSES_PER_SERIES, CloseHistory, ClosePoint, ReturnType
from system.risk.arrays import Float64Vector, IndexVector
from system.tables.closes import FX_PREFIX, CloseFile, read_close_file
from system.tables.dialect import DETECTED, Dialect
from system.tables.errors import cell_error


def with_histories(
    book: PortfolioImport,
    path: Path,
    until: dt.date | None = None,
    dialect: Dialect = DETECTED,
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
    dialect : Dialect
        Separator and decimal sign where the caller names them.

    Raises
    ------
    InputFileError
        Names the file, the line, the column and the value.
    """
    absolute = {
        instrument.instrument
        for instrument in book.instruments
        if instrument.return_type is ReturnType.ABSOLUTE
    }
    histories = read_closes(
        path, wanted=_series_of(book), until=until, absolute=absolute, dialect=dialect
    )
    return msgspec.structs.replace(book, histories=(*book.histories, *histories))


def _series_of(book: PortfolioImport) -> set[str]:
    described = {instrument.instrument for instrument in book.instruments}
    held = {position.instrument for position in book.portfolio.positions}
    options = [
        instrument.option for instrument in book.instruments if instrument.option is not None
    ]
    behind = {instrument.proxy for instrument in book.instruments} | {
        option.underlying for option in options
    }
    named = {*behind, *(option.volatility_series for option in options)} - {None}
    return {*described, *held, *map(str, named)}


def read_closes(
    path: Path,
    *,
    wanted: Collection[str] | None = None,
    until: dt.date | None = None,
    absolute: Collection[str] = (),
    dialect: Dialect = DETECTED,
) -> tuple[CloseHistory, ...]:
    """Return the newest closes of each wanted column, and of every FX column.

    Parameters
    ----------
    path : Path
        Wide table of dates and series; the same closes as a backtest reads from it.
    wanted : collection of str or None
        Names of columns besides the FX ones; None: all.
    until : date or None
        The last day to take; None: all.
    absolute : collection of str
        Columns whose closes can be zero or negative.
    dialect : Dialect
        Separator and decimal sign where the caller names them.

    Returns
    -------
    tuple of CloseHistory
        In the file's order of columns, each with at most ``MAX_CLOSES_PER_SERIES`` closes.

    Raises
    ------
    InputFileError
        Names the file, the line, the column and the value.
    """
    file = read_close_file(path, dialect)
    dates = file.closes.dates
    end = len(dates) if until is None else bisect_right(dates, until)
    histories = []
    for name, closes in zip(file.closes.names, file.closes.closes[:, :end], strict=True):
        if wanted is None or name in wanted or name.startswith(FX_PREFIX):
            days = np.flatnonzero(~np.isnan(closes))
            if name not in absolute:
                _refuse_not_positive(file, name, closes, days)
            points = [
                ClosePoint(dates[day], close)
                for day, close in zip(days.tolist(), closes[days].tolist(), strict=True)
            ]
            if points:
                histories.append(_history(path, name, points))
    return tuple(histories)


def _refuse_not_positive(
    file: CloseFile, name: str, closes: Float64Vector, days: IndexVector
) -> None:
    for day in days[closes[days] <= 0].tolist():
        problem = f"{float(closes[day])!r} is not a positive close"
        remedy = "leave the cell empty; only return_type absolute can be zero or negative"
        raise cell_error(file.path, file.lines[day], name, problem, remedy)


def _history(path: Path, series: str, points: list[ClosePoint]) -> CloseHistory:
    fields = {"series": series, "closes": tuple(points[-MAX_CLOSES_PER_SERIES:])}
    try:
        return msgspec.convert(fields, CloseHistory)
    except msgspec.ValidationError as error:
        raise PortfolioFileError(path, 1, f"column {series!r}: {error}") from None
