"""Errors in the inputs of a backtest.

::

    InputError
    ├── NoBacktestDaysError         no P&L date has a full window before it
    ├── FlatBookError               a book that holds nothing
    ├── NoFitError                  scenario P&Ls that no law of the method's kind fits
    ├── InterruptedBookError        more closes are missing than are carried, on every day
    ├── UnsupportedInstrumentError  an instrument that the files do not say enough of
    ├── NoOptionVolatilityError     an option's own price that no volatility gives
    └── UnknownInstrumentError      a position in something that is not listed

Errors of the risk core (a missing close, a price at or below zero, too few scenarios)
come through as they are.
"""

from __future__ import annotations

import datetime as dt

from system.contracts.messages import CARRY_SPAN_DAYS
from system.errors import InputError
from system.risk.errors import some_of
from system.risk.scenarios.carry import CarryBound


class NoBacktestDaysError(InputError):
    """There is no day with a full window before it and a P&L after it, inside the bounds."""

    def __init__(
        self,
        portfolio: str,
        history_count: int,
        common_count: int,
        bounds: tuple[dt.date | None, dt.date | None],
        scarcest: tuple[str, int] | None = None,
        held: tuple[dt.date | None, dt.date | None] = (None, None),
    ) -> None:
        start, end = (bound.isoformat() if bound else "open" for bound in bounds)
        fewest = f" ({scarcest[0]} has the fewest, {scarcest[1]})" if scarcest else ""
        since, until = held
        when = f", it is held from {since}" if since else ""
        when += f" until {until}" if until else ""
        super().__init__(
            f"portfolio {portfolio} has no day to test: the method needs {history_count + 1} "
            f"closes up to the day before the P&L date, {common_count} dates have a close of "
            f"every instrument and rate{fewest}{when}, P&L dates are bounded by {start} and {end}; "
            "supply more history, widen the bounds or shorten the window"
        )
        self.portfolio = portfolio
        self.history_count = history_count
        self.common_count = common_count
        self.scarcest = scarcest


class FlatBookError(InputError):
    """A book that holds nothing on any day that could be tested."""

    def __init__(self, portfolio: str, since: dt.date | None) -> None:
        when = "every quantity is 0" if since is None else f"all its positions are 0 since {since}"
        super().__init__(f"portfolio {portfolio} holds nothing: {when}")
        self.portfolio = portfolio
        self.since = since


class NoFitError(InputError):
    """Scenario P&Ls that no law of the method's kind fits, on any day."""

    def __init__(self, portfolio: str, method: str, day_count: int, why: str) -> None:
        super().__init__(
            f"portfolio {portfolio} has no VaR by {method}: on all {day_count} days {why}"
        )
        self.portfolio = portfolio
        self.method = method


class InterruptedBookError(InputError):
    """More closes are missing before every day than are carried."""

    def __init__(self, portfolio: str, series: tuple[str, ...], bound: CarryBound) -> None:
        super().__init__(
            f"portfolio {portfolio} has no day to test: before each, closes of {some_of(series)} "
            f"are missing on more than {bound.max_sessions} weekdays within {CARRY_SPAN_DAYS} "
            f"scenario days, and of more than {bound.max_share:.1%} of gross exposure; supply "
            "them, or leave such days out (--missing skip)"
        )
        self.portfolio = portfolio
        self.series = series


class UnsupportedInstrumentError(InputError):
    """An instrument that the files do not say enough of to value it."""

    def __init__(self, instrument_id: str, why: str) -> None:
        super().__init__(f"{instrument_id} is held and cannot be valued: {why}")
        self.instrument_id = instrument_id


class NoOptionVolatilityError(InputError):
    """A settlement of an option that no volatility gives."""

    def __init__(
        self, instrument_id: str, date: dt.date, price: float, bounds: tuple[float, float]
    ) -> None:
        lowest, highest = bounds
        super().__init__(
            f"settlement of {instrument_id} on {date} is {price:g}, which no volatility gives: it "
            f"is worth at least {lowest:g} and less than {highest:g}; correct it, or leave the "
            "option's column out and it is valued with the volatility of its row"
        )
        self.instrument_id = instrument_id
        self.date = date
        self.price = price


class UnknownInstrumentError(InputError):
    """A position in an instrument that is not listed."""

    def __init__(self, portfolio: str, instrument_id: str) -> None:
        super().__init__(
            f"portfolio {portfolio} holds {instrument_id}, which is not among the instruments: "
            "add its row, or correct the name"
        )
        self.portfolio = portfolio
        self.instrument_id = instrument_id
