"""The input files of a backtest, read once into what `system.backtest` takes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from system.backtest.engine.days import BacktestMarket
from system.backtest.engine.positions import ALWAYS, BacktestBook, DatedQuantity
from system.backtest.engine.splits import DatedSplit
from system.book.state.positions import cash_currency
from system.contracts.currencies import checked_currency, checked_iso_currency
from system.contracts.messages import AssetClass, ReturnType
from system.contracts.text.checked import Rule, TextError
from system.contracts.text.names import checked_name
from system.errors import InputError
from system.risk.listing import Listing
from system.risk.scenarios.window import CloseTable
from system.tables.cells import is_missing
from system.tables.closes import read_close_file
from system.tables.dialect import DETECTED, Dialect
from system.tables.errors import InputFileError
from system.tables.named_columns import named_cells, read_named
from system.tables.text_table import TextTable
from validation.backtest.option_rows import (
    OPTION_COLUMNS,
    OPTION_NUMBERS,
    with_terms,
    without_missing,
)

POSITION_COLUMNS: Final = ("portfolio", "instrument", "quantity")
INSTRUMENT_COLUMNS: Final = ("instrument", "asset_class", "currency")
SPLIT_COLUMNS: Final = ("instrument", "date", "ratio")


@dataclass(frozen=True, slots=True)
class InputPaths:
    """Paths of the input files."""

    prices: Path
    positions: Path
    instruments: Path | None = None
    fx: Path | None = None
    splits: Path | None = None

    def present(self) -> dict[str, Path]:
        """Return the files that were named, by what they hold."""
        named = {
            "prices": self.prices,
            "positions": self.positions,
            "instruments": self.instruments,
            "fx": self.fx,
            "splits": self.splits,
        }
        return {name: path for name, path in named.items() if path is not None}


@dataclass(frozen=True, slots=True, eq=False)
class BacktestInput:
    """Market, books and splits of the files.

    Parameters
    ----------
    market : BacktestMarket
        Closes and rates.
    books : tuple of BacktestBook
        Ascending by portfolio.
    splits : tuple of DatedSplit
        Not yet in the closes.
    refused : mapping of str to InputError
        By portfolio: books that hold an instrument that is not listed, or an option without terms.
    """

    market: BacktestMarket
    books: tuple[BacktestBook, ...]
    splits: tuple[DatedSplit, ...]
    refused: Mapping[str, InputError]


def read_input(paths: InputPaths, base_currency: str, dialect: Dialect = DETECTED) -> BacktestInput:
    """Return everything that the files say.

    Parameters
    ----------
    paths : InputPaths
        Where they are.
    base_currency : str
        ISO code; of every portfolio.
    dialect : Dialect
        Separator and decimal sign of all files, where the caller names them.

    Raises
    ------
    InputFileError
        If a file cannot be read or a cell is wrong; names file, line, column and value.
    """
    closes = read_close_file(paths.prices, dialect).closes
    rates = _read_rates(paths.fx, dialect)
    listings = None if paths.instruments is None else _read_listings(paths.instruments, dialect)
    books, refused = _read_books(paths.positions, listings, base_currency, dialect)
    splits = () if paths.splits is None else _read_splits(paths.splits, dialect)
    return BacktestInput(BacktestMarket(closes, rates), books, splits, refused)


def _read_rates(path: Path | None, dialect: Dialect) -> CloseTable:
    if path is None:
        return CloseTable((), (), np.zeros((0, 0)))
    rates = read_close_file(path, dialect).closes
    for name in rates.names:
        _ruled(path, f"the header, column {name}", name, checked_iso_currency)
    return rates


def _read_listings(path: Path, dialect: Dialect) -> dict[str, Listing]:
    table = read_named(
        path,
        INSTRUMENT_COLUMNS,
        ("multiplier", "return_type", "name", *OPTION_COLUMNS),
        numbers=("multiplier", *OPTION_NUMBERS),
        dialect=dialect,
    )
    listings: dict[str, Listing] = {}
    rows: dict[str, tuple[int, Mapping[str, str]]] = {}
    for line, cells in named_cells(table):
        named = without_missing(cells)
        listing = _listing(table, line, named)
        if listing.instrument_id in listings:
            remedy = "keep one row per instrument"
            raise table.wrong_cell(line, "instrument", listing.instrument_id, remedy)
        listings[listing.instrument_id] = listing
        rows[listing.instrument_id] = line, named
    return with_terms(table, listings, rows)


def _listing(table: TextTable, line: int, cells: Mapping[str, str]) -> Listing:
    name = _filled(table, line, "instrument", cells)
    asset_class = _asset_class(table, line, cells["asset_class"])
    currency = cells["currency"]
    _ruled(table.path, f"line {line}, column currency", currency, checked_currency)
    text = cells.get("multiplier", "")
    multiplier = table.number(line, "multiplier", text) if text else 1.0
    is_money = asset_class in (AssetClass.FX, AssetClass.CASH)
    if multiplier <= 0.0 or (is_money and multiplier != 1.0):
        remedy = "write 1: it is an amount" if is_money else "write a number above zero"
        raise table.wrong_cell(line, "multiplier", text, remedy)
    return Listing(name, asset_class, currency, multiplier, _return_type(table, line, cells))


def _asset_class(table: TextTable, line: int, text: str) -> AssetClass:
    try:
        return AssetClass(text)
    except ValueError:
        remedy = f"write one of {', '.join(AssetClass)}"
        raise table.wrong_cell(line, "asset_class", text, remedy) from None


def _return_type(table: TextTable, line: int, cells: Mapping[str, str]) -> ReturnType:
    text = cells.get("return_type", "") or ReturnType.RELATIVE.value
    try:
        return ReturnType(text)
    except ValueError:
        remedy = f"write one of {', '.join(ReturnType)}, or leave it empty"
        raise table.wrong_cell(line, "return_type", text, remedy) from None


def _read_books(
    path: Path, listings: Mapping[str, Listing] | None, base_currency: str, dialect: Dialect
) -> tuple[tuple[BacktestBook, ...], dict[str, InputError]]:
    table = read_named(path, POSITION_COLUMNS, ("date",), numbers=("quantity",), dialect=dialect)
    held: dict[str, dict[tuple[str, dt.date], DatedQuantity]] = {}
    for line, cells in named_cells(table):
        portfolio = _filled(table, line, "portfolio", cells)
        quantity = _dated_quantity(table, line, cells)
        own = held.setdefault(portfolio, {})
        if (quantity.instrument_id, quantity.held_from) in own:
            remedy = "keep one row per portfolio, instrument and date"
            raise table.wrong_cell(line, "instrument", quantity.instrument_id, remedy)
        own[quantity.instrument_id, quantity.held_from] = quantity
    if not held:
        raise table.header_error("no position", "add at least one row")
    books: list[BacktestBook] = []
    refused: dict[str, InputError] = {}
    for portfolio, own in sorted(held.items()):
        known = _known(listings, own.values(), base_currency)
        try:
            books.append(BacktestBook(portfolio, base_currency, known, tuple(own.values())))
        except InputError as error:
            refused[portfolio] = error
    return tuple(books), refused


def _dated_quantity(table: TextTable, line: int, cells: Mapping[str, str]) -> DatedQuantity:
    quantity = table.number(line, "quantity", cells["quantity"])
    date = cells.get("date", "")
    return DatedQuantity(
        _filled(table, line, "instrument", cells),
        quantity,
        ALWAYS if is_missing(date) else table.date(line, "date", date),
    )


def _known(
    listings: Mapping[str, Listing] | None,
    quantities: Iterable[DatedQuantity],
    base_currency: str,
) -> dict[str, Listing]:
    """Return the listings of a book: declared ones, cash, and by default domestic shares."""
    known: dict[str, Listing] = dict(listings or {})
    for name in {quantity.instrument_id for quantity in quantities} - known.keys():
        currency = cash_currency(name)
        if currency is not None:
            known[name] = Listing(name, AssetClass.CASH, currency)
        elif listings is None:
            known[name] = Listing(name, AssetClass.EQUITY, base_currency)
    return known


def _read_splits(path: Path, dialect: Dialect) -> tuple[DatedSplit, ...]:
    table = read_named(path, SPLIT_COLUMNS, numbers=("ratio",), dialect=dialect)
    splits: dict[tuple[str, dt.date], DatedSplit] = {}
    for line, cells in named_cells(table):
        name = _filled(table, line, "instrument", cells)
        ratio = table.number(line, "ratio", cells["ratio"])
        date = table.date(line, "date", cells["date"])
        if ratio <= 0.0 or (name, date) in splits:
            remedy = "write new shares per old share, above zero, once per instrument and date"
            raise table.wrong_cell(line, "ratio", cells["ratio"], remedy)
        splits[name, date] = DatedSplit(name, date, ratio)
    return tuple(splits.values())


def _ruled(path: Path, where: str, text: str, rule: Rule) -> str:
    """Return a text of a file as its rule keeps it."""
    try:
        return rule(text)
    except TextError as error:
        raise InputFileError(path, where, str(error), "") from None


def _filled(table: TextTable, line: int, column: str, cells: Mapping[str, str]) -> str:
    if not cells[column]:
        raise table.wrong_cell(line, column, "", "fill it in")
    return _ruled(table.path, f"line {line}, column {column}", cells[column], checked_name)
