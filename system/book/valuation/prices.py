"""Prices of one moment: each instrument is looked up once, then taken by its row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from system.book.state.market import Market
from system.book.state.synthetic_quotes import Price
from system.contracts.messages import ExchangeClose
from system.risk.arrays import BoolVector, Float64Vector, IndexVector
from system.risk.listing import Listing

_MONEY_ROW: Final = 0
"""Row of what has no price of its own."""
_UNKNOWN: Final = 1
"""Not looked up yet."""
_MISSING: Final = 2
_STALE: Final = 4
_SUSPECT: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Prices of the positions of one book.

    Parameters
    ----------
    price : ndarray of float64, shape (position_count,)
        Instrument currency; 0 where there is none, and for money.
    is_missing : ndarray of bool, shape (position_count,), or None
        Positions without a price; None where none is.
    stale_since : tuple of (int or None), or None
        Event time since when each price is stale; None where all are fresh.
    may_be_suspect : bool
        Whether a price is a suspect tick.
    """

    price: Float64Vector
    is_missing: BoolVector | None
    stale_since: tuple[int | None, ...] | None
    may_be_suspect: bool

    def stale(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return which of the positions' names have a stale price."""
        if self.stale_since is None:
            return ()
        since = zip(names, self.stale_since, strict=True)
        return tuple(name for name, since_ns in since if since_ns is not None)

    def at(self, places: list[int]) -> Marks:
        """Return the marks of some of the positions, each of which has a price."""
        since = self.stale_since
        return Marks(
            price=self.price[places],
            is_missing=None,
            stale_since=None if since is None else tuple(since[place] for place in places),
            may_be_suspect=self.may_be_suspect,
        )


def price_rows_of(listings: Iterable[Listing], rows: dict[str, int]) -> IndexVector:
    """Return the row of each instrument, shape (position_count,).

    Parameters
    ----------
    listings : iterable of Listing
        Positions of a book, in canonical order.
    rows : dict of str to int
        ``Market.price_rows``; an instrument that has no row yet is given the next one.
    """
    return np.array(
        [
            _MONEY_ROW if item.is_money else rows.setdefault(item.instrument_id, len(rows) + 1)
            for item in listings
        ],
        dtype=np.intp,
    )


class MarketPrices:
    """Prices and rates of a market that does not change meanwhile, shared by all its books.

    Parameters
    ----------
    market : Market
        Looked up when a price or rate is first asked for.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._names: tuple[str, ...] = ()
        self._value = np.zeros(1)
        self._flags = np.zeros(1, dtype=np.uint8)
        self._is_fresh = False
        """True where each row is known and nothing is wrong with any, as is usual."""
        self._stale_since: dict[int, int] = {}
        self._rates: dict[str, Price | None] = {}
        self._closes: dict[frozenset[str], tuple[ExchangeClose, ...]] = {}
        self.valuation_date = market.valuation_date
        """Day from which time to expiry counts."""
        self._suspect_rates: set[str] = set()

    def marks(self, rows: IndexVector) -> Marks:
        """Return the prices of some rows of the market.

        Parameters
        ----------
        rows : ndarray of intp, shape (position_count,)
            From `price_rows_of` with this market's rows.
        """
        if self._is_fresh and len(self._market.price_rows) == len(self._names):
            return Marks(self._value.take(rows), None, None, may_be_suspect=False)
        flags, union = self._flags_of(rows)
        if union & _UNKNOWN:
            for row in rows[flags & _UNKNOWN != 0].tolist():
                self._look_up(row)
            flags, union = self._flags_of(rows)
            self._is_fresh = not self._flags.any()
        since = self._stale_since
        return Marks(
            price=self._value.take(rows),
            is_missing=flags & _MISSING != 0 if union & _MISSING else None,
            stale_since=tuple(map(since.get, rows.tolist())) if union & _STALE else None,
            may_be_suspect=bool(union & _SUSPECT),
        )

    def rate(self, currency: str) -> Price | None:
        """Return units of a currency per 1 EUR, None where it has no rate yet."""
        if currency not in self._rates:
            self._rates[currency] = self._market.rate(currency)
            quote = self._market.rates.get(currency)
            if quote is not None and quote.suspect is not None:
                self._suspect_rates.add(currency)
        return self._rates[currency]

    def exchange_closes(self, exchanges: frozenset[str]) -> tuple[ExchangeClose, ...]:
        """Return when some exchanges closed on the last day, earliest first."""
        if exchanges not in self._closes:
            market = self._market
            self._closes[exchanges] = market.sessions.closes_on(market.asof, exchanges)
        return self._closes[exchanges]

    def has_suspect_rate(self, currencies: frozenset[str]) -> bool:
        """Return whether one of some currencies, each asked for before, has a suspect rate."""
        return not self._suspect_rates.isdisjoint(currencies)

    def _flags_of(self, rows: IndexVector) -> tuple[npt.NDArray[np.uint8], int]:
        """Return the flags of rows, and what any of them has."""
        added = len(self._market.price_rows) - len(self._names)
        if added:
            # A book whose positions have changed meanwhile may bring new instruments.
            self._names = tuple(self._market.price_rows)
            self._value = np.append(self._value, np.zeros(added))
            self._flags = np.append(self._flags, np.full(added, _UNKNOWN, dtype=np.uint8))
        flags = self._flags.take(rows)
        return flags, int(np.bitwise_or.reduce(flags))

    def _look_up(self, row: int) -> None:
        name = self._names[row - 1]
        price, quote = self._market.price(name), self._market.quotes.get(name)
        flags = _SUSPECT if quote is not None and quote.suspect is not None else 0
        if price is None:
            flags |= _MISSING
        else:
            self._value[row] = price.value
            if price.stale_since_ns is not None:
                self._stale_since[row] = price.stale_since_ns
                flags |= _STALE
        self._flags[row] = flags
