"""The terms of options in a file of instruments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final, TypeVar

from system.contracts.messages import AssetClass, OptionRight, VolatilityShift
from system.risk.listing import Listing, OptionTerms
from system.tables.cells import is_missing
from system.tables.text_table import TextTable

NEEDED: Final = ("underlying", "right", "strike", "expiry", "volatility")
OPTIONAL: Final = ("rate", "dividend_yield", "volatility_series", "volatility_shift")
OPTION_COLUMNS: Final = (*NEEDED, *OPTIONAL)
OPTION_NUMBERS: Final = ("strike", "volatility", "rate", "dividend_yield")
_EMPTIED: Final = ("multiplier", "expiry", *OPTION_NUMBERS)
MAX_VOLATILITY: Final = 10.0
"""Per year: 1,000 %."""

Rows = Mapping[str, tuple[int, Mapping[str, str]]]
"""Per instrument its line and its cells, without those of no column."""
Word = TypeVar("Word", bound=StrEnum)


def without_missing(cells: Mapping[str, str]) -> dict[str, str]:
    """Return cells in which numbers and dates are empty where the cell says that there is none."""
    empty = {name: "" for name in _EMPTIED if name in cells and is_missing(cells[name])}
    return {**cells, **empty}


def with_terms(table: TextTable, listings: Mapping[str, Listing], rows: Rows) -> dict[str, Listing]:
    """Return the listings of a file with the terms of its options.

    Parameters
    ----------
    table : TextTable
        The file.
    listings : mapping of str to Listing
        All of it, options without terms.
    rows : mapping of str to (int, mapping of str to str)
        Line and cells of each.

    Returns
    -------
    dict of str to Listing
        An option none of whose cells is filled stays without terms: it is refused by name where
        it is held.

    Raises
    ------
    InputFileError
        If a cell of an option is not what it must be, or one of another instrument is
        filled; names line and column.
    """
    return {
        name: _with_own_terms(table, listing, listings, *rows[name])
        for name, listing in listings.items()
    }


def _with_own_terms(
    table: TextTable,
    listing: Listing,
    listings: Mapping[str, Listing],
    line: int,
    cells: Mapping[str, str],
) -> Listing:
    filled = [name for name in OPTION_COLUMNS if cells.get(name)]
    if not filled:
        return listing
    if listing.asset_class is not AssetClass.OPTION:
        remedy = f"leave it empty: {listing.instrument_id} is no option"
        raise table.wrong_cell(line, filled[0], cells[filled[0]], remedy)
    for name in NEEDED:
        if name not in filled:
            raise table.wrong_cell(line, name, "", "fill it in: an option needs it")
    return replace(listing, option=_terms(table, listing, listings, line, cells))


def _terms(
    table: TextTable,
    listing: Listing,
    listings: Mapping[str, Listing],
    line: int,
    cells: Mapping[str, str],
) -> OptionTerms:
    def number(column: str, least: float, most: float, remedy: str) -> float:
        text = cells.get(column, "")
        value = table.number(line, column, text) if text else 0.0
        if not least <= value <= most:
            raise table.wrong_cell(line, column, text, remedy)
        return value

    per_year = "write it per year, 0.02 for 2 %"
    return OptionTerms(
        underlying=_underlying(table, line, listing, listings, cells["underlying"]),
        right=_word(table, line, "right", cells["right"], OptionRight),
        strike=number("strike", 1e-9, 1e15, "write a number above zero"),
        expiry=table.date(line, "expiry", cells["expiry"]),
        volatility=number("volatility", 1e-4, MAX_VOLATILITY, "write it per year, 0.25 for 25 %"),
        rate=number("rate", -1.0, 1.0, per_year),
        dividend_yield=number("dividend_yield", -1.0, 1.0, per_year),
        volatility_series=cells.get("volatility_series", ""),
        volatility_shift=_word(
            table,
            line,
            "volatility_shift",
            cells.get("volatility_shift", "") or VolatilityShift.RELATIVE.value,
            VolatilityShift,
        ),
    )


def _underlying(
    table: TextTable, line: int, listing: Listing, listings: Mapping[str, Listing], name: str
) -> Listing:
    known = listings.get(name)
    if known is None:
        raise table.wrong_cell(line, "underlying", name, "add a row for it")
    if known.is_money or known.asset_class is AssetClass.OPTION or known.is_absolute:
        remedy = f"name what has a price of its own and relative returns, no {known.asset_class}"
        raise table.wrong_cell(line, "underlying", name, remedy)
    if known.currency != listing.currency:
        remedy = f"it is in {known.currency}, the option in {listing.currency}: make them one"
        raise table.wrong_cell(line, "underlying", name, remedy)
    return known


def _word(table: TextTable, line: int, column: str, text: str, words: type[Word]) -> Word:
    try:
        return words(text)
    except ValueError:
        raise table.wrong_cell(line, column, text, f"write one of {', '.join(words)}") from None
