"""Who held what, from which close: positions over time, cut where the set of names changes."""

from __future__ import annotations

import bisect
import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from system.backtest.errors import UnknownInstrumentError, UnsupportedInstrumentError
from system.contracts.messages import AssetClass
from system.risk.arrays import Float64Matrix
from system.risk.listing import Listing

ALWAYS: Final = dt.date.min
"""Held-from date of a quantity without a date: held at the first close of the run."""


NO_TERMS: Final = (
    "an option is revalued in each scenario, and needs underlying, right, strike, expiry and "
    "volatility among the columns of its row; returns of its own price are no scenarios, because "
    "they belong to other spots and other times to expiry"
)


@dataclass(frozen=True, slots=True)
class DatedQuantity:
    """A holding from one close on, until the next quantity of the same instrument.

    Parameters
    ----------
    instrument_id : str
        What is held.
    quantity : float
        Signed, in the shares of that day; 0 ends the holding. For money: the amount.
    held_from : date
        The close it is held from; ``ALWAYS`` for the whole backtest.
    """

    instrument_id: str
    quantity: float
    held_from: dt.date = ALWAYS


@dataclass(frozen=True, slots=True)
class BacktestBook:
    """One portfolio as it was held over time.

    Parameters
    ----------
    portfolio : str
        Its name.
    base_currency : str
        ISO code.
    listings : mapping of str to Listing
        At least the instruments it ever held.
    quantities : tuple of DatedQuantity
        Any order; no instrument twice from the same close.

    Raises
    ------
    UnknownInstrumentError
        If it holds what is not listed.
    UnsupportedInstrumentError
        If it holds an option without terms.
    """

    portfolio: str
    base_currency: str
    listings: Mapping[str, Listing]
    quantities: tuple[DatedQuantity, ...]

    def __post_init__(self) -> None:
        for quantity in self.quantities:
            listing = self.listings.get(quantity.instrument_id)
            if listing is None:
                raise UnknownInstrumentError(self.portfolio, quantity.instrument_id)
            if listing.asset_class is AssetClass.OPTION and listing.option is None:
                raise UnsupportedInstrumentError(quantity.instrument_id, NO_TERMS)


@dataclass(frozen=True, slots=True)
class HoldingStep:
    """Quantities from one close on; each with the close that it was stated for."""

    held_from: dt.date
    quantities: tuple[DatedQuantity, ...]


@dataclass(frozen=True, slots=True)
class HoldingSpan:
    """A stretch of time in which the same instruments are held.

    Parameters
    ----------
    listings : tuple of Listing
        Canonical order: ascending by instrument id.
    steps : tuple of HoldingStep
        In order of date; in each, one quantity per listing in the same order.
    held_until : date or None
        The first close at which another set is held; None for no such close.
    """

    listings: tuple[Listing, ...]
    steps: tuple[HoldingStep, ...]
    held_until: dt.date | None

    @property
    def held_from(self) -> dt.date:
        """Return the first close of the span, ``ALWAYS`` for the beginning."""
        return self.steps[0].held_from

    def held_at(self, closes: Sequence[dt.date]) -> tuple[HoldingStep, ...]:
        """Return the step that each close belongs to; no close lies before the span."""
        starts = [step.held_from for step in self.steps]
        return tuple(self.steps[bisect.bisect_right(starts, close) - 1] for close in closes)


def holding_spans(book: BacktestBook) -> tuple[HoldingSpan, ...]:
    """Return the spans of a book in order of date; times without any holding are left out.

    Parameters
    ----------
    book : BacktestBook
        The portfolio.
    """
    steps = _steps(book.quantities)
    grouped = [
        tuple(group)
        for _, group in itertools.groupby(
            steps, key=lambda step: tuple(quantity.instrument_id for quantity in step.quantities)
        )
    ]
    ends = [group[0].held_from for group in grouped[1:]] + [None]
    return tuple(
        HoldingSpan(
            tuple(book.listings[quantity.instrument_id] for quantity in group[0].quantities),
            group,
            end,
        )
        for group, end in zip(grouped, ends, strict=True)
        if group[0].quantities
    )


def flat_periods(book: BacktestBook) -> tuple[tuple[dt.date, dt.date | None], ...]:
    """Return when a book holds nothing: from a close on, until the next one at which it does.

    Parameters
    ----------
    book : BacktestBook
        The portfolio.

    Returns
    -------
    tuple of (date, date or None)
        In order; from ``ALWAYS`` where it holds nothing from the beginning, until None where
        it never holds anything again. The time before its first dated quantity is no such
        period: nothing is said about it.
    """
    steps = _steps(book.quantities)
    grouped = [
        (is_flat, next(group).held_from)
        for is_flat, group in itertools.groupby(steps, key=lambda step: not step.quantities)
    ]
    ends = [held_from for _, held_from in grouped[1:]] + [None]
    return tuple(
        (held_from, end) for (is_flat, held_from), end in zip(grouped, ends, strict=True) if is_flat
    )


def quantity_matrix(
    steps: Iterable[HoldingStep], factors: Mapping[DatedQuantity, float]
) -> Float64Matrix:
    """Return quantities, shape (close_count, position_count).

    Parameters
    ----------
    steps : iterable of HoldingStep
        Of each close, from `HoldingSpan.held_at`.
    factors : mapping of DatedQuantity to float
        By what a stated quantity is multiplied, for splits since; 1 where it is absent.
    """
    rows: dict[int, list[float]] = {}
    chosen = list(steps)
    for step in chosen:
        if id(step) not in rows:
            rows[id(step)] = [
                quantity.quantity * factors[quantity] if quantity in factors else quantity.quantity
                for quantity in step.quantities
            ]
    return np.array([rows[id(step)] for step in chosen], dtype=np.float64)


def _steps(quantities: Iterable[DatedQuantity]) -> list[HoldingStep]:
    """Return what is held from each close at which something changes."""
    held: dict[str, DatedQuantity] = {}
    steps = []
    ordered = sorted(quantities, key=lambda quantity: (quantity.held_from, quantity.instrument_id))
    for held_from, changes in itertools.groupby(ordered, key=lambda quantity: quantity.held_from):
        for change in changes:
            held[change.instrument_id] = change
        kept = tuple(held[name] for name in sorted(held) if held[name].quantity != 0.0)
        steps.append(HoldingStep(held_from, kept))
    return steps
