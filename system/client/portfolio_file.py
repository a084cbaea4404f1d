"""Portfolio files: a book as a person writes it, CSV or JSON.

CSV: settings in leading lines ``# key: value``, then a header and one line per position::

    # portfolio: mine
    # base_currency: USD
    instrument,quantity,entry_price,asset_class,currency,multiplier
    AAPL,100,75.5,equity,USD,

``asset_class``, ``currency`` and ``multiplier`` may be left out of the header, or empty, for
what the stream knows already. JSON: the body of ``POST /v1/portfolios`` as it is.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from system.client.errors import PortfolioFileError
from system.contracts.api import PortfolioImport
from system.contracts.messages import (
    AssetClass,
    Instrument,
    OpeningPosition,
    Portfolio,
    field_names,
)

MAX_FILE_BYTES: Final = 64 * 1024**2
SETTINGS: Final = tuple(name for name in field_names(Portfolio) if name != "positions")
NEEDED_COLUMNS: Final = ("instrument", "quantity", "entry_price")
KNOWN_COLUMNS: Final = (*NEEDED_COLUMNS, "asset_class", "currency", "multiplier")
_SETTING: Final = re.compile(r"#\s*(?P<key>\w+)\s*:\s*(?P<value>.*?)\s*$")
_AT_PATH: Final = re.compile(r"^(?P<detail>.*) - at `\$\.?(?P<field>[^`]*)`$", re.DOTALL)
_AT_BYTE: Final = re.compile(r"byte (?P<byte>\d+)")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
S = TypeVar("S", bound=Struct)


@dataclass(frozen=True)
class _Row:
    """One line of a CSV file: its number and its cells by column."""

    line: int
    cells: Mapping[str, str]


def read_portfolio(path: Path, settings: Mapping[str, str] | None = None) -> PortfolioImport:
    """Return the book of a file, without price histories if it has none.

    Parameters
    ----------
    path : Path
        ``.json``, or anything else for CSV.
    settings : mapping of str to str
        Settings that stand above the file's own, by name (``SETTINGS``). A portfolio
        without a name takes the file's.

    Raises
    ------
    PortfolioFileError
        Names the file, the line, the field and the value.
    """
    text = read_text(path)
    chosen = dict(settings or {})
    if path.suffix.lower() == ".json":
        return _from_json(path, text, chosen)
    return _from_csv(path, text, chosen)


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


# -- JSON ---------------------------------------------------------------------------------


def _from_json(path: Path, text: str, chosen: Mapping[str, str]) -> PortfolioImport:
    try:
        book = msgspec.json.decode(text, type=PortfolioImport)
    except msgspec.ValidationError as error:
        raise PortfolioFileError(path, None, _told(error)) from None
    except msgspec.DecodeError as error:
        raise PortfolioFileError(path, _line_of(error, text), f"not JSON: {error}") from None
    if not chosen:
        return book
    known = {name: getattr(book.portfolio, name) for name in field_names(Portfolio)}
    portfolio = _converted(path, None, {**known, **_typed(path, {}, chosen)}, Portfolio)
    return msgspec.structs.replace(book, portfolio=portfolio)


def _line_of(error: msgspec.DecodeError, text: str) -> int:
    at_byte = _AT_BYTE.search(str(error))
    before = text.encode()[: int(at_byte["byte"])] if at_byte else text.encode()
    return before.count(b"\n") + 1


# -- CSV ----------------------------------------------------------------------------------


def _from_csv(path: Path, text: str, chosen: Mapping[str, str]) -> PortfolioImport:
    lines = text.splitlines()
    written = dict(_written_settings(path, lines))
    rows = list(_rows(path, lines))
    _refuse_repeated(path, rows)
    fields = _typed(
        path,
        {key: line for key, (line, _) in written.items()},
        {**{key: value for key, (_, value) in written.items()}, **chosen},
    )
    fields.setdefault("portfolio", path.stem)
    positions = tuple(_position(path, row) for row in rows)
    portfolio = _converted(path, None, {**fields, "positions": positions}, Portfolio)
    described = (_instrument(path, row, portfolio.base_currency) for row in rows)
    instruments = tuple(instrument for instrument in described if instrument is not None)
    return PortfolioImport(portfolio=portfolio, instruments=instruments)


def _written_settings(path: Path, lines: list[str]) -> Iterator[tuple[str, tuple[int, str]]]:
    for number, line in enumerate(lines, start=1):
        if not line.startswith("#"):
            return
        setting = _SETTING.match(line)
        if setting is None:
            continue  # a remark
        if setting["key"] not in SETTINGS:
            known = ", ".join(SETTINGS)
            detail = f"setting {setting['key']!r} is not known; there are {known}"
            raise PortfolioFileError(path, number, detail)
        yield setting["key"], (number, setting["value"])


def _rows(path: Path, lines: list[str]) -> Iterator[_Row]:
    numbered = [
        (number, line)
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.startswith("#")
    ]
    if not numbered:
        raise PortfolioFileError(path, None, f"no header; it begins {','.join(NEEDED_COLUMNS)}")
    header = _header(path, numbered[0][0], cells_of(path, *numbered[0]))
    for number, line in numbered[1:]:
        row = cells_of(path, number, line)
        if len(row) != len(header):
            detail = f"{len(row)} cells under {len(header)} columns ({', '.join(header)})"
            raise PortfolioFileError(path, number, detail)
        yield _Row(number, dict(zip(header, row, strict=True)))


def _header(path: Path, line: int, header: list[str]) -> list[str]:
    missing = [name for name in NEEDED_COLUMNS if name not in header]
    unknown = [name for name in header if name not in KNOWN_COLUMNS]
    if missing or unknown or len(set(header)) < len(header):
        detail = (
            f"columns {', '.join(header)}: needed are {', '.join(NEEDED_COLUMNS)}, known besides "
            f"{', '.join(KNOWN_COLUMNS[len(NEEDED_COLUMNS) :])}, each once"
        )
        raise PortfolioFileError(path, line, detail)
    return header


def _refuse_repeated(path: Path, rows: list[_Row]) -> None:
    first: dict[str, int] = {}
    for row in rows:
        name = row.cells["instrument"]
        if name in first:
            detail = f"instrument: {name!r} stands in line {first[name]} already"
            raise PortfolioFileError(path, row.line, detail)
        first[name] = row.line


def _position(path: Path, row: _Row) -> OpeningPosition:
    fields = {
        "instrument": row.cells["instrument"],
        "quantity": number_of(path, row.line, "quantity", row.cells["quantity"]),
        "entry_price": number_of(path, row.line, "entry_price", row.cells["entry_price"]),
    }
    return _converted(path, row.line, fields, OpeningPosition)


def _instrument(path: Path, row: _Row, base_currency: str) -> Instrument | None:
    """Return what a line says of its instrument, None where it says nothing."""
    asset_class = row.cells.get("asset_class", "")
    if not asset_class:
        _refuse_orphans(path, row)
        return None
    if asset_class == AssetClass.CASH:
        return None
    multiplier = row.cells.get("multiplier", "")
    fields: dict[str, Any] = {
        "instrument": row.cells["instrument"],
        "asset_class": asset_class,
        "currency": row.cells.get("currency", "") or base_currency,
    }
    if multiplier:
        fields["multiplier"] = number_of(path, row.line, "multiplier", multiplier)
    return _converted(path, row.line, fields, Instrument)


def _refuse_orphans(path: Path, row: _Row) -> None:
    for name in ("currency", "multiplier"):
        if row.cells.get(name):
            detail = f"{name}: {row.cells[name]!r} without an asset_class describes nothing"
            raise PortfolioFileError(path, row.line, detail)


# -- values -------------------------------------------------------------------------------


def _typed(path: Path, lines: Mapping[str, int], chosen: Mapping[str, str]) -> dict[str, Any]:
    """Return settings with their numbers as numbers."""
    fields: dict[str, Any] = dict(chosen)
    for name in ("window", "var_limit_fraction"):
        if name in fields:
            number = number_of(path, lines.get(name, 1), name, fields[name])
            fields[name] = int(number) if number.is_integer() and name == "window" else number
    return fields


def _converted(path: Path, line: int | None, fields: Mapping[str, Any], kind: type[S]) -> S:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise PortfolioFileError(path, line, _told(error, fields)) from None


def _told(error: msgspec.ValidationError, fields: Mapping[str, Any] | None = None) -> str:
    at_path = _AT_PATH.match(str(error))
    if at_path is None:
        return str(error)
    field = at_path["field"]
    value = f"{fields[field]!r}: " if fields is not None and field in fields else ""
    return f"{field}: {value}{at_path['detail']}"
