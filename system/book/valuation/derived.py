"""What follows from a set of positions alone: arrays, groups, and what moves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from system.book.state.positions import ListingOf
from system.contracts.currencies import EUR
from system.contracts.messages import AssetClass
from system.risk.arrays import BoolVector
from system.risk.cost import CostBasis
from system.risk.currency import major_currency
from system.risk.listing import Listing
from system.risk.portfolio import PositionGroups
from system.risk.scenarios.factors import series_of
from system.risk.valuation import Holding, Holdings


@dataclass(frozen=True, slots=True, eq=False)
class PositionArrays:
    """A portfolio between two trades.

    Parameters
    ----------
    holdings : Holdings
        The positions as arrays, in canonical order.
    groups : PositionGroups
        By asset class.
    series : tuple of str
        Closes that its scenarios need.
    tickers, currencies : frozenset of str
        Whose quotes and rates change its value.
    is_cash : ndarray of bool, shape (position_count,)
        Positions without a cost of their own.
    has_options : bool
        Whether a position is an option.
    """

    holdings: Holdings
    groups: PositionGroups
    series: tuple[str, ...]
    tickers: frozenset[str]
    currencies: frozenset[str]
    is_cash: BoolVector
    has_options: bool

    @property
    def listings(self) -> tuple[Listing, ...]:
        """Return the instruments in canonical order."""
        return self.holdings.listings

    @classmethod
    def of(
        cls,
        basis: Mapping[str, CostBasis],
        listing_of: ListingOf,
        *,
        base_currency: str,
        realised_currencies: frozenset[str] = frozenset(),
    ) -> Self:
        """Return the shape of some positions.

        Parameters
        ----------
        basis : mapping of str to CostBasis
            Instrument to quantity and average cost.
        listing_of : callable
            Instrument to Listing.
        base_currency : str
            Of the portfolio.
        realised_currencies : frozenset of str
            Currencies of realised P&L: their rates change its sum.
        """
        holdings = Holdings.of(
            Holding(listing_of(name), held.quantity, held.average_cost)
            for name, held in basis.items()
        )
        listings = holdings.listings
        return cls(
            holdings=holdings,
            groups=holdings.asset_classes(),
            series=series_of(listings, base_currency),
            tickers=frozenset(name for item in listings for name in _tickers(item)),
            currencies=_rates_needed(listings, base_currency, realised_currencies),
            is_cash=np.array([item.asset_class is AssetClass.CASH for item in listings], np.bool_),
            has_options=any(item.option is not None for item in listings),
        )


def _tickers(listing: Listing) -> tuple[str, ...]:
    """Return whose quotes change a position's value: an option's underlying too."""
    if listing.is_money:
        return ()
    if listing.option is None:
        return (listing.instrument_id,)
    return (listing.instrument_id, listing.option.underlying.instrument_id)


def _rates_needed(
    listings: tuple[Listing, ...], base_currency: str, realised: frozenset[str]
) -> frozenset[str]:
    """Return the currencies whose rates per EUR convert to the base currency."""
    used = {major_currency(listing.currency) for listing in listings} | realised
    foreign = used - {base_currency}
    return frozenset((foreign | {base_currency}) - {EUR}) if foreign else frozenset()
