"""The golden results: one book of 20 US equities over three spans, day by day.

Each row of a file states a VaR at one close and the P&L of the next day; here both are
put on the day whose mark states them.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from system.contracts.messages import OpeningPosition, Portfolio
from validation.checkers.end_of_day import EndOfDay
from validation.rules.second_reader import EQUITIES, Closes, read_closes

FOLDER: Final = Path(__file__).parents[1] / "data"
CASES: Final = ("2008H2", "2020H1", "2022H1")
VALUE_PER_NAME: Final = 50_000.0
ABSOLUTE_TOLERANCE: Final = 5e-7
"""Half a unit of the last digit that the files keep, base currency."""
COMPONENT: Final = "cvar_"


@dataclass(frozen=True)
class GoldenCase:
    """One golden file.

    Parameters
    ----------
    name : str
        One of ``CASES``.
    portfolio : Portfolio
        The book, entered at the close of the first day.
    days : tuple of date
        Days that a VaR is stated for, in order.
    expected : mapping
        (portfolio, date) to the numbers of that close.
    breach_count : int
        Breaches over all days, that of the last P&L date included.
    breach_after_last : bool
        Whether the P&L of the day after the last is a breach: no mark here states it.
    """

    name: str
    portfolio: Portfolio
    days: tuple[dt.date, ...]
    expected: Mapping[tuple[str, dt.date], EndOfDay]
    breach_count: int
    breach_after_last: bool


def golden_case(name: str, closes: Closes | None = None) -> GoldenCase:
    """Return one golden file, and the book that it is about.

    Parameters
    ----------
    name : str
        One of ``CASES``.
    closes : mapping, optional
        Closes of the equities; read from the installed wheel when not given.
    """
    rows = _rows(FOLDER / f"golden_us20_ew_{name}.csv.gz")
    days = tuple(dt.date.fromisoformat(row["asof"]) for row in rows)
    book = f"golden-{name}"
    return GoldenCase(
        name=name,
        portfolio=_book(book, closes or read_closes(EQUITIES), days[0]),
        days=days,
        expected={
            (book, day): _end_of_day(row, before)
            for day, row, before in zip(days, rows, [None, *rows[:-1]], strict=True)
        },
        breach_count=sum(int(row["breach_k2"]) for row in rows),
        breach_after_last=rows[-1]["breach_k2"] == "1",
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _book(name: str, closes: Closes, first: dt.date) -> Portfolio:
    positions = tuple(
        OpeningPosition(
            instrument=ticker, quantity=VALUE_PER_NAME / series[first], entry_price=series[first]
        )
        for ticker, series in sorted(closes.items())
    )
    return Portfolio(portfolio=name, positions=positions)


def _end_of_day(row: Mapping[str, str], before: Mapping[str, str] | None) -> EndOfDay:
    return EndOfDay(
        nav=float(row["value"]),
        var=float(row["var_k2"]),
        expected_shortfall=float(row["es_acerbi_tasche"]),
        hypothetical_pnl=None if before is None else float(before["pnl"]),
        breach=None if before is None else before["breach_k2"] == "1",
        scenario_date=dt.date.fromisoformat(row["scenario_date"]),
        components={
            name.removeprefix(COMPONENT): float(text)
            for name, text in row.items()
            if name.startswith(COMPONENT)
        },
    )
