"""Portfolio files: a book as a person writes it, CSV or JSON.

CSV: settings in leading lines ``# key: value``, then a header and one line per position::

    # portfolio: mine
    # base_currency: USD
    # limits: gross=1.5/2, vega=0.002/0.003
    instrument,quantity,entry_price,asset_class,currency,multiplier
    AAPL,100,75.5,equity,USD,

What describes an instrument, an option's terms among it, may be left out of the header, or
empty, for what the stream knows already. JSON: the body of ``POST /v1/portfolios`` as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from system.client.cells import cells_of, converted, read_text, told
from system.client.errors import PortfolioFileError
from system.client.portfolio_rows import (
    KNOWN_COLUMNS,
    NEEDED_COLUMNS,
    Row,
    instrument_of,
    position_of,
    refuse_repeated,
)
from system.client.portfolio_settings import SETTINGS, typed_settings
from system.contracts.api import PortfolioImport
from system.contracts.messages import Portfolio, field_names

_SETTING: Final = re.compile(r"#\s*(?P<key>\w+)\s*:\s*(?P<value>.*?)\s*$")
_AT_BYTE: Final = re.compile(r"byte (?P<byte>\d+)")


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


# -- JSON ---------------------------------------------------------------------------------


def _from_json(path: Path, text: str, chosen: Mapping[str, str]) -> PortfolioImport:
    try:
        book = msgspec.json.decode(text, type=PortfolioImport)
    except msgspec.ValidationError as error:
        raise PortfolioFileError(path, None, told(error)) from None
    except msgspec.DecodeError as error:
        raise PortfolioFileError(path, _line_of(error, text), f"not JSON: {error}") from None
    if not chosen:
        return book
    known = {name: getattr(book.portfolio, name) for name in field_names(Portfolio)}
    portfolio = converted(path, None, {**known, **typed_settings(path, {}, chosen)}, Portfolio)
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
    refuse_repeated(path, rows)
    fields = typed_settings(
        path,
        {key: line for key, (line, _) in written.items()},
        {**{key: value for key, (_, value) in written.items()}, **chosen},
    )
    fields.setdefault("portfolio", path.stem)
    held = (position_of(path, row) for row in rows)
    positions = tuple(position for position in held if position is not None)
    portfolio = converted(path, None, {**fields, "positions": positions}, Portfolio)
    described = (instrument_of(path, row, portfolio.base_currency) for row in rows)
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


def _rows(path: Path, lines: list[str]) -> Iterator[Row]:
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
        yield Row(number, dict(zip(header, row, strict=True)))


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
