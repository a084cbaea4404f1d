"""The comparison of a loss with the VaR stated before it, for the stream and the backtest.

A breach is a loss strictly greater than the VaR. VaR and loss come from different sums and are
rounded differently: the same 10,000.00 can be 9999.999999999998 on one side and 10000.0 on
the other. So two amounts are equal if they differ by at most ``RELATIVE_TOLERANCE`` of the
larger one (in absolute value), and a loss that equals the VaR is no breach (decision 0104).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from system.risk.arrays import BoolMatrix, BoolVector, Float64Matrix, Float64Vector

RELATIVE_TOLERANCE: Final = 1e-9
"""Difference, as a fraction of the larger of two amounts, up to which they are equal.

A sum of a few thousand products of 53-bit numbers is off by about 1e-12 of itself; a cent in
ten million is 1e-9.
"""


def is_breach(loss: float, var: float) -> bool:
    """Return whether a loss is strictly greater than the VaR stated the close before.

    Parameters
    ----------
    loss : float
        Minus the hypothetical P&L of one day, base currency; losses positive.
    var : float
        Same currency; losses positive, negative where the book could not lose.

    Returns
    -------
    bool
        False where both are equal within ``RELATIVE_TOLERANCE``, and where one is NaN.

    Examples
    --------
    >>> is_breach(101.0, 100.0), is_breach(100.00000001, 100.0), is_breach(-4.0, -5.0)
    (True, False, True)
    """
    return loss - var > RELATIVE_TOLERANCE * max(abs(loss), abs(var))


def exceeds(
    amount: Float64Vector | Float64Matrix, level: Float64Vector | Float64Matrix
) -> BoolVector | BoolMatrix:
    """Return whether each amount is greater than its level by more than rounding.

    Parameters
    ----------
    amount, level : ndarray of float64
        Same unit, shapes that broadcast. Of losses and VaRs: `is_breach` of each entry.

    Returns
    -------
    ndarray of bool
        The broadcast shape.
    """
    tolerance = RELATIVE_TOLERANCE * np.maximum(np.abs(amount), np.abs(level))
    exceeded: BoolVector = amount - level > tolerance
    return exceeded
