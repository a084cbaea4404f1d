"""Settings of a backtest: method, window, confidence, and rules for missing closes."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from system.backtest.engine.days import DayBounds
from system.backtest.engine.methods import Method
from system.risk.confidence import Confidence
from system.risk.scenarios.carry import CarryBound
from system.risk.scenarios.window import Missing


@dataclass(frozen=True, slots=True)
class BacktestSettings:
    """Settings of one backtest.

    Parameters
    ----------
    method : Method
        How the VaR is stated.
    window : int
        Number n of returns; ``hs250`` has its own.
    confidence : Confidence
        Exact.
    missing : Missing
        What to do with a date on which only some series of the book have a close.
    bounds : DayBounds
        Of the P&L date.
    carry : CarryBound
        How long, or for how small a part of the book, closes are carried under ``CARRY``.
    """

    method: Method = Method.HS
    window: int = 30
    confidence: Confidence = field(default_factory=lambda: Confidence(Fraction(19, 20)))
    missing: Missing = Missing.REFUSE
    bounds: DayBounds = field(default_factory=DayBounds)
    carry: CarryBound = field(default_factory=CarryBound)

    @property
    def scenario_count(self) -> int:
        """Return n, the number of scenarios that a VaR is taken from."""
        return self.method.scenario_count(self.window)

    @property
    def history_count(self) -> int:
        """Return the number of returns that are needed up to an as-of close."""
        return self.method.history_count(self.window)
