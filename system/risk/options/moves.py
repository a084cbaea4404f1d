"""What moves the options of a book in each scenario: spots, volatilities and rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from system.contracts.messages import VolatilityShift
from system.risk.arrays import BoolVector, Float64Matrix, Float64Vector, IndexVector
from system.risk.currency import major_currency
from system.risk.listing import Listing, OptionTerms
from system.risk.scenarios.factors import ScenarioFactors, fx_moves, series_moves
from system.risk.scenarios.window import ScenarioWindow


class FactorRows(Protocol):
    """Which factor rows belong to which position: `ScenarioFactors`, of any length."""

    @property
    def row_position(self) -> IndexVector:
        """0-based index of the position that each row belongs to."""
        ...

    @property
    def row_is_fx(self) -> BoolVector:
        """Whether a row is an FX move."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class OptionMoves:
    """What moves the options of a book in each scenario; changes only with the window.

    Parameters
    ----------
    row : ndarray of intp, shape (option_count,)
        0-based index of each option's price row among the factors.
    spot_move, volatility_move : ndarray of float64, shape (option_count, scenario_count)
        Simple returns, or changes where the flag says so; 0 for a constant volatility.
    spot_is_absolute, volatility_is_absolute : ndarray of bool, shape (option_count, 1)
        Which moves are changes.
    fx : ndarray of float64, shape (option_count, scenario_count)
        1 + f; 1 in the base currency.
    """

    row: IndexVector
    spot_move: Float64Matrix
    volatility_move: Float64Matrix
    spot_is_absolute: BoolVector
    volatility_is_absolute: BoolVector
    fx: Float64Matrix


def terms_of(listing: Listing) -> OptionTerms:
    """Return the terms of an option."""
    assert listing.option is not None, f"{listing.instrument_id} is no option"
    return listing.option


def option_moves(
    window: ScenarioWindow,
    listings: Sequence[Listing],
    factors: ScenarioFactors,
    *,
    base_currency: str,
) -> OptionMoves | None:
    """Return what moves the options of a book, None where it holds none.

    Parameters
    ----------
    window : ScenarioWindow
        Closes of `series_of` the book.
    listings : sequence of Listing
        The whole book in canonical order.
    factors : ScenarioFactors
        Of the same book and window.
    base_currency : str
        ISO code.

    Raises
    ------
    UnknownSeriesError
        If the window lacks a series; names it.
    NonPositiveCloseError
        If a relative move would start or end at a close at or below zero.
    """
    return moves_of_options(
        window, listings, factors, currency_moves=fx_moves(window, listings, base_currency)
    )


def moves_of_options(
    window: ScenarioWindow,
    listings: Sequence[Listing],
    factors: FactorRows,
    *,
    currency_moves: Mapping[str, Float64Vector],
) -> OptionMoves | None:
    """Return what moves the options of a book, with the moves of its currencies known.

    Parameters
    ----------
    window : ScenarioWindow
        Closes of what the options are on, and of their volatilities.
    listings : sequence of Listing
        The whole book in canonical order.
    factors : FactorRows
        Of the same book.
    currency_moves : mapping of str to ndarray of float64, shape (scenario_count,)
        X'/X - 1 by ISO code; the base currency has no entry.

    Raises
    ------
    UnknownSeriesError, NonPositiveCloseError
        As `option_moves`.
    """
    held = [(index, one) for index, one in enumerate(listings) if one.option is not None]
    if not held:
        return None
    terms = [terms_of(listing) for _, listing in held]
    still = np.zeros(len(window.scenario_dates))
    return OptionMoves(
        row=np.array([_price_row(factors, index) for index, _ in held], dtype=np.intp),
        spot_move=np.array([_spot_move(window, term) for term in terms]),
        volatility_move=np.array([_volatility_move(window, term, still) for term in terms]),
        spot_is_absolute=np.array([[term.underlying.is_absolute] for term in terms]),
        volatility_is_absolute=np.array(
            [[term.volatility_shift is VolatilityShift.ABSOLUTE] for term in terms]
        ),
        fx=np.array(
            [1.0 + currency_moves.get(major_currency(one.currency), still) for _, one in held]
        ),
    )


def _price_row(factors: FactorRows, position: int) -> int:
    own = (factors.row_position == position) & ~factors.row_is_fx
    return int(np.flatnonzero(own)[0])


def _spot_move(window: ScenarioWindow, terms: OptionTerms) -> Float64Vector:
    underlying = terms.underlying
    return series_moves(window, underlying.instrument_id, is_absolute=underlying.is_absolute)


def _volatility_move(
    window: ScenarioWindow, terms: OptionTerms, still: Float64Vector
) -> Float64Vector:
    if not terms.volatility_series:
        return still
    absolute = terms.volatility_shift is VolatilityShift.ABSOLUTE
    return series_moves(window, terms.volatility_series, is_absolute=absolute)
