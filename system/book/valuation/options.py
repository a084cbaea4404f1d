"""Options inside a book: what each is marked with, and where it stood at a close."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from system.book.state.market import Market
from system.book.state.rows import HeldOption
from system.book.state.synthetic_quotes import Price
from system.contracts.discounting import MAX_EXPONENT
from system.risk.arrays import Float64Vector, IndexVector
from system.risk.listing import Listing
from system.risk.options.black_scholes import DAYS_PER_YEAR, Greeks
from system.risk.options.moves import terms_of
from system.risk.options.revaluation import OptionMark, OptionMarks, option_marks
from system.risk.valuation import Valuation, with_option_deltas

VALUED_PRICES: Final = (1e-40, 1e40)
"""Spots, strikes and prices between which the model stays within a float. Reference data and
quotes are well inside; splits and dividends restate them."""
GREEK_BOUND: Final = 1e250
"""Greeks of a position stay below it, so that their sums over a book are finite."""
VALUED_EXPONENT: Final = 2.0 * MAX_EXPONENT
"""Rates times years to expiry: data is bounded to half of it at its border, but days before 1970
have more years to come, and rows of earlier versions were not bounded."""


class FoundOption(NamedTuple):
    """What an option is marked with, and since when that is stale (None: fresh)."""

    mark: OptionMark
    stale_since_ns: int | None


@dataclass(frozen=True, slots=True, eq=False)
class HeldOptions:
    """The options of a portfolio at current prices.

    Parameters
    ----------
    marks : OptionMarks
        What they are valued with, in canonical order.
    positions : ndarray of intp, shape (option_count,)
        0-based indexes of them among the positions.
    unit : Greeks
        Of 1.0 of quantity, option's currency.
    """

    marks: OptionMarks
    positions: IndexVector
    unit: Greeks

    @classmethod
    def of(cls, listings: Sequence[Listing], found: dict[str, FoundOption]) -> HeldOptions | None:
        """Return the options among the listings of a portfolio, None where there are none."""
        held = [index for index, one in enumerate(listings) if one.option is not None]
        if not held:
            return None
        marks = option_marks([found[listings[index].instrument_id].mark for index in held])
        return cls(marks, np.array(held, dtype=np.intp), marks.greeks())

    def priced(self, price: Float64Vector) -> Float64Vector:
        """Return the prices of all positions with the premiums of the options put in."""
        priced = price.copy()
        priced[self.positions] = self.marks.premium
        return priced

    def exposed(self, worth: Valuation) -> Valuation:
        """Return a valuation with the options exposed by their deltas."""
        spot = self.marks.spot
        return with_option_deltas(worth, positions=self.positions, delta=self.unit.delta, spot=spot)

    def unbounded(self, worth: Valuation, units: Float64Vector) -> set[str]:
        """Return the options with a Greek, of theirs or of the position, that is no finite number.

        Parameters
        ----------
        worth : Valuation
            Of the whole book: its rates.
        units : ndarray of float64, shape (position_count,)
            Quantity times multiplier.
        """
        unit, marks = self.unit, self.marks
        scale = np.maximum(np.abs(units[self.positions] * worth.rate[self.positions]), 1.0)
        greeks = (unit.delta, unit.gamma, unit.vega, unit.theta, unit.rho)
        sizes = [np.abs(greek) * scale for greek in greeks]
        sizes.append(sizes[1] * marks.spot * marks.spot)
        size = np.maximum.reduce(sizes)
        return {marks.listings[row].instrument_id for row in np.flatnonzero(~(size < GREEK_BOUND))}

    def at_close(self, worth: Valuation) -> dict[str, HeldOption]:
        """Return spot, volatility and premium of each option, to explain its P&L from."""
        marks = self.marks
        columns = zip(
            marks.listings,
            marks.premium.tolist(),
            marks.spot.tolist(),
            marks.volatility.tolist(),
            worth.rate[self.positions].tolist(),
            marks.days,
            strict=True,
        )
        return {
            listing.instrument_id: HeldOption(
                premium=premium, spot=spot, volatility=volatility, rate=rate, days=days
            )
            for listing, premium, spot, volatility, rate, days in columns
        }


def found_option(market: Market, listing: Listing) -> FoundOption | None:
    """Return what an option is marked with now, None where its underlying has no price yet.

    None, too, where its terms and prices are beyond what the model can value.

    An option is marked at its own quote where it has one; once expired, at what it was
    worth at the underlying's close on its last day.
    """
    option = _marked_option(market, listing)
    return option if option is not None and _is_valued(option.mark) else None


def is_beyond_model(market: Market, listing: Listing) -> bool:
    """Return whether an option has a price to be valued from, and terms beyond the model."""
    option = None if listing.option is None else _marked_option(market, listing)
    return option is not None and not _is_valued(option.mark)


def _is_valued(mark: OptionMark) -> bool:
    """Return whether every number of an option at these terms and prices is a finite one."""
    terms = terms_of(mark.listing)
    years = max(0, mark.days) / DAYS_PER_YEAR
    growth = max(abs(terms.rate), abs(terms.dividend_yield)) * years
    lowest, highest = VALUED_PRICES
    prices = (
        (mark.spot, terms.strike)
        if math.isnan(mark.price)
        else (mark.spot, terms.strike, mark.price)
    )
    return growth <= VALUED_EXPONENT and all(lowest <= price <= highest for price in prices)


def _marked_option(market: Market, listing: Listing) -> FoundOption | None:
    date, terms = market.valuation_date, terms_of(listing)
    if date is None:
        return None
    days = (terms.expiry - date).days
    underlying = terms.underlying.instrument_id
    if days < 0:
        close = market.close_on(underlying, terms.expiry)
        return None if close is None else FoundOption(OptionMark(listing, days, close), None)
    spot = market.price(underlying)
    if spot is None:
        return None
    own = market.quoted(listing.instrument_id)
    if own is None:
        stated = market.stated_volatility(listing.instrument_id)
        mark = OptionMark(listing, days, spot.value, volatility=stated)
        return FoundOption(mark, spot.stale_since_ns)
    return FoundOption(OptionMark(listing, days, spot.value, own.value), _older(spot, own))


def marked_price(market: Market, instrument: str) -> Price | None:
    """Return what an instrument is marked at; of an option, its premium. Money has no price.

    Raises
    ------
    KeyError
        If the instrument is not known.
    """
    listing = market.listing(instrument)
    if listing.option is None:
        return market.price(instrument)
    found = found_option(market, listing)
    if found is None:
        return None
    return Price(float(option_marks([found.mark]).premium[0]), found.stale_since_ns)


def _older(*prices: Price) -> int | None:
    stale = [price.stale_since_ns for price in prices if price.stale_since_ns is not None]
    return min(stale, default=None)
