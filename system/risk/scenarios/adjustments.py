"""Splits and dividends: what they do to earlier closes. The one home of the convention.

Closes are restated in what the last day trades in: a close before a split is divided by its
ratio, one before a dividend by close / (close - amount), where *close* is the last one before
it. So the return over the adjustment's date is that of who held the share: of four new shares
for an old one, of the share and its dividend (total return, as CRSP and the exchanges' own
adjusted series have it).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from system.risk.arrays import Float64Vector


class Restatement(NamedTuple):
    """Closes dated before ``before`` are divided by ``divisor``, which is above 0."""

    before: dt.date
    divisor: float


def restated_close(close: float, date: dt.date, restatements: Iterable[Restatement]) -> float:
    """Return one close in what the last day trades in.

    Parameters
    ----------
    close : float
        As it was quoted, currency of the series.
    date : date
        Of the close.
    restatements : iterable of Restatement
        In the order in which they took effect.

    Examples
    --------
    >>> restated_close(400.0, dt.date(2020, 8, 28), [Restatement(dt.date(2020, 8, 31), 4.0)])
    100.0
    """
    for before, divisor in restatements:
        if date < before:
            close /= divisor
    return close


def restated_closes(
    closes: Float64Vector, dates: Sequence[dt.date], restatements: Iterable[Restatement]
) -> Float64Vector:
    """Return a row of closes in what the last day trades in, bit for bit as `restated_close`.

    Parameters
    ----------
    closes : ndarray of float64, shape (date_count,)
        As they were quoted. Not modified.
    dates : sequence of date
        Ascending.
    restatements : iterable of Restatement
        In the order in which they took effect.
    """
    restated = closes.copy()
    days = np.array(dates, dtype="datetime64[D]")
    for before, divisor in restatements:
        restated[days < np.datetime64(before)] /= divisor
    return restated


def dividend_divisor(amount: float, close: float | None) -> float:
    """Return what closes before a dividend are divided by.

    Parameters
    ----------
    amount : float
        Per share, at least 0, currency of the close.
    close : float or None
        The last one with the dividend; None where there is none.

    Returns
    -------
    float
        close / (close - amount), at least 1. Exactly 1 where no price is left that a return
        could be taken of: the dividend is not below the close, or there is no close.

    Examples
    --------
    >>> dividend_divisor(2.0, 10.0), dividend_divisor(10.0, 10.0)
    (1.25, 1.0)
    """
    if close is None or not amount < close:
        return 1.0
    return close / (close - amount)
