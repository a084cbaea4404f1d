"""The lines of a portfolio file in CSV: what is held, and what an instrument is.

A line with neither quantity nor entry price describes an instrument that is not held, as the
underlying of an option. Columns bear the names of the contracts' fields; an empty cell leaves
the field at its default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from system.client.errors import PortfolioFileError
from system.client.files.cells import converted, date_of, number_of
from system.contracts.messages import (
    PRICE_MIN,
    AssetClass,
    Instrument,
    OpeningPosition,
    OptionTerms,
    ReturnType,
    field_names,
)
from system.tables.cells import POINT, is_missing

NEEDED_COLUMNS: Final = ("instrument", "quantity", "entry_price")
DESCRIBING_COLUMNS: Final = tuple(
    name for name in field_names(Instrument) if name not in ("instrument", "option")
)
OPTION_COLUMNS: Final = field_names(OptionTerms)
KNOWN_COLUMNS: Final = (*NEEDED_COLUMNS, *DESCRIBING_COLUMNS, *OPTION_COLUMNS)


def _needed(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(field.encode_name for field in msgspec.structs.fields(kind) if field.required)


NEEDED_OF_OPTIONS: Final = _needed(OptionTerms)
NUMBERS: Final = ("multiplier", "strike", "volatility", "rate", "dividend_yield")
NUMBER_COLUMNS: Final = ("quantity", "entry_price", *NUMBERS)
DATES: Final = ("expiry",)
TYPED: Final = (*NUMBERS, *DATES)


@dataclass(frozen=True)
class Row:
    """One line of a CSV file: its number, its cells by column, and the file's decimal sign."""

    line: int
    cells: Mapping[str, str]
    decimal: str = POINT

    @property
    def is_held(self) -> bool:
        """True if the line has a quantity or an entry price."""
        return not (is_missing(self.cells["quantity"]) and is_missing(self.cells["entry_price"]))


def row_of(line: int, cells: Mapping[str, str], decimal: str) -> Row:
    """Return a row whose numbers and dates are empty where the cell says that there is none."""
    empty = {name: "" for name in TYPED if is_missing(cells.get(name, "")) and name in cells}
    return Row(line, {**cells, **empty}, decimal)


def refuse_repeated(path: Path, rows: Iterable[Row]) -> None:
    """Refuse an instrument that has two lines.

    Raises
    ------
    PortfolioFileError
        Names both lines.
    """
    first: dict[str, int] = {}
    for row in rows:
        name = row.cells["instrument"]
        if name in first:
            detail = f"instrument: {name!r} stands in line {first[name]} already"
            raise PortfolioFileError(path, row.line, detail)
        first[name] = row.line


def position_of(path: Path, row: Row) -> OpeningPosition | None:
    """Return what a line holds, None where it only describes an instrument.

    Raises
    ------
    PortfolioFileError
        Names line, column and value.
    """
    if not row.is_held and row.cells.get("asset_class"):
        return None
    fields: dict[str, Any] = {
        "instrument": row.cells["instrument"],
        "quantity": _number(path, row, "quantity"),
        "entry_price": _number(path, row, "entry_price"),
    }
    described = row.cells.get("asset_class") and row.cells.get("return_type") != ReturnType.ABSOLUTE
    if described and fields["entry_price"] < PRICE_MIN:
        detail = (
            f"entry_price: {row.cells['entry_price']!r} is below {PRICE_MIN:g}: only an "
            "instrument with return_type absolute can have that"
        )
        raise PortfolioFileError(path, row.line, detail)
    return converted(path, row.line, fields, OpeningPosition)


def instrument_of(path: Path, row: Row, base_currency: str) -> Instrument | None:
    """Return what a line says of its instrument, None where it says nothing.

    Raises
    ------
    PortfolioFileError
        Names line, column and value.
    """
    asset_class = row.cells.get("asset_class", "")
    if not asset_class:
        _refuse(path, row, (*DESCRIBING_COLUMNS, *OPTION_COLUMNS), "without an asset_class")
        return None
    if asset_class == AssetClass.CASH:
        return None
    fields = _given(path, row, DESCRIBING_COLUMNS)
    fields |= {"instrument": row.cells["instrument"]}
    fields.setdefault("currency", base_currency)
    if asset_class == AssetClass.OPTION:
        fields["option"] = _terms(path, row)
    else:
        _refuse(path, row, OPTION_COLUMNS, f"of asset_class {asset_class!r}, which is no option,")
    return converted(path, row.line, fields, Instrument)


def _terms(path: Path, row: Row) -> OptionTerms:
    lacking = [name for name in NEEDED_OF_OPTIONS if not row.cells.get(name)]
    if lacking:
        detail = (
            f"{lacking[0]}: '' of option {row.cells['instrument']}: an option needs "
            f"{', '.join(NEEDED_OF_OPTIONS)}"
        )
        raise PortfolioFileError(path, row.line, detail)
    return converted(path, row.line, _given(path, row, OPTION_COLUMNS), OptionTerms)


def _given(path: Path, row: Row, columns: Iterable[str]) -> dict[str, Any]:
    """Return the values of some columns that are not empty, numbers and dates as such."""
    given: dict[str, Any] = {}
    for name in columns:
        text = row.cells.get(name, "")
        if not text:
            continue
        if name in NUMBERS:
            given[name] = _number(path, row, name)
        else:
            given[name] = date_of(path, row.line, name, text) if name in DATES else text
    return given


def _number(path: Path, row: Row, column: str) -> float:
    return number_of(path, row.line, column, row.cells[column], row.decimal)


def _refuse(path: Path, row: Row, columns: Iterable[str], why: str) -> None:
    for name in columns:
        if row.cells.get(name):
            detail = f"{name}: {row.cells[name]!r} {why} describes nothing"
            raise PortfolioFileError(path, row.line, detail)
