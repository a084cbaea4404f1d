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

from system.client.cells import converted, number_of
from system.client.errors import PortfolioFileError
from system.contracts.messages import (
    PRICE_MIN,
    AssetClass,
    Instrument,
    OpeningPosition,
    OptionTerms,
    ReturnType,
    field_names,
)

NEEDED_COLUMNS: Final = ("instrument", "quantity", "entry_price")
DESCRIBING_COLUMNS: Final = tuple(
    name for name in field_names(Instrument) if name not in ("instrument", "option")
)
OPTION_COLUMNS: Final = field_names(OptionTerms)
KNOWN_COLUMNS: Final = (*NEEDED_COLUMNS, *DESCRIBING_COLUMNS, *OPTION_COLUMNS)


def _needed(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(one.encode_name for one in msgspec.structs.fields(kind) if one.required)


NEEDED_OF_OPTIONS: Final = _needed(OptionTerms)
NUMBERS: Final = ("multiplier", "strike", "volatility", "rate", "dividend_yield")


@dataclass(frozen=True)
class Row:
    """One line of a CSV file: its number and its cells by column."""

    line: int
    cells: Mapping[str, str]

    @property
    def is_held(self) -> bool:
        """Whether the line holds something: one of quantity and entry price is enough to say so."""
        return bool(self.cells["quantity"] or self.cells["entry_price"])


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
        "quantity": number_of(path, row.line, "quantity", row.cells["quantity"]),
        "entry_price": number_of(path, row.line, "entry_price", row.cells["entry_price"]),
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
    """Return the cells of some columns that are not empty, numbers as numbers."""
    given = {name: row.cells[name] for name in columns if row.cells.get(name)}
    return {
        name: number_of(path, row.line, name, cell) if name in NUMBERS else cell
        for name, cell in given.items()
    }


def _refuse(path: Path, row: Row, columns: Iterable[str], why: str) -> None:
    for name in columns:
        if row.cells.get(name):
            detail = f"{name}: {row.cells[name]!r} {why} describes nothing"
            raise PortfolioFileError(path, row.line, detail)
