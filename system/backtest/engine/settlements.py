"""Settlement prices of options, and what becomes of a day on which one says no volatility.

========================  =====================================================================
settlement                option on that day
========================  =====================================================================
some volatility gives it  worth it; that volatility is the implied one
the least value there is  worth it (0.00 far out of the money, exercise value deep in it); it
                          implies none, so the volatility of the last good settlement is used
no volatility gives it,   as `Missing` says: an error that names option, day and value; the value
or the cell is empty      at the volatility of the last good settlement; or the day is left out
========================  =====================================================================

Without a good settlement before, the volatility of the option's own row is used. Each of these
stand-ins is named (decision 0063).
"""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from system.backtest.errors import NoOptionVolatilityError
from system.risk.arrays import Float64Vector
from system.risk.errors import MissingCloseError, UnknownSeriesError
from system.risk.listing import Listing
from system.risk.options.black_scholes import (
    PriceStanding,
    implied_volatility,
    price_standing,
    value_bounds,
)
from system.risk.options.moves import terms_of
from system.risk.options.revaluation import OptionMark, european
from system.risk.scenarios.window import CloseTable, Missing


@dataclass(frozen=True, slots=True)
class StandInVolatility:
    """Volatility of an option on a day whose settlement implies none.

    Parameters
    ----------
    instrument_id : str
        Option.
    date : date
        Day that it is used on.
    price : float or None
        Settlement of that day, None for an empty cell.
    is_worth_price : bool
        Whether the option is worth its settlement that day, or else the model's value.
    volatility : float
        Per year.
    settled_on : date or None
        Day of the good settlement that implied it; None for the volatility of the option's row.
    """

    instrument_id: str
    date: dt.date
    price: float | None
    is_worth_price: bool
    volatility: float
    settled_on: dt.date | None


@dataclass(frozen=True, slots=True, eq=False)
class OptionQuotes:
    """Settlements of options, and closes of what they are on.

    Parameters
    ----------
    closes : CloseTable
        All columns of the prices, in the shares of the last day.
    missing : Missing
        What to do with a settlement that is missing, or that no volatility gives.
    """

    closes: CloseTable
    missing: Missing

    def mark(
        self, listing: Listing, date: dt.date, spot: float
    ) -> tuple[OptionMark, StandInVolatility | None]:
        """Return what an option that has not expired is marked with on a day.

        Parameters
        ----------
        listing : Listing
            Option.
        date : date
            Up to its last day.
        spot : float
            Close of its underlying, above zero.

        Raises
        ------
        MissingCloseError
            If its cell is empty, and gaps are not carried.
        NoOptionVolatilityError
            If no volatility gives its settlement, and gaps are not carried.
        """
        days = (terms_of(listing).expiry - date).days
        bare = OptionMark(listing, days, spot)
        if not self._is_settled(listing, days):
            return bare, None
        price = self._settlement(listing.instrument_id, date)
        quoted = OptionMark(listing, days, spot, price)
        standing = _standing(quoted)
        if standing is PriceStanding.INSIDE:
            return quoted, None
        is_worth_price = standing is PriceStanding.AT_BOUND
        if not is_worth_price and self.missing is not Missing.CARRY:
            raise self._refusal(quoted, date)
        volatility, settled_on = self._last_volatility(listing, date)
        stand_in = StandInVolatility(
            listing.instrument_id,
            date,
            None if math.isnan(price) else price,
            is_worth_price,
            volatility,
            settled_on,
        )
        kept = price if is_worth_price else math.nan
        return OptionMark(listing, days, spot, kept, volatility), stand_in

    def unusable(
        self, listings: Sequence[Listing], date: dt.date, spots: Float64Vector
    ) -> tuple[str, ...]:
        """Return the options whose settlement of a day cannot be used.

        Parameters
        ----------
        listings : sequence of Listing
            Options.
        date : date
            Day.
        spots : ndarray of float64, shape (option_count,)
            Closes of their underlyings that day.
        """
        unusable = []
        for listing, spot in zip(listings, spots.tolist(), strict=True):
            days = (terms_of(listing).expiry - date).days
            if not self._is_settled(listing, days) or not spot > 0.0:
                continue
            price = self._settlement(listing.instrument_id, date)
            if _standing(OptionMark(listing, days, spot, price)) is PriceStanding.OUTSIDE:
                unusable.append(listing.instrument_id)
        return tuple(unusable)

    def close_until(self, series: str, date: dt.date) -> float:
        """Return a series' last close up to a day.

        Raises
        ------
        UnknownSeriesError
            If it has no column.
        MissingCloseError
            If it has no close up to that day.
        """
        if series not in self.closes.names:
            raise UnknownSeriesError(series)
        row = self._row(series)[: bisect_right(self.closes.dates, date)]
        known = row[np.isfinite(row)]
        if not len(known):
            raise MissingCloseError(series, date)
        return float(known[-1])

    def _is_settled(self, listing: Listing, days: int) -> bool:
        """Return whether an option has settlements that count: a column, and time left."""
        return days > 0 and listing.instrument_id in self.closes.names

    def _settlement(self, option: str, date: dt.date) -> float:
        """Return the settlement of a day, NaN for an empty cell or a day without a row."""
        day = bisect_right(self.closes.dates, date) - 1
        if day < 0 or self.closes.dates[day] != date:
            return math.nan
        return float(self._row(option)[day])

    def _refusal(
        self, quoted: OptionMark, date: dt.date
    ) -> MissingCloseError | NoOptionVolatilityError:
        name = quoted.listing.instrument_id
        if math.isnan(quoted.price):
            return MissingCloseError(name, date)
        bounds = value_bounds(european(quoted), spot=quoted.spot)
        return NoOptionVolatilityError(name, date, quoted.price, bounds)

    def _last_volatility(self, listing: Listing, date: dt.date) -> tuple[float, dt.date | None]:
        """Return the volatility of the newest good settlement before a day, and its day."""
        terms = terms_of(listing)
        prices = self._row(listing.instrument_id)
        spots = self._row(terms.underlying.instrument_id)
        for day in range(bisect_right(self.closes.dates, date) - 1, -1, -1):
            earlier = self.closes.dates[day]
            if earlier == date or not spots[day] > 0.0:
                continue
            days = (terms.expiry - earlier).days
            mark = OptionMark(listing, days, float(spots[day]), float(prices[day]))
            if _standing(mark) is PriceStanding.INSIDE:
                option = european(mark)
                return implied_volatility(option, price=mark.price, spot=mark.spot), earlier
        return terms.volatility, None

    def _row(self, name: str) -> Float64Vector:
        row: Float64Vector = self.closes.closes[self.closes.names.index(name)]
        return row


def _standing(mark: OptionMark) -> PriceStanding:
    """Return the standing of a settlement; an empty cell is one that no volatility gives."""
    if math.isnan(mark.price):
        return PriceStanding.OUTSIDE
    return price_standing(european(mark), price=mark.price, spot=mark.spot)
