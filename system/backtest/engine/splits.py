"""Splits: closes before one are restated, and so are quantities that were stated before it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from system.backtest.engine.positions import ALWAYS, DatedQuantity
from system.risk.scenarios.adjustments import Restatement, restated_closes
from system.risk.scenarios.window import CloseTable


@dataclass(frozen=True, slots=True)
class DatedSplit:
    """A split or reverse split.

    Parameters
    ----------
    instrument_id : str
        Of what.
    date : date
        The first close in new shares.
    ratio : float
        New shares per old share, above 0; below 1 for a reverse split.
    """

    instrument_id: str
    date: dt.date
    ratio: float


def effective_splits(closes: CloseTable, splits: Iterable[DatedSplit]) -> tuple[DatedSplit, ...]:
    """Return the splits up to the last close: a later one changes no number of a backtest."""
    last = closes.dates[-1] if closes.dates else dt.date.min
    return tuple(split for split in splits if split.date <= last)


def split_adjusted(closes: CloseTable, splits: Sequence[DatedSplit]) -> CloseTable:
    """Return the closes in the shares of the last day.

    Parameters
    ----------
    closes : CloseTable
        As they were quoted.
    splits : sequence of DatedSplit
        Of instruments in the table; others are passed over.

    Returns
    -------
    CloseTable
        The same table where there is no split.
    """
    if not splits:
        return closes
    adjusted = closes.closes.copy()
    row_of = {name: row for row, name in enumerate(closes.names)}
    for split in splits:
        if split.instrument_id in row_of:
            row = row_of[split.instrument_id]
            restatement = Restatement(split.date, split.ratio)
            adjusted[row] = restated_closes(adjusted[row], closes.dates, [restatement])
    return CloseTable(closes.names, closes.dates, adjusted)


def split_factors(
    quantities: Iterable[DatedQuantity], splits: Sequence[DatedSplit], *, opening: dt.date
) -> dict[DatedQuantity, float]:
    """Return by what each stated quantity is multiplied to be in shares of the last day.

    Parameters
    ----------
    quantities : iterable of DatedQuantity
        Each in shares of its own date, wherever the test starts; without a date, of ``opening``.
    splits : sequence of DatedSplit
        All of them.
    opening : date
        First close of the run: one date for all its methods and books.

    Returns
    -------
    dict
        Only quantities that a split touches.
    """
    factors = {}
    for holding in quantities:
        stated = opening if holding.held_from == ALWAYS else holding.held_from
        ratios = [
            split.ratio
            for split in splits
            if split.instrument_id == holding.instrument_id and split.date > stated
        ]
        if ratios:
            factors[holding] = math.prod(ratios)
    return factors
