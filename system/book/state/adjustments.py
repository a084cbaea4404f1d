"""Splits and dividends of a market: those that wait for their barrier, and those in effect.

What stands before the barrier at which one takes effect is in old shares: closes, quotes,
positions, trades, strikes of options. What comes behind it is in new ones. Closes and
reference data stay as they came; what is made of them restates them, so that a snapshot from
before can still be recalled: it knows how many adjustments were in effect.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import deque
from collections.abc import Iterable, Sequence

import msgspec

from system.book.state.quotes import QuoteOutcome
from system.book.state.rows import ADJUSTMENT_PREFIX, AdjustmentState, TradeState
from system.contracts.messages import Adjustment, RejectReason, Split
from system.contracts.topics import message_key
from system.errors import MessageError
from system.risk.scenarios.adjustments import Restatement

Entry = TradeState | AdjustmentState
"""A trade, split or dividend that can move a portfolio's positions."""


class Adjustments:
    """All adjustments that came; those in effect in the order in which they took it.

    Parameters
    ----------
    states : iterable of AdjustmentState
        As they were kept.
    """

    def __init__(self, states: Iterable[AdjustmentState] = ()) -> None:
        self._states = {_key(state): state for state in states}
        self._order()

    def _order(self) -> None:
        taken = [(state.taken, key) for key, state in self._states.items() if state.taken]
        self.taken: tuple[AdjustmentState, ...] = tuple(
            self._states[key] for _, key in sorted(taken)
        )

    def is_known(self, adjustment: Adjustment) -> bool:
        """Return whether exactly this one came before."""
        known = self._states.get(message_key(adjustment))
        return known is not None and known.adjustment == adjustment

    def add(self, adjustment: Adjustment) -> QuoteOutcome:
        """Take another adjustment; in place of one that waits for the same day.

        Raises
        ------
        MessageError
            If another one of the same instrument and day has taken effect: ``conflict``.
        """
        key = message_key(adjustment)
        known = self._states.get(key)
        if known is not None and known.taken is not None:
            raise MessageError(RejectReason.CONFLICT, f"{key} took effect on {known.taken}")
        self._states[key] = AdjustmentState(adjustment=adjustment)
        return QuoteOutcome.APPLIED

    def split_product(self, split: Split) -> float:
        """Return what all splits of an instrument make of one share, with another one added."""
        others = (
            state.adjustment.ratio
            for key, state in self._states.items()
            if isinstance(state.adjustment, Split)
            and state.adjustment.instrument == split.instrument
            and key != message_key(split)
        )
        return math.prod(others, start=split.ratio)

    def due(self, day: dt.date) -> tuple[AdjustmentState, ...]:
        """Return those that take effect at a day's barrier, in the order in which they do."""
        waiting = (
            (key, state)
            for key, state in self._states.items()
            if state.taken is None and state.adjustment.last_day <= day
        )
        return tuple(state for _, state in sorted(waiting, key=lambda one: one[0]))

    def put(self, state: AdjustmentState) -> None:
        """Put in one that takes effect now."""
        assert state.taken is not None, f"{_key(state)} has no day on which it took effect"
        self._states[_key(state)] = state
        self.taken = (*self.taken, state)


def adjustment_row(adjustment: Adjustment) -> str:
    """Return the key of the row that an adjustment is kept in."""
    return ADJUSTMENT_PREFIX + message_key(adjustment)


def restatements(taken: Iterable[AdjustmentState]) -> dict[str, list[Restatement]]:
    """Return by series what its closes are restated by, in order."""
    found: dict[str, list[Restatement]] = {}
    for state in taken:
        assert state.taken is not None, "it has taken effect"
        before = min(state.adjustment.date, state.taken + dt.timedelta(days=1))
        for series in state.closes:
            found.setdefault(series, []).append(Restatement(before, state.divisor))
    return found


def entries(trades: Sequence[TradeState], taken: Sequence[AdjustmentState]) -> list[Entry]:
    """Return everything that can move the positions of a portfolio, in order.

    Parameters
    ----------
    trades : sequence of TradeState
        Of the portfolio, those that count, in the order in which they first came.
    taken : sequence of AdjustmentState
        In effect, in order.
    """
    waiting = deque(taken)
    ordered: list[Entry] = []
    for trade in trades:
        while waiting and _is_behind(trade.day, waiting[0]):
            ordered.append(waiting.popleft())
        ordered.append(trade)
    return [*ordered, *waiting]


def _is_behind(day: dt.date | None, state: AdjustmentState) -> bool:
    """Return whether what came after a day was closed came behind an adjustment's barrier."""
    return day is not None and state.taken is not None and day >= state.taken


def told(state: AdjustmentState) -> str:
    """Return an adjustment as a snapshot names it: instrument, date, what."""
    one = state.adjustment
    what = f"split {one.ratio:g}" if isinstance(one, Split) else f"dividend {one.amount:g}"
    return f"{one.instrument} {one.date} {what}"


def at_barrier(
    state: AdjustmentState,
    day: dt.date,
    *,
    divisor: float,
    options: Sequence[str],
    closes: Sequence[str],
) -> AdjustmentState:
    """Return an adjustment that takes effect at a day's barrier, with what it moves."""
    return msgspec.structs.replace(
        state, taken=day, divisor=divisor, options=tuple(options), closes=tuple(closes)
    )


def _key(state: AdjustmentState) -> str:
    return message_key(state.adjustment)
