"""Bound on what an option's rates can grow to until it expires.

A rate r over T years grows by e^(rT); beyond e^709 that is no float any more. Rate, dividend
yield and expiry are therefore bounded together: their product, whatever each of them is.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Final

from system.contracts.messages import OptionTerms

MAX_EXPONENT: Final = 100.0
"""|rate| x years, and |dividend yield| x years, at most: e^100 = 2.7e43, far below 1.8e308 also
times the largest strike, multiplier, quantity and FX rate."""
DAYS_PER_YEAR: Final = 365.0
COUNTED_FROM: Final = dt.date(1970, 1, 1)
"""Years are counted from here: no event is older, so that none to expiry are more."""


def discounting_problem(terms: OptionTerms) -> str:
    """Return why an option's rates and expiry are too large together, empty where they are not.

    Examples
    --------
    >>> from system.contracts.messages import OptionRight
    >>> perpetual = OptionTerms(
    ...     underlying="A", right=OptionRight.CALL, strike=1.0, volatility=0.2,
    ...     expiry=dt.date(9999, 12, 31), rate=-0.1,
    ... )
    >>> print(discounting_problem(perpetual))
    rate -0.1 until 9999-12-31: |rate| x years since 1970 is 803.5, at most 100 is possible; write \
the day on which it expires; one that never does has any day up to 2969-05-03
    """
    years = abs((terms.expiry - COUNTED_FROM).days) / DAYS_PER_YEAR
    for field, rate in (("rate", terms.rate), ("dividend_yield", terms.dividend_yield)):
        exponent = abs(rate) * years
        if exponent > MAX_EXPONENT:
            return (
                f"{field} {rate:g} until {terms.expiry}: |{field}| x years since 1970 is "
                f"{exponent:.1f}, at most {MAX_EXPONENT:g} is possible; write the day on which it "
                f"expires; one that never does has any day up to {_latest(terms)}"
            )
    return ""


def _latest(terms: OptionTerms) -> dt.date:
    """Return the last expiry that both rates of an option allow."""
    largest = max(abs(terms.rate), abs(terms.dividend_yield))
    days = math.floor(MAX_EXPONENT / largest * DAYS_PER_YEAR)
    return COUNTED_FROM + dt.timedelta(days=min(days, (dt.date.max - COUNTED_FROM).days))
