"""Text files with cells: read with bounds, and what is wrong in them named by place and value."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from system.client.errors import PortfolioFileError

MAX_FILE_BYTES: Final = 64 * 1024**2
_AT_PATH: Final = re.compile(r"^(?P<detail>.*) - at `\$\.?(?P<field>[^`]*)`$", re.DOTALL)
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
S = TypeVar("S", bound=Struct)


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises
    ------
    PortfolioFileError
        If it cannot be read, is larger than ``MAX_FILE_BYTES`` or is not UTF-8.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise PortfolioFileError(path, None, f"larger than {MAX_FILE_BYTES} bytes")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PortfolioFileError(path, None, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise PortfolioFileError(path, None, f"is not UTF-8: {error.reason}") from None


def number_of(path: Path, line: int, field: str, text: str) -> float:
    """Return the number that a cell holds.

    Raises
    ------
    PortfolioFileError
        If it holds none; NaN, infinities and thousands separators are none.
    """
    if not _NUMBER.fullmatch(text.strip()):
        raise PortfolioFileError(path, line, f"{field}: {text!r} is not a number like -1250.5")
    return float(text)


def cells_of(path: Path, line: int, text: str) -> list[str]:
    """Return the cells of one line of CSV, without the blanks around them.

    Raises
    ------
    PortfolioFileError
        If a quote is not closed in its line, or stands in the middle of a cell.
    """
    try:
        return [cell.strip() for cell in next(csv.reader([text], strict=True))]
    except csv.Error as error:
        raise PortfolioFileError(path, line, f"not CSV: {error}") from None


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
        raise PortfolioFileError(path, line, told(error, fields)) from None


def told(error: msgspec.ValidationError, fields: Mapping[str, Any] | None = None) -> str:
    """Return what a decoder refused, with the field and, where it is at hand, the value."""
    at_path = _AT_PATH.match(str(error))
    if at_path is None:
        return str(error)
    field = at_path["field"]
    value = f"{fields[field]!r}: " if fields is not None and field in fields else ""
    return f"{field}: {value}{at_path['detail']}"
