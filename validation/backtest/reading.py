"""The input files of a backtest, read once into what `system.backtest` takes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from system.backtest.days import BacktestMarket
from system.backtest.positions import ALWAYS, BacktestBook, DatedQuantity
from system.backtest.splits import Split
from system.contracts.messages import AssetClass, ReturnType
from system.risk.currency import MINOR_UNITS
from system.risk.listing import Listing
from system.risk.window import CloseTable
from validation.backtest.errors import InputFileError
from validation.backtest.option_rows import OPTION_COLUMNS, with_terms
from validation.backtest.tables import (
    TextTable,
    cell_error,
    close_table,
    parsed_date,
    parsed_number,
    text_table,
)

CURRENCY: Final = re.compile(r"[A-Z]{3}")
CASH_PREFIX: Final = "cash:"
"""``cash:EUR`` is an amount of euro, without a row of its own."""

POSITION_COLUMNS: Final = ("portfolio", "instrument", "quantity")
INSTRUMENT_COLUMNS: Final = ("instrument", "asset_class", "currency")
SPLIT_COLUMNS: Final = ("instrument", "date", "ratio")


@dataclass(frozen=True, slots=True)
class InputPaths:
    """Where the input is."""

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
    """What the files say."""

    market: BacktestMarket
    books: tuple[BacktestBook, ...]
    splits: tuple[Split, ...]


def read_input(paths: InputPaths, base_currency: str) -> BacktestInput:
    """Return everything that the files say.

    Parameters
    ----------
    paths : InputPaths
        Where they are.
    base_currency : str
        ISO code; of every portfolio.

    Raises
    ------
    InputFileError
        If a file does not say what it has to; names file, line, column and value.
    UnknownInstrumentError
        If a position is not among the instruments.
    UnsupportedInstrumentError
        If a position is an option without terms.
    """
    closes = close_table(text_table(paths.prices))
    rates = _read_rates(paths.fx)
    listings = None if paths.instruments is None else _read_listings(paths.instruments)
    books = _read_books(paths.positions, listings, base_currency)
    splits = () if paths.splits is None else _read_splits(paths.splits)
    return BacktestInput(BacktestMarket(closes, rates), books, splits)


def _read_rates(path: Path | None) -> CloseTable:
    if path is None:
        return CloseTable((), (), np.zeros((0, 0)))
    table = text_table(path)
    for name in table.header[1:]:
        if not CURRENCY.fullmatch(name):
            remedy = "name each column by the ISO code of its currency, such as EUR"
            raise InputFileError(path, "line 1", f"column {name!r} is no currency", remedy)
    return close_table(table)


def _read_listings(path: Path) -> dict[str, Listing]:
    table = text_table(path)
    optional = ("multiplier", "return_type", "name", *OPTION_COLUMNS)
    columns = _columns(table, INSTRUMENT_COLUMNS, optional)
    listings: dict[str, Listing] = {}
    rows: dict[str, tuple[int, Mapping[str, str]]] = {}
    for line, cells in table.rows:
        named = _named(columns, cells)
        listing = _listing(table, line, named)
        if listing.instrument_id in listings:
            remedy = "keep one row per instrument"
            raise cell_error(table, line, "instrument", listing.instrument_id, remedy)
        listings[listing.instrument_id] = listing
        rows[listing.instrument_id] = line, named
    return with_terms(table, listings, rows)


def _listing(table: TextTable, line: int, cells: Mapping[str, str]) -> Listing:
    name = _filled(table, line, "instrument", cells)
    asset_class = _asset_class(table, line, cells["asset_class"])
    currency = cells["currency"]
    if not (CURRENCY.fullmatch(currency) or currency in MINOR_UNITS):
        raise cell_error(table, line, "currency", currency, "write an ISO code such as USD, or GBp")
    text = cells.get("multiplier", "")
    multiplier = parsed_number(table, line, "multiplier", text) if text else 1.0
    is_money = asset_class in (AssetClass.FX, AssetClass.CASH)
    if multiplier <= 0.0 or (is_money and multiplier != 1.0):
        remedy = "write 1: it is an amount" if is_money else "write a number above zero"
        raise cell_error(table, line, "multiplier", text, remedy)
    return Listing(name, asset_class, currency, multiplier, _return_type(table, line, cells))


def _asset_class(table: TextTable, line: int, text: str) -> AssetClass:
    try:
        return AssetClass(text)
    except ValueError:
        remedy = f"write one of {', '.join(AssetClass)}"
        raise cell_error(table, line, "asset_class", text, remedy) from None


def _return_type(table: TextTable, line: int, cells: Mapping[str, str]) -> ReturnType:
    text = cells.get("return_type", "") or ReturnType.RELATIVE.value
    try:
        return ReturnType(text)
    except ValueError:
        remedy = f"write one of {', '.join(ReturnType)}, or leave it empty"
        raise cell_error(table, line, "return_type", text, remedy) from None


def _read_books(
    path: Path, listings: Mapping[str, Listing] | None, base_currency: str
) -> tuple[BacktestBook, ...]:
    table = text_table(path)
    columns = _columns(table, POSITION_COLUMNS, ("date",))
    held: dict[str, dict[tuple[str, dt.date], DatedQuantity]] = {}
    for line, cells in table.rows:
        named = _named(columns, cells)
        portfolio = _filled(table, line, "portfolio", named)
        one = _dated_quantity(table, line, named)
        own = held.setdefault(portfolio, {})
        if (one.instrument_id, one.held_from) in own:
            remedy = "keep one row per portfolio, instrument and date"
            raise cell_error(table, line, "instrument", one.instrument_id, remedy)
        own[one.instrument_id, one.held_from] = one
    if not held:
        raise InputFileError(path, "line 1", "no position", "add at least one row")
    return tuple(
        BacktestBook(
            portfolio,
            base_currency,
            _known(listings, own.values(), base_currency),
            tuple(own.values()),
        )
        for portfolio, own in sorted(held.items())
    )


def _dated_quantity(table: TextTable, line: int, cells: Mapping[str, str]) -> DatedQuantity:
    quantity = parsed_number(table, line, "quantity", cells["quantity"])
    date = cells.get("date", "")
    return DatedQuantity(
        _filled(table, line, "instrument", cells),
        quantity,
        parsed_date(table, line, "date", date) if date else ALWAYS,
    )


def _known(
    listings: Mapping[str, Listing] | None,
    quantities: Iterable[DatedQuantity],
    base_currency: str,
) -> dict[str, Listing]:
    """Return the listings of a book: declared ones, cash, and by default domestic shares."""
    known: dict[str, Listing] = dict(listings or {})
    for name in {one.instrument_id for one in quantities} - known.keys():
        currency = name.removeprefix(CASH_PREFIX)
        if name.startswith(CASH_PREFIX) and CURRENCY.fullmatch(currency):
            known[name] = Listing(name, AssetClass.CASH, currency)
        elif listings is None:
            known[name] = Listing(name, AssetClass.EQUITY, base_currency)
    return known


def _read_splits(path: Path) -> tuple[Split, ...]:
    table = text_table(path)
    columns = _columns(table, SPLIT_COLUMNS, ())
    splits: dict[tuple[str, dt.date], Split] = {}
    for line, cells in table.rows:
        named = _named(columns, cells)
        name = _filled(table, line, "instrument", named)
        ratio = parsed_number(table, line, "ratio", named["ratio"])
        date = parsed_date(table, line, "date", named["date"])
        if ratio <= 0.0 or (name, date) in splits:
            remedy = "write new shares per old share, above zero, once per instrument and date"
            raise cell_error(table, line, "ratio", named["ratio"], remedy)
        splits[name, date] = Split(name, date, ratio)
    return tuple(splits.values())


def _columns(
    table: TextTable, required: tuple[str, ...], optional: tuple[str, ...]
) -> dict[str, int]:
    """Return where each column is; a column that nobody reads is an error, not a typo."""
    for name in required:
        if name not in table.header:
            problem = f"no column {name}"
            raise InputFileError(table.path, "line 1", problem, f"write {','.join(required)}")
    for name in table.header:
        if name not in (*required, *optional):
            remedy = f"known columns are {', '.join((*required, *optional))}"
            raise InputFileError(table.path, "line 1", f"unknown column {name!r}", remedy)
    return {name: index for index, name in enumerate(table.header)}


def _named(columns: Mapping[str, int], cells: list[str]) -> dict[str, str]:
    return {name: cells[index].strip() for name, index in columns.items()}


def _filled(table: TextTable, line: int, column: str, cells: Mapping[str, str]) -> str:
    if not cells[column]:
        raise cell_error(table, line, column, "", "fill it in")
    return cells[column]
