"""The files of numbers that a backtest leaves; floats are written so that they read back equal.

Names are escaped for spreadsheets, which our own reader undoes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from system.backtest.daily import DailyBacktest
from system.tables.spreadsheets import spreadsheet_text

DAILY_COLUMNS: Final = (
    "portfolio",
    "asof",
    "pnl_date",
    "value",
    "var",
    "es",
    "pnl",
    "breach",
    "scenario_date",
)
COMPONENT_COLUMNS: Final = ("portfolio", "asof", "instrument", "component_var")


def write_daily(path: Path, backtests: Sequence[DailyBacktest]) -> None:
    """Write one row per portfolio and P&L date; ``breach`` is 0 or 1."""
    _write(path, DAILY_COLUMNS, (row for backtest in backtests for row in _daily_rows(backtest)))


def write_components(path: Path, backtests: Sequence[DailyBacktest]) -> None:
    """Write one row per portfolio, as-of close and instrument held then."""
    _write(
        path,
        COMPONENT_COLUMNS,
        (row for backtest in backtests for row in _component_rows(backtest)),
    )


def _daily_rows(backtest: DailyBacktest) -> Iterator[tuple[object, ...]]:
    numbers = (
        backtest.value,
        backtest.var,
        backtest.expected_shortfall,
        backtest.pnl,
        backtest.breach.astype(int),
    )
    yield from zip(
        [spreadsheet_text(backtest.portfolio)] * backtest.day_count,
        backtest.as_of_dates,
        backtest.pnl_dates,
        *(vector.tolist() for vector in numbers),
        backtest.scenario_dates,
        strict=True,
    )


def _component_rows(backtest: DailyBacktest) -> Iterator[tuple[object, ...]]:
    portfolio = spreadsheet_text(backtest.portfolio)
    for block in backtest.components:
        instruments = [spreadsheet_text(name) for name in block.instrument_ids]
        for as_of, row in zip(block.as_of_dates, block.component_var.tolist(), strict=True):
            day = as_of.isoformat()
            for instrument, component in zip(instruments, row, strict=True):
                yield portfolio, day, instrument, component


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
