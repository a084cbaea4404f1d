"""Cells and settings of a portfolio file as values; each error has line, field and value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from system.client.errors import PortfolioFileError
from system.contracts.text.checked import shows_value
from system.contracts.wording import refusal
from system.tables.cells import POINT, CellError, date_in, number_in

S = TypeVar("S", bound=Struct)


def number_of(path: Path, line: int, field: str, text: str, decimal: str = POINT) -> float:
    """Return the number that a cell or a setting holds.

    Raises
    ------
    PortfolioFileError
        If it holds none; NaN, infinities and thousands separators are none.
    """
    try:
        return number_in(text, decimal)
    except CellError as error:
        raise PortfolioFileError(path, line, f"{field}: {error.problem}; {error.remedy}") from None


def date_of(path: Path, line: int, field: str, text: str) -> dt.date:
    """Return the date that a cell holds.

    Raises
    ------
    PortfolioFileError
        If it holds none, or one that could be read in two ways.
    """
    try:
        return date_in(text)
    except CellError as error:
        raise PortfolioFileError(path, line, f"{field}: {error.problem}; {error.remedy}") from None


def converted(path: Path, line: int | None, fields: Mapping[str, Any], kind: type[S]) -> S:
    """Return a message made of plain fields.

    Raises
    ------
    PortfolioFileError
        If a field is not what the message needs; names it and its value.
    """
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise PortfolioFileError(path, line, wrong_field(error, fields)) from None


def wrong_field(error: msgspec.ValidationError, fields: Mapping[str, Any] | None = None) -> str:
    """Return what a decoder refused, with the field and, where it is at hand, the value."""
    field, detail = refusal(str(error))
    if not field:
        return detail
    value = f"{fields[field]!r}: " if fields and field in fields and not shows_value(detail) else ""
    return f"{field}: {value}{detail}"
