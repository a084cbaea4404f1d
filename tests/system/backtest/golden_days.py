"""The golden files as vectors, and the golden book as a backtest takes it."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from system.backtest.engine.days import BacktestMarket, DayBounds
from system.backtest.engine.positions import BacktestBook, DatedQuantity
from system.contracts.messages import AssetClass
from system.risk.listing import Listing
from system.risk.scenarios.window import CloseTable
from validation.rules import second_reader

DATA = Path(__file__).parents[3] / "validation" / "data"
PERIODS = {"2008H2": (128, 9, 13), "2020H1": (125, 15, 16), "2022H1": (124, 11, 15)}
AMOUNT = 50_000.0
NO_RATES = CloseTable((), (), np.zeros((0, 0)))


@dataclass(frozen=True)
class Golden:
    """One golden file."""

    rows: tuple[dict[str, str], ...]

    def numbers(self, column: str) -> np.ndarray:
        return np.array([float(row[column]) for row in self.rows])

    def flags(self, column: str) -> np.ndarray:
        return self.numbers(column) == 1.0

    def dates(self, column: str) -> tuple[dt.date, ...]:
        return tuple(dt.date.fromisoformat(row[column]) for row in self.rows)

    @property
    def bounds(self) -> DayBounds:
        days = self.dates("pnl_date")
        return DayBounds(days[0], days[-1])


def golden(period: str) -> Golden:
    with gzip.open(DATA / f"golden_us20_ew_{period}.csv.gz", "rt") as file:
        return Golden(tuple(csv.DictReader(file)))


@cache
def equities() -> CloseTable:
    return CloseTable.of(second_reader.read_closes(second_reader.EQUITIES))


def market_since(first: dt.date = dt.date.min) -> BacktestMarket:
    table = equities()
    kept = [index for index, date in enumerate(table.dates) if date >= first]
    dates = tuple(table.dates[index] for index in kept)
    return BacktestMarket(CloseTable(table.names, dates, table.closes[:, kept]), NO_RATES)


def equal_weights(first_close: dt.date) -> BacktestBook:
    table = equities()
    entries = table.closes[:, table.dates.index(first_close)].tolist()
    return BacktestBook(
        "golden",
        "USD",
        {name: Listing(name, AssetClass.EQUITY, "USD") for name in table.names},
        tuple(
            DatedQuantity(name, AMOUNT / entry)
            for name, entry in zip(table.names, entries, strict=True)
        ),
    )
