"""Files of prices: a wide table of daily closes, or a row per price; in the order of time.

A file with a column for the ticker has a row per price; any other is the price file of
`portfolio import`: a date, then one column per series, each cell the last price of its day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from system.feed.field_map import FieldMap, FieldNames
from system.feed.prices import PriceMaker, PriceMessage, Quote, TimeError, time_ns_of
from system.tables.cells import is_missing
from system.tables.closes import LONG_COLUMNS, read_close_file
from system.tables.dialect import DETECTED, Dialect
from system.tables.text_table import TextTable, read_table, with_decimal

TIME_COLUMNS: Final = ("time", "timestamp", "datetime", "date")
TICKER_COLUMNS: Final = ("ticker", "symbol", "instrument")
NUMBER_FIELDS: Final = ("mid", "bid", "ask", "volume")
WRITE_WHOLE: Final = "write a whole number such as 17"


def read_prices(path: Path, field_map: FieldMap, dialect: Dialect = DETECTED) -> list[PriceMessage]:
    """Return the prices of a file in the order of their times, rows of one time as they come.

    Parameters
    ----------
    path : Path
        CSV, gzip-compressed CSV or Parquet.
    field_map : FieldMap
        Its columns; without fields they are named ``time``, ``ticker``, ``mid`` or ``bid`` and
        ``ask``, ``volume``, ``sequence``.
    dialect : Dialect
        Signs that the caller names.

    Raises
    ------
    InputFileError
        If a cell is not what its column holds; names file, line, column and value.
    """
    head = read_table(path, dialect, begins="time,ticker,mid or date,AAA,BBB")
    names = _field_names(head, field_map)
    prices = _closes(path, field_map, dialect) if names is None else _rows(head, names, field_map)
    return sorted(prices, key=lambda price: price.event_time_ns)


def _field_names(head: TextTable, field_map: FieldMap) -> Mapping[str, str] | None:
    """Return the column of each field that the file has; None for a wide table.

    Raises
    ------
    InputFileError
        If a column that the map names, or one that every price needs, is not there.
    """
    stated = field_map.fields
    if stated is None:
        folded = {name.lower(): name for name in head.header}
        if not LONG_COLUMNS & folded.keys():
            return None
        named = {
            "time": next((folded[name] for name in TIME_COLUMNS if name in folded), "time"),
            "ticker": next((folded[name] for name in TICKER_COLUMNS if name in folded), "ticker"),
        }
        rest = (*NUMBER_FIELDS, "sequence")
        named |= {field: folded[field] for field in rest if field in folded}
    else:
        every = {name: getattr(stated, name) for name in FieldNames.__struct_fields__}
        named = {field: column for field, column in every.items() if column is not None}
    for field, column in named.items():
        if column not in head.header:
            remedy = f"name it: --column {field}=COLUMN, one of {', '.join(head.header)}"
            raise head.header_error(f"no column {column!r} for the field {field}", remedy)
    if "mid" not in named and not {"bid", "ask"} <= named.keys():
        raise head.header_error(
            "no column for mid, nor for bid and ask", "name one: --column mid=COLUMN"
        )
    return named


def _closes(path: Path, field_map: FieldMap, dialect: Dialect) -> list[PriceMessage]:
    file = read_close_file(path, dialect)
    maker, table = PriceMaker(field_map), file.closes
    prices = []
    for index, (date, line) in enumerate(zip(table.dates, file.lines, strict=True)):
        moment = dt.datetime.combine(date, field_map.close_time, field_map.time_zone)
        time_ns = int(moment.timestamp()) * 10**9
        for name, close in zip(table.names, table.closes[:, index].tolist(), strict=True):
            if not np.isnan(close):
                quote = Quote(name, time_ns, mid=close)
                prices.append(maker.message(f"line {line}, column {name}", quote))
    return prices


def _rows(head: TextTable, names: Mapping[str, str], field_map: FieldMap) -> list[PriceMessage]:
    table = with_decimal(head, [names[field] for field in NUMBER_FIELDS if field in names])
    place_of = {field: table.header.index(column) for field, column in names.items()}
    maker = PriceMaker(field_map)
    prices = []
    for line, cells in table.rows:
        texts = {field: cells[place] for field, place in place_of.items()}
        try:
            time_ns = time_ns_of(texts["time"], field_map)
        except TimeError as error:
            raise table.cell_error(line, names["time"], str(error), "") from None
        numbers = {
            field: table.number(line, names[field], texts[field])
            for field in NUMBER_FIELDS
            if not is_missing(texts.get(field, ""))
        }
        if "mid" not in numbers and not {"bid", "ask"} <= numbers.keys():
            field = "mid" if "mid" in names else "bid"
            raise table.cell_error(
                line, names[field], f"{texts[field]!r} is no price", "write a number such as 1234.5"
            )
        sequence = texts.get("sequence")
        quote = Quote(
            texts["ticker"],
            time_ns,
            sequence=None if sequence is None else _whole(table, line, names, sequence),
            **numbers,
        )
        prices.append(maker.message(f"line {line}", quote))
    return prices


def _whole(table: TextTable, line: int, names: Mapping[str, str], text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    raise table.wrong_cell(line, names["sequence"], text, WRITE_WHOLE)
