"""Portfolio files: a book as a person writes it, CSV or JSON.

CSV: settings in leading lines ``# key: value``, then a header and one line per position::

    # portfolio: mine
    # base_currency: USD
    # limits: gross=1.5/2, vega=0.002/0.003
    # as_of: 2020-03-05
    instrument,quantity,entry_price,asset_class,currency,multiplier
    AAPL,100,75.5,equity,USD,

``as_of`` is the moment of the positions: a date-time with its offset, or a date for the end of
that day; by default they are as of the import. What describes an instrument, an option's terms
among it, may be left out of the header, or empty, for what the stream knows already. JSON: the
body of ``POST /v1/portfolios`` as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from system.client.errors import PortfolioFileError
from system.client.files.cells import converted, wrong_field
from system.client.files.portfolio_rows import (
    KNOWN_COLUMNS,
    NEEDED_COLUMNS,
    NUMBER_COLUMNS,
    instrument_of,
    position_of,
    refuse_repeated,
    row_of,
)
from system.client.files.portfolio_settings import AS_OF, AS_OF_FIELDS, SETTINGS, typed_settings
from system.contracts.api.risk import PortfolioImport
from system.contracts.messages import Portfolio, field_names
from system.contracts.text.repeated import repeated_field
from system.tables.cells import POINT
from system.tables.content import read_text
from system.tables.dialect import DETECTED, Dialect
from system.tables.named_columns import named_cells, read_named

_SETTING: Final = re.compile(r"#\s*(?P<key>\w+)\s*:\s*(?P<value>.*?)\s*$")
_AT_BYTE: Final = re.compile(r"byte (?P<byte>\d+)")


def read_portfolio(
    path: Path, settings: Mapping[str, str] | None = None, dialect: Dialect = DETECTED
) -> PortfolioImport:
    """Return the book of a file, without price histories if it has none.

    Parameters
    ----------
    path : Path
        ``.json``, or anything else for CSV.
    settings : mapping of str to str
        Settings that stand above the file's own, by name (``SETTINGS``). A portfolio
        without a name takes the file's.
    dialect : Dialect
        Separator and decimal sign where the caller names them.

    Raises
    ------
    InputFileError
        Names the file, the line, the field and the value.
    """
    chosen = dict(settings or {})
    if path.suffix.lower() == ".json":
        return _from_json(path, read_text(path), chosen)
    return _from_csv(path, chosen, dialect)


# -- JSON ---------------------------------------------------------------------------------


def _from_json(path: Path, text: str, chosen: Mapping[str, str]) -> PortfolioImport:
    try:
        book = msgspec.json.decode(text, type=PortfolioImport)
    except msgspec.ValidationError as error:
        raise PortfolioFileError(path, None, wrong_field(error)) from None
    except msgspec.DecodeError as error:
        raise PortfolioFileError(path, _line_of(error, text), f"not JSON: {error}") from None
    except RecursionError:
        raise PortfolioFileError(path, None, "nested too deep") from None
    if (field := repeated_field(text)) is not None:
        raise PortfolioFileError(path, None, f"{field.sentence}: give it once")
    if not chosen:
        return book
    replaced = AS_OF_FIELDS if AS_OF in chosen else ()
    known = {
        name: getattr(book.portfolio, name)
        for name in field_names(Portfolio)
        if name not in replaced
    }
    portfolio = converted(path, None, {**known, **typed_settings(path, {}, chosen)}, Portfolio)
    return msgspec.structs.replace(book, portfolio=portfolio)


def _line_of(error: msgspec.DecodeError, text: str) -> int:
    at_byte = _AT_BYTE.search(str(error))
    before = text.encode()[: int(at_byte["byte"])] if at_byte else text.encode()
    return before.count(b"\n") + 1


# -- CSV ----------------------------------------------------------------------------------


def _from_csv(path: Path, chosen: Mapping[str, str], dialect: Dialect) -> PortfolioImport:
    table = read_named(
        path,
        NEEDED_COLUMNS,
        KNOWN_COLUMNS[len(NEEDED_COLUMNS) :],
        numbers=NUMBER_COLUMNS,
        dialect=dialect,
    )
    written = dict(_written_settings(path, table.remarks))
    rows = [row_of(line, cells, table.decimal or POINT) for line, cells in named_cells(table)]
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


def _written_settings(
    path: Path, remarks: Iterable[tuple[int, str]]
) -> Iterator[tuple[str, tuple[int, str]]]:
    for number, line in remarks:
        setting = _SETTING.match(line)
        if setting is None:
            continue  # a remark
        if setting["key"] not in SETTINGS:
            known = ", ".join(SETTINGS)
            detail = f"setting {setting['key']!r} is not known; there are {known}"
            raise PortfolioFileError(path, number, detail)
        yield setting["key"], (number, setting["value"])
