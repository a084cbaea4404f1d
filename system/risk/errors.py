"""What can be wrong with the inputs of a risk number; each names what, where and which value.

::

    InputError
    ├── InvalidConfidenceError      not an exact probability in (1/2, 1)
    ├── TooFewScenariosError        scenario_count * (1 - confidence) < 1
    ├── NonFinitePnlError           a scenario P&L is NaN or infinite
    ├── NonFiniteExposureError      a price, quantity or rate of a position is NaN or infinite
    ├── UnknownSeriesError          an instrument or a currency without history
    ├── MissingRateError            a currency without a current FX rate
    ├── MissingCloseError           a series has no close on a date that needs one
    ├── TooFewClosesError           fewer scenario days than the window needs
    ├── HistoryStartsLateError      a history that begins after the first scenario day
    ├── NoRecentCloseError          a book without a close for too many sessions
    ├── NonPositiveCloseError       a relative return on a price at or below zero
    ├── NoImpliedVolatilityError    a price that no volatility gives
    ├── NoScenarioValueError        an option that a scenario leaves without a value
    ├── NoHistoryInWindowError      a series, and its proxy, without history in a crisis
    └── HistoryTooShortError        fewer returns than one window of them needs
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

from system.contracts.currencies import FX_SERIES_PREFIX, missing_rates_remedy
from system.errors import InputError

MAX_NAMED: Final = 5
"""Series that one sentence names; the rest are counted."""


class InvalidConfidenceError(InputError):
    """The confidence is not an exact probability in (1/2, 1)."""

    def __init__(self, value: object) -> None:
        super().__init__(
            f"confidence is {value!r}: give an exact probability between 0.5 and 1 "
            "as text or Fraction, for instance '0.95'"
        )
        self.value = value


class TooFewScenariosError(InputError):
    """The tail holds less than one scenario, so no observed loss is its quantile."""

    def __init__(self, scenario_count: int, tail_probability: Fraction) -> None:
        needed = -(-tail_probability.denominator // tail_probability.numerator)
        percent = f"{float(100 * (1 - tail_probability)):.10g} %"
        super().__init__(
            f"{scenario_count} scenarios are too few for {percent}: give at least {needed}, or a "
            "lower confidence"
        )
        self.scenario_count = scenario_count
        self.tail_probability = tail_probability


class NonFinitePnlError(InputError):
    """A scenario P&L is NaN or infinite."""

    def __init__(self, scenario_index: int, value: float) -> None:
        super().__init__(
            f"P&L of scenario {scenario_index} is {value}: every scenario needs a finite P&L"
        )
        self.scenario_index = scenario_index
        self.value = value


class NonFiniteExposureError(InputError):
    """What a position is worth or moves by is NaN or infinite."""

    def __init__(self, instrument_id: str, field: str, value: float) -> None:
        super().__init__(
            f"{field} of {instrument_id} is {value}: check its quantity, price and FX rate"
        )
        self.instrument_id = instrument_id
        self.field = field
        self.value = value


class UnknownSeriesError(InputError):
    """A series of the book has no history at all."""

    def __init__(self, name: str) -> None:
        remedy = "load its daily closes, or leave it out"
        if name.startswith(FX_SERIES_PREFIX):
            remedy = missing_rates_remedy(name.removeprefix(FX_SERIES_PREFIX))
        super().__init__(f"no history of {name}: {remedy}")
        self.name = name


class MissingRateError(InputError):
    """A currency has no current FX rate, so nothing in it can be valued."""

    def __init__(self, currency: str) -> None:
        super().__init__(f"no FX rate of {currency}: send units of {currency} per 1 EUR first")
        self.currency = currency


class MissingCloseError(InputError):
    """A series has no close on a date that needs one."""

    def __init__(self, name: str, date: dt.date) -> None:
        super().__init__(
            f"no close of {name} on {date}: supply it, or have the previous close carried "
            "(which needs an earlier one)"
        )
        self.name = name
        self.date = date


class TooFewClosesError(InputError):
    """Fewer dates have a value for every series than the window needs."""

    def __init__(
        self,
        common: int,
        needed: int,
        name: str,
        count: int,
        as_of: dt.date,
        *,
        of_every: bool = True,
    ) -> None:
        which = "every" if of_every else "any"
        super().__init__(
            f"{common} dates up to {as_of} have a close of {which} series, the window needs "
            f"{needed}: {name} has the fewest ({count}); load more history or shorten the window"
        )
        self.common_count = common
        self.needed_count = needed
        self.name = name
        self.as_of = as_of


class HistoryStartsLateError(InputError):
    """Series of a book begin after the first scenario day, and no proxy has closes before."""

    def __init__(self, begun: Mapping[str, dt.date], first_day: dt.date) -> None:
        listed = [f"{name} (first close {date})" for name, date in begun.items()]
        super().__init__(
            f"no close up to the first scenario day, {first_day}, of {some_of(listed)}: load older "
            "closes, name a proxy with them in its reference data, or shorten the window"
        )
        self.begun = dict(begun)
        self.first_day = first_day


class NoRecentCloseError(InputError):
    """No series of a book has had a close for more sessions than are passed over."""

    def __init__(
        self, names: Sequence[str], last: dt.date, as_of: dt.date, count: int, bound: int
    ) -> None:
        super().__init__(
            f"no series of the book has a close after {last}, {count} sessions before the as-of "
            f"date {as_of}, and at most {bound} are carried: load closes of {some_of(names)}, name "
            "the exchange if it was closed, or raise carry_max_sessions of the portfolio"
        )
        self.names = tuple(names)
        self.last = last
        self.count = count


def some_of(names: Sequence[str]) -> str:
    """Return the first ``MAX_NAMED`` names of a list in words, and how many there are more."""
    rest = len(names) - MAX_NAMED
    listed = ", ".join(names[:MAX_NAMED])
    return f"{listed} and {rest} more" if rest > 0 else listed


class NonPositiveCloseError(InputError):
    """A relative return was asked of a price at or below zero."""

    def __init__(self, name: str, date: dt.date, value: float) -> None:
        remedy = (
            "relative returns need prices above zero; correct it, or declare the instrument's "
            "return_type absolute"
        )
        if name.startswith(FX_SERIES_PREFIX):
            remedy = "a rate is above zero; correct it"
        super().__init__(f"close of {name} on {date} is {value}: {remedy}")
        self.name = name
        self.date = date
        self.value = value


class NoImpliedVolatilityError(InputError):
    """No volatility gives the price of an option."""

    def __init__(self, price: float, lowest: float, highest: float) -> None:
        super().__init__(
            f"no volatility gives an option price of {price}: it must be above {lowest} "
            f"and up to {highest}; check the price, and that of the underlying"
        )
        self.price = price
        self.lowest = lowest
        self.highest = highest


class NoScenarioValueError(InputError):
    """A scenario moves a spot or a volatility to where an option has no value."""

    def __init__(self, instrument_id: str, what: str, date: dt.date, value: float) -> None:
        super().__init__(
            f"{what} of {instrument_id} is {value} in the scenario of {date}: it must be above "
            "zero; check its history, or the kind of shift in its reference data"
        )
        self.instrument_id = instrument_id
        self.what = what
        self.date = date
        self.value = value


class NoHistoryInWindowError(InputError):
    """A series has no history in a stressed window, and no proxy that has."""

    def __init__(self, name: str, window: str, first: dt.date, last: dt.date) -> None:
        super().__init__(
            f"{name} has no history in the window {window} ({first} to {last}): "
            "name a proxy that has in its reference data"
        )
        self.name = name
        self.window = window


class HistoryTooShortError(InputError):
    """A history has fewer returns than one window of them needs."""

    def __init__(self, count: int, needed: int) -> None:
        super().__init__(
            f"{count} returns of history are fewer than one window of {needed}: "
            "load more history or shorten the window"
        )
        self.count = count
        self.needed = needed
