"""Mark to market: value, exposure, P&L and NAV of a book at current prices and rates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np

from system.risk.arrays import BoolVector, Float64Vector, IndexVector
from system.risk.currency import rate_to_base
from system.risk.listing import Listing
from system.risk.portfolio import PositionGroups, position_groups
from system.risk.scenarios.factors import PositionExposures

AMOUNT_BOUND: Final = 1e150
"""Amounts of a position stay below it, so that sums and products of two of them are finite."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A position: how much of what, at which average cost.

    Parameters
    ----------
    listing : Listing
        The instrument.
    quantity : float
        Signed; long positive. For money: the amount.
    average_cost : float
        Currency of the instrument's price, per unit. For money: base currency per unit.
    """

    listing: Listing
    quantity: float
    average_cost: float


@dataclass(frozen=True, slots=True, eq=False)
class Holdings:
    """The positions of one portfolio as arrays; changes only with a trade or its reference.

    Parameters
    ----------
    listings : tuple of Listing
        Canonical order: ascending by instrument id, none twice.
    quantity, average_cost : ndarray of float64, shape (position_count,)
        See `Holding`.
    """

    listings: tuple[Listing, ...]
    quantity: Float64Vector
    average_cost: Float64Vector
    instrument_ids: tuple[str, ...] = field(init=False)
    units: Float64Vector = field(init=False)
    is_future: BoolVector = field(init=False)
    is_money: BoolVector = field(init=False)
    is_absolute: BoolVector = field(init=False)
    currencies: tuple[str, ...] = field(init=False)
    currency_index: IndexVector = field(init=False)
    is_plain: bool = field(init=False)
    """True where all are securities with relative returns: no future, no money, no option."""

    def __post_init__(self) -> None:
        ids = tuple(listing.instrument_id for listing in self.listings)
        assert list(ids) == sorted(set(ids)), "listings are not in canonical order"
        currencies = tuple(sorted({listing.currency for listing in self.listings}))
        special = [item.is_future or item.is_money or item.is_absolute for item in self.listings]
        multiplier = np.array([listing.multiplier for listing in self.listings], dtype=np.float64)
        derived = {
            "instrument_ids": ids,
            "units": self.quantity * multiplier,
            "is_future": _flags(listing.is_future for listing in self.listings),
            "is_money": _flags(listing.is_money for listing in self.listings),
            "is_absolute": _flags(listing.is_absolute for listing in self.listings),
            "currencies": currencies,
            "currency_index": np.array(
                [currencies.index(listing.currency) for listing in self.listings], dtype=np.intp
            ),
            "is_plain": not any(special),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, holdings: Iterable[Holding]) -> Self:
        """Return the arrays of ``holdings``, put into canonical order."""
        ordered = sorted(holdings, key=lambda holding: holding.listing.instrument_id)
        return cls(
            tuple(holding.listing for holding in ordered),
            np.array([holding.quantity for holding in ordered], dtype=np.float64),
            np.array([holding.average_cost for holding in ordered], dtype=np.float64),
        )

    def asset_classes(self) -> PositionGroups:
        """Return the partition of the positions by asset class."""
        return position_groups([listing.asset_class.value for listing in self.listings])


@dataclass(frozen=True, slots=True, eq=False)
class Valuation:
    """A book at one set of prices and rates; each array has shape (position_count,), read only.

    Parameters
    ----------
    instrument_ids : tuple of str
        Canonical order.
    price : ndarray of float64
        As positions are marked: instrument currency; base currency for money.
    rate : ndarray of float64
        Base currency per unit of each position's currency.
    value : ndarray of float64
        What counts in NAV, base currency: futures with their unrealised P&L only.
    exposure : ndarray of float64
        Full notional, base currency, short negative; of an option, delta times spot.
    price_exposure : ndarray of float64
        Base currency per 1.0 of the scenario's price move; see `PositionExposures`.
    delta : ndarray of float64
        Base currency per 1.0 of ``price``; of an option, per 1.0 of the spot.
    unrealised_pnl : ndarray of float64
        Against average cost, base currency at current rates, gains positive.
    """

    instrument_ids: tuple[str, ...]
    price: Float64Vector
    rate: Float64Vector
    value: Float64Vector
    exposure: Float64Vector
    price_exposure: Float64Vector
    delta: Float64Vector
    unrealised_pnl: Float64Vector

    @property
    def nav(self) -> float:
        """Return the net asset value in base currency, rounded once."""
        return math.fsum(self.value.tolist())

    @property
    def unbounded(self) -> tuple[str, ...]:
        """Return the positions with an amount that is not finite or not below ``AMOUNT_BOUND``."""
        amounts = [self.price, self.exposure, self.delta, self.unrealised_pnl]
        if self.value is not self.exposure:
            amounts.append(self.value)
        if np.maximum.reduce(np.abs(np.array(amounts)), axis=None, initial=0.0) < AMOUNT_BOUND:
            return ()
        within = np.logical_and.reduce([np.abs(amount) < AMOUNT_BOUND for amount in amounts])
        return tuple(self.instrument_ids[row] for row in np.flatnonzero(~within))

    @property
    def exposures(self) -> PositionExposures:
        """Return what the scenarios are applied to.

        Raises
        ------
        NonFiniteExposureError
            If a price, quantity or rate was NaN or infinite; names the instrument.
        """
        return PositionExposures(self.instrument_ids, self.price_exposure, self.value)


@dataclass(frozen=True, slots=True)
class GroupExposure:
    """Exposure of one group, base currency; ``short`` is negative, gross = long - short."""

    name: str
    long: float
    short: float

    @property
    def gross(self) -> float:
        """Return long plus the size of short."""
        return self.long - self.short

    @property
    def net(self) -> float:
        """Return long less the size of short."""
        return self.long + self.short


def valuation(
    holdings: Holdings,
    *,
    prices: Float64Vector,
    quotes: Mapping[str, float],
    base_currency: str,
) -> Valuation:
    """Return the book marked to market.

    Parameters
    ----------
    holdings : Holdings
        The positions.
    prices : ndarray of float64, shape (position_count,)
        Instrument currency per unit, in canonical order: of options their premiums.
        Entries of money are not read.
    quotes : mapping of str to float
        Units of each currency for 1 EUR.
    base_currency : str
        ISO code of the portfolio's currency.

    Returns
    -------
    Valuation
        Base currency.

    Raises
    ------
    MissingRateError
        If a currency has no quote; names it.
    """
    rates = np.array(
        [rate_to_base(currency, base_currency, quotes) for currency in holdings.currencies],
        dtype=np.float64,
    )
    rate = rates[holdings.currency_index]
    if holdings.is_plain:
        delta = holdings.units * rate
        value = price_exposure = exposure = delta * prices
        price, unrealised = prices, delta * (prices - holdings.average_cost)
    else:
        money = holdings.is_money
        price = np.where(money, rate, prices)
        delta = holdings.units * np.where(money, 1.0, rate)
        exposure = delta * price
        unrealised = delta * (price - holdings.average_cost)
        value = np.where(holdings.is_future, unrealised, exposure)
        price_exposure = np.where(holdings.is_absolute, delta, exposure)
    return Valuation(
        instrument_ids=holdings.instrument_ids,
        price=price,
        rate=rate,
        value=value,
        exposure=exposure,
        price_exposure=price_exposure,
        delta=delta,
        unrealised_pnl=unrealised,
    )


def with_option_deltas(
    worth: Valuation, *, positions: IndexVector, delta: Float64Vector, spot: Float64Vector
) -> Valuation:
    """Return the valuation with options exposed by their deltas.

    Parameters
    ----------
    worth : Valuation
        Options at their premiums; not modified.
    positions : ndarray of intp, shape (option_count,)
        0-based indexes of the options.
    delta : ndarray of float64, shape (option_count,)
        Per unit and 1.0 of spot; NaN (no volatility) counts as no exposure.
    spot : ndarray of float64, shape (option_count,)
        Of each underlying, option's currency.

    Returns
    -------
    Valuation
        ``delta`` per 1.0 of spot, ``exposure`` delta times spot; the rest as it was.
    """
    known = np.nan_to_num(delta, nan=0.0)
    deltas, exposure = worth.delta.copy(), worth.exposure.copy()
    deltas[positions] *= known
    exposure[positions] = deltas[positions] * spot
    return replace(worth, delta=deltas, exposure=exposure)


def exposure_by_group(exposure: Float64Vector, groups: PositionGroups) -> tuple[GroupExposure, ...]:
    """Return long and short exposure of each group.

    Parameters
    ----------
    exposure : ndarray of float64, shape (position_count,)
        Base currency, short negative.
    groups : PositionGroups
        A partition of the same positions.

    Returns
    -------
    tuple of GroupExposure
        One per group, in order of name; sums rounded once.
    """
    if len(groups.names) == 1:
        return (_group_exposure(groups.names[0], exposure),)
    members = zip(groups.names, groups.members, strict=True)
    return tuple(_group_exposure(name, exposure[rows]) for name, rows in members)


def _group_exposure(name: str, exposure: Float64Vector) -> GroupExposure:
    amounts = exposure.tolist()
    if not amounts or min(amounts) >= 0.0:
        return GroupExposure(name, long=math.fsum(amounts), short=0.0)
    return GroupExposure(
        name,
        long=math.fsum([amount for amount in amounts if amount > 0.0]),
        short=math.fsum([amount for amount in amounts if amount < 0.0]),
    )


def var_fraction(var: float, nav: float) -> float | None:
    """Return VaR as a fraction of NAV, None (*not meaningful*) where NAV is not above zero.

    None as well where NAV is so close to zero that the fraction is no number.
    """
    fraction = var / nav if nav > 0.0 else math.inf
    return fraction if math.isfinite(fraction) else None


def _flags(values: Iterable[bool]) -> BoolVector:
    return np.array(list(values), dtype=np.bool_)
