"""What follows from a set of positions alone: arrays, groups, and what moves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np

from system.book.state.market import Market
from system.book.valuation.prices import price_rows_of
from system.contracts.currencies import EUR
from system.contracts.messages import AssetClass
from system.contracts.text.columns import Column, column_of
from system.risk.arrays import BoolVector, Float64Vector, IndexVector
from system.risk.cost import CostBasis
from system.risk.currency import major_currency
from system.risk.listing import Listing
from system.risk.portfolio import PositionGroups
from system.risk.scenarios.factors import series_of
from system.risk.valuation import Holding, Holdings


class StaticColumns(NamedTuple):
    """Columns of a portfolio's snapshot that no price changes.

    ``average_cost`` is None where cash is held, which costs what it is worth.
    ``nothing_realised`` is the column of a book that has realised nothing.
    """

    asset_classes: tuple[AssetClass, ...]
    currencies: tuple[str, ...]
    quantity: Column
    average_cost: Column | None
    nothing_realised: Column


@dataclass(frozen=True, eq=False)
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
    price_rows : ndarray of intp, shape (position_count,)
        Where `MarketPrices` has the price of each position.
    """

    holdings: Holdings
    groups: PositionGroups
    series: tuple[str, ...]
    tickers: frozenset[str]
    currencies: frozenset[str]
    is_cash: BoolVector
    has_options: bool
    price_rows: IndexVector

    @property
    def listings(self) -> tuple[Listing, ...]:
        """Return the instruments in canonical order."""
        return self.holdings.listings

    @cached_property
    def digested(self) -> tuple[bytes, bytes]:
        """Return the names, and the quantities and costs, as ``inputs_hash`` takes them.

        The cost of cash is not tracked and moves no number: it counts as 0.
        """
        names = "".join(f"\n{name}" for name in self.holdings.instrument_ids)
        cost = np.where(self.is_cash, 0.0, self.holdings.average_cost)
        return names.encode(), little_endian(self.holdings.quantity) + little_endian(cost)

    @cached_property
    def exchanges(self) -> frozenset[str]:
        """Return the exchanges of the instruments."""
        return frozenset(item.exchange for item in self.listings)

    @cached_property
    def sorted_currencies(self) -> tuple[str, ...]:
        """Return ``currencies`` in order."""
        return tuple(sorted(self.currencies))

    @cached_property
    def has_cash(self) -> bool:
        """Return whether a position is cash."""
        return bool(self.is_cash.any())

    @cached_property
    def columns(self) -> StaticColumns:
        """Return what a snapshot states of each position at any price."""
        holdings = self.holdings
        return StaticColumns(
            asset_classes=tuple(item.asset_class for item in holdings.listings),
            currencies=tuple(item.currency for item in holdings.listings),
            quantity=little_endian(holdings.quantity),
            average_cost=None if self.has_cash else little_endian(holdings.average_cost),
            nothing_realised=column_of([0.0] * len(holdings.listings)),
        )

    @classmethod
    def of(
        cls,
        basis: Mapping[str, CostBasis],
        market: Market,
        *,
        base_currency: str,
        realised_currencies: frozenset[str] = frozenset(),
    ) -> Self:
        """Return the shape of some positions.

        Parameters
        ----------
        basis : mapping of str to CostBasis
            Instrument to quantity and average cost.
        market : Market
            Knows every instrument that occurs.
        base_currency : str
            Of the portfolio.
        realised_currencies : frozenset of str
            Currencies of realised P&L: their rates change its sum.
        """
        holdings = Holdings.of(
            Holding(market.listing(name), held.quantity, held.average_cost)
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
            price_rows=price_rows_of(listings, market.price_rows),
        )


def little_endian(vector: Float64Vector) -> bytes:
    """Return the bytes of a vector, the same on every machine."""
    return vector.astype("<f8", copy=False).tobytes()


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
