"""What can be wrong with the inputs of a backtest.

::

    InputError
    ├── NoBacktestDaysError         no P&L date has a full window before it
    ├── UnsupportedInstrumentError  an instrument that a backtest of closes cannot value
    └── UnknownInstrumentError      a position in something that is not listed

Errors of the risk core (a missing close, a price at or below zero, too few scenarios)
come through as they are.
"""

from __future__ import annotations

import datetime as dt

from system.errors import InputError


class NoBacktestDaysError(InputError):
    """There is no day with a full window before it and a P&L after it, inside the bounds."""

    def __init__(
        self,
        portfolio: str,
        history_count: int,
        common_count: int,
        bounds: tuple[dt.date | None, dt.date | None],
    ) -> None:
        start, end = (bound.isoformat() if bound else "open" for bound in bounds)
        super().__init__(
            f"portfolio {portfolio} has no day to test: the method needs {history_count + 1} "
            f"closes up to the day before the P&L date, {common_count} dates have a close of "
            f"every instrument and rate, P&L dates are bounded by {start} and {end}; supply "
            "more history, widen the bounds or shorten the window"
        )
        self.portfolio = portfolio
        self.history_count = history_count
        self.common_count = common_count


class UnsupportedInstrumentError(InputError):
    """An instrument that closes alone cannot value."""

    def __init__(self, instrument_id: str, asset_class: str) -> None:
        super().__init__(
            f"{instrument_id} is of asset class {asset_class}: a backtest revalues from closes "
            "and has no volatility surface to revalue an option with; leave it out"
        )
        self.instrument_id = instrument_id
        self.asset_class = asset_class


class UnknownInstrumentError(InputError):
    """A position in an instrument that is not listed."""

    def __init__(self, portfolio: str, instrument_id: str) -> None:
        super().__init__(
            f"portfolio {portfolio} holds {instrument_id}, which is not among the instruments: "
            "add its row, or correct the name"
        )
        self.portfolio = portfolio
        self.instrument_id = instrument_id
