"""What the risk core needs to know of an instrument, apart from its prices."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from system.contracts.messages import (
    MONEY,
    AssetClass,
    OptionRight,
    ReturnType,
    VolatilityShift,
)


@dataclass(frozen=True, slots=True)
class OptionTerms:
    """What a European option promises, and what it is valued with.

    Parameters
    ----------
    underlying : Listing
        An instrument with a price, in the option's own currency.
    right : OptionRight
        Call or put.
    strike : float
        Above zero, currency per unit of the underlying.
    expiry : date
        Its last day.
    volatility : float
        Implied, per year, above zero: what it is marked with where it has no price.
    rate, dividend_yield : float
        Per year, continuously compounded; constant in scenarios.
    volatility_series : str
        Series of implied volatilities whose moves move this one in scenarios; empty: it
        is constant, which the snapshot says.
    volatility_shift : VolatilityShift
        Whether a scenario scales the volatility by the series' return, or adds its change.
    """

    underlying: Listing
    right: OptionRight
    strike: float
    expiry: dt.date
    volatility: float
    rate: float = 0.0
    dividend_yield: float = 0.0
    volatility_series: str = ""
    volatility_shift: VolatilityShift = VolatilityShift.RELATIVE


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument as the risk core sees it.

    Parameters
    ----------
    instrument_id : str
        Also the name of its series of closes.
    asset_class : AssetClass
        A future counts in NAV with its unrealised P&L only; fx and cash are amounts of
        ``currency`` that only the FX rate moves; options are revalued in each scenario.
    currency : str
        Of its price; ISO code or ``GBp``.
    multiplier : float
        Units of currency per quantity and point of price.
    return_type : ReturnType
        Relative unless the price can be zero or negative.
    proxy : str
        Series whose moves stand in where the instrument has too short a history of its
        own; empty: none does.
    option : OptionTerms or None
        Of an option, and of nothing else.
    exchange : str
        Market identifier code; empty: not said.
    """

    instrument_id: str
    asset_class: AssetClass
    currency: str
    multiplier: float = 1.0
    return_type: ReturnType = ReturnType.RELATIVE
    proxy: str = ""
    option: OptionTerms | None = None
    exchange: str = ""

    @property
    def is_money(self) -> bool:
        """Whether a position is an amount of money, without a price of its own."""
        return self.asset_class in MONEY

    @property
    def is_future(self) -> bool:
        """Whether only unrealised P&L counts in NAV."""
        return self.asset_class is AssetClass.FUTURE

    @property
    def is_absolute(self) -> bool:
        """Whether scenarios add a change to the price instead of scaling it.

        Options too: a scenario changes their premium by what revaluation says.
        """
        return self.return_type is ReturnType.ABSOLUTE or self.option is not None
