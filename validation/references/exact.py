"""Exact numbers, and exact measures of a list of equally likely outcomes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final, TypeAlias

Number: TypeAlias = int | float | str | Decimal | Fraction
BILLIONTH: Final = Fraction(1, 10**9)
"""Of the larger of two amounts: a smaller difference is rounding."""
KEPT_NUMBERS: Final = 65_536
"""The closes of a window are the same from snapshot to snapshot."""


class ReferenceInputError(ValueError):
    """The input of a reference is wrong; the message says what, where and which value."""


@lru_cache(maxsize=KEPT_NUMBERS, typed=True)
def exact(value: Number) -> Fraction:
    """Return the exact value of a number; a float is the binary number that it stores.

    Raises
    ------
    ReferenceInputError
        If it is NaN, infinite, or text that is no number.

    Examples
    --------
    >>> exact("0.1"), exact(0.5)
    (Fraction(1, 10), Fraction(1, 2))
    """
    if isinstance(value, float) and not math.isfinite(value):
        msg = f"{value} is not a finite number"
        raise ReferenceInputError(msg)
    try:
        return Fraction(value)
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        msg = f"{value!r} is not a finite number"
        raise ReferenceInputError(msg) from error


def exact_breach(pnl: Fraction, var: Fraction) -> bool:
    """Return whether a day lost more than the VaR, beyond a billionth of the larger amount.

    Parameters
    ----------
    pnl : Fraction
        Of the day, gains positive.
    var : Fraction
        Stated the close before, losses positive.

    Examples
    --------
    >>> exact_breach(Fraction(-10), Fraction(10)), exact_breach(Fraction(-11), Fraction(10))
    (False, True)
    """
    return -pnl > var and abs(pnl + var) > BILLIONTH * max(abs(pnl), abs(var))


def exact_quantile(outcomes: Sequence[Fraction], probability: Fraction) -> Fraction:
    """Return the smallest outcome that is not exceeded with at least ``probability``.

    Parameters
    ----------
    outcomes : sequence of Fraction
        Equally likely; any order.
    probability : Fraction
        In (0, 1].

    Returns
    -------
    Fraction
        inf{x : F(x) >= probability}, F the empirical distribution function: found by
        adding up probability from the worst outcome on.

    Raises
    ------
    ReferenceInputError
        If there are fewer than 1 / probability outcomes.
    """
    _refuse_thin_tail(outcomes, probability)
    mass = Fraction(0)
    for outcome in sorted(outcomes):
        mass += Fraction(1, len(outcomes))
        if mass >= probability:
            return outcome
    msg = f"probability {probability} is more than 1"
    raise ReferenceInputError(msg)


def exact_tail_mean(outcomes: Sequence[Fraction], probability: Fraction) -> Fraction:
    """Return the mean of the worst part of a distribution that has ``probability``.

    Parameters
    ----------
    outcomes : sequence of Fraction
        Equally likely; any order.
    probability : Fraction
        In (0, 1].

    Returns
    -------
    Fraction
        (1 / a) times the integral of the quantile function from 0 to a (Acerbi & Tasche
        2002): probability is taken from the worst outcomes until a is used up.

    Raises
    ------
    ReferenceInputError
        If there are fewer than 1 / probability outcomes.
    """
    _refuse_thin_tail(outcomes, probability)
    left, integral = probability, Fraction(0)
    for outcome in sorted(outcomes):
        taken = min(left, Fraction(1, len(outcomes)))
        integral += taken * outcome
        left -= taken
        if not left:
            break  # further outcomes would add nothing
    return integral / probability


def _refuse_thin_tail(outcomes: Sequence[Fraction], probability: Fraction) -> None:
    if len(outcomes) * probability < 1:
        msg = f"{len(outcomes)} outcomes have no tail of probability {probability}"
        raise ReferenceInputError(msg)
