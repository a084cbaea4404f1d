"""European options by Black and Scholes, with a dividend yield: value, Greeks, implied vol.

Source: Black & Scholes (1973), with the continuous yield of Merton (1973)::

    V  = s (S e^(-qT) N(s d1) - K e^(-rT) N(s d2))        s = +1 call, -1 put
    d1 = (ln(S/K) + (r - q) T) / (v sqrt T) + v sqrt T / 2     d2 = d1 - v sqrt T

Units: amounts in the option's currency, per 1 of quantity before the multiplier; T in
years of 365 days; rates and yields per year, continuously compounded; volatility per year,
0.25 = 25 %. Where v sqrt T is 0 the value is that of a certain outcome: at T = 0 the
intrinsic value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Final, Self

import numpy as np

from system.contracts.messages import OptionRight
from system.risk.arrays import Float64Vector
from system.risk.errors import NoImpliedVolatilityError

DAYS_PER_YEAR: Final = 365.0
"""ACT/365: a calendar day is 1/365 of a year."""
VOLATILITY_POINT: Final = 0.01
"""Vega is shown per this much volatility."""
RATE_POINT: Final = 0.01
"""Rho is shown per this much interest."""
MAX_VOLATILITY: Final = 10.0
"""Implied volatility is looked for up to here: 1,000 % a year."""
AT_BOUND_WITHIN: Final = 1e-9
"""Distance from the least value, as a fraction of the spot, up to which a price is at it."""
MAX_IMPLIED_STEPS: Final = 200
"""Steps of the search; halving alone needs about 60."""

_SQRT_HALF: Final = math.sqrt(0.5)
_INVERSE_SQRT_TWO_PI: Final = 1.0 / math.sqrt(2.0 * math.pi)


@dataclass(frozen=True, slots=True)
class EuropeanOption:
    """What a European option promises, and the rates that it is valued with.

    Parameters
    ----------
    right : OptionRight
        Call or put.
    strike : float
        Above zero, in the option's currency per unit of the underlying.
    years : float
        Time to expiry, ACT/365; at 0 it is worth its intrinsic value.
    rate, dividend_yield : float
        Per year, continuously compounded.
    """

    right: OptionRight
    strike: float
    years: float
    rate: float = 0.0
    dividend_yield: float = 0.0

    def __post_init__(self) -> None:
        assert self.strike > 0.0, f"strike {self.strike} is not above zero"
        assert self.years >= 0.0, f"{self.years} years: expired options have no model value"


@dataclass(frozen=True, slots=True, eq=False)
class OptionArrays:
    """Several options as arrays of one shape: (option_count,), or (option_count, 1).

    Parameters
    ----------
    sign : ndarray of float64
        +1 call, -1 put.
    strike, years, rate, dividend_yield : ndarray of float64
        See `EuropeanOption`.
    """

    sign: Float64Vector
    strike: Float64Vector
    years: Float64Vector
    rate: Float64Vector
    dividend_yield: Float64Vector

    @classmethod
    def of(cls, options: Sequence[EuropeanOption]) -> Self:
        """Return the arrays of ``options``, shape (option_count,), in the order given."""
        return cls(
            np.array([1.0 if option.right is OptionRight.CALL else -1.0 for option in options]),
            np.array([option.strike for option in options], dtype=np.float64),
            np.array([option.years for option in options], dtype=np.float64),
            np.array([option.rate for option in options], dtype=np.float64),
            np.array([option.dividend_yield for option in options], dtype=np.float64),
        )

    def as_columns(self) -> OptionArrays:
        """Return the same with shape (option_count, 1), to be spread over scenarios."""
        return OptionArrays(*(getattr(self, field.name)[:, None] for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Greeks:
    """Sensitivities in shown units; each an array of the shape of the spots.

    Parameters
    ----------
    delta : ndarray of float64
        Change of value per 1.0 of spot.
    gamma : ndarray of float64
        Change of delta per 1.0 of spot.
    vega : ndarray of float64
        Per volatility point (0.01).
    theta : ndarray of float64
        Per calendar day that passes; negative where the option loses value by waiting.
    rho : ndarray of float64
        Per 1 % (0.01) of the interest rate.
    """

    delta: Float64Vector
    gamma: Float64Vector
    vega: Float64Vector
    theta: Float64Vector
    rho: Float64Vector


def normal_cdf(values: Float64Vector) -> Float64Vector:
    """Return the standard normal distribution function of each value.

    Parameters
    ----------
    values : ndarray of float64
        Any shape; not NaN.

    Returns
    -------
    ndarray of float64
        Same shape, in [0, 1].

    Notes
    -----
    erfc(-x / sqrt 2) / 2 by the C library's ``erfc``, element by element: NumPy has none,
    and an approximation of our own would be no faster below some 10,000 values
    (decision 0024).

    Examples
    --------
    >>> normal_cdf(np.array([0.0, 1.0]))
    array([0.5       , 0.84134475])
    """
    scaled = (values * -_SQRT_HALF).ravel().tolist()
    return 0.5 * np.fromiter(map(math.erfc, scaled), np.float64, len(scaled)).reshape(values.shape)


def option_value(
    options: OptionArrays, *, spot: Float64Vector, volatility: Float64Vector
) -> Float64Vector:
    """Return the value of each option at each spot and volatility.

    Parameters
    ----------
    options : OptionArrays
        Broadcast against ``spot``: `OptionArrays.as_columns` for a matrix of scenarios.
    spot : ndarray of float64, shape (option_count,) or (option_count, scenario_count)
        Price of the underlying, above zero, option's currency.
    volatility : ndarray of float64, broadcast against ``spot``
        Per year, not below zero.

    Returns
    -------
    ndarray of float64, shape of ``spot``
        Option's currency per unit; not negative but for rounding.

    Examples
    --------
    >>> call = EuropeanOption(OptionRight.CALL, strike=50.0, years=0.3846, rate=0.05)
    >>> spot, volatility = np.array([49.0]), np.array([0.2])
    >>> option_value(OptionArrays.of([call]), spot=spot, volatility=volatility).round(4)
    array([2.4005])
    """
    forward, present, d1, d2 = _terms(options, spot, volatility)
    sign = options.sign
    value: Float64Vector = sign * (
        forward * normal_cdf(sign * d1) - present * normal_cdf(sign * d2)
    )
    return value


def option_greeks(
    options: OptionArrays, *, spot: Float64Vector, volatility: Float64Vector
) -> Greeks:
    """Return the Greeks of each option in shown units.

    Parameters
    ----------
    options : OptionArrays
        As for `option_value`.
    spot, volatility : ndarray of float64
        As for `option_value`.

    Returns
    -------
    Greeks
        Option's currency per unit; see there for what each is per. At expiry delta is
        that of the intrinsic value (one half at the strike) and all others are 0.
    """
    forward, present, d1, d2 = _terms(options, spot, volatility)
    sign, root = options.sign, np.sqrt(options.years)
    in_the_money = normal_cdf(sign * d1)
    exercised = normal_cdf(sign * d2)
    density = _INVERSE_SQRT_TWO_PI * np.exp(-0.5 * np.square(d1))
    spread = volatility * root
    gamma = np.divide(
        forward * density, np.square(spot) * spread, out=np.zeros_like(d1), where=spread > 0.0
    )
    carry = sign * (
        options.dividend_yield * forward * in_the_money - options.rate * present * exercised
    )
    decay = 0.5 * gamma * np.square(spot * volatility)
    return Greeks(
        delta=sign * forward / spot * in_the_money,
        gamma=gamma,
        vega=forward * density * root * VOLATILITY_POINT,
        theta=np.where(options.years > 0.0, carry - decay, 0.0) / DAYS_PER_YEAR,
        rho=sign * options.years * present * exercised * RATE_POINT,
    )


def value_bounds(option: EuropeanOption, *, spot: float) -> tuple[float, float]:
    """Return the values that no volatility can go below or above: those at 0 and without end.

    Parameters
    ----------
    option : EuropeanOption
        A call lies between max(0, S e^(-qT) - K e^(-rT)) and S e^(-qT), a put between
        max(0, K e^(-rT) - S e^(-qT)) and K e^(-rT).
    spot : float
        Price of the underlying, above zero.

    Returns
    -------
    tuple of (float, float)
        Option's currency per unit.
    """
    forward = spot * math.exp(-option.dividend_yield * option.years)
    present = option.strike * math.exp(-option.rate * option.years)
    if option.right is OptionRight.CALL:
        return max(0.0, forward - present), forward
    return max(0.0, present - forward), present


class PriceStanding(Enum):
    """Place of an option's price among the values that volatilities give it."""

    INSIDE = "inside"
    """Some volatility up to ``MAX_VOLATILITY`` gives it."""
    AT_BOUND = "at bound"
    """It is the least value there is, such as 0.00 far out of the money: worth that, and it implies
    no volatility."""
    OUTSIDE = "outside"
    """No volatility gives it."""


def price_standing(option: EuropeanOption, *, price: float, spot: float) -> PriceStanding:
    """Return the place of a price among the values of an option.

    Parameters
    ----------
    option : EuropeanOption
        With time left to expiry.
    price : float
        Option's currency per unit.
    spot : float
        Price of the underlying, above zero.

    Notes
    -----
    A price within ``AT_BOUND_WITHIN`` of the spot from the least value is at it: what is left
    above it is rounding, and implies nothing.

    Examples
    --------
    >>> far = EuropeanOption(OptionRight.CALL, strike=6000.0, years=0.1)
    >>> [price_standing(far, price=price, spot=4000.0).value for price in (0.01, 0.0, -0.01)]
    ['inside', 'at bound', 'outside']
    """
    lowest, _ = value_bounds(option, spot=spot)
    if abs(price - lowest) <= AT_BOUND_WITHIN * spot:
        return PriceStanding.AT_BOUND
    highest = _value_at(OptionArrays.of([option]), spot, MAX_VOLATILITY)[0]
    return PriceStanding.INSIDE if lowest < price <= highest else PriceStanding.OUTSIDE


def implied_volatility(option: EuropeanOption, *, price: float, spot: float) -> float:
    """Return the volatility at which the option is worth a price.

    Parameters
    ----------
    option : EuropeanOption
        With time left to expiry.
    price : float
        Option's currency per unit.
    spot : float
        Price of the underlying, above zero.

    Returns
    -------
    float
        Per year, in (0, MAX_VOLATILITY].

    Raises
    ------
    NoImpliedVolatilityError
        If no volatility up to MAX_VOLATILITY gives the price: it is at or outside the
        bounds of `value_bounds`, or expiry has come; says which prices have one.

    Notes
    -----
    Newton's steps inside a bracket that only shrinks, halved where a step would leave it.
    Where vega is small a price says little about volatility: what comes back is one that
    gives the price again, to rounding.

    Examples
    --------
    >>> call = EuropeanOption(OptionRight.CALL, strike=50.0, years=0.3846, rate=0.05)
    >>> round(implied_volatility(call, price=2.4005, spot=49.0), 4)
    0.2
    """
    arrays = OptionArrays.of([option])
    lowest, _ = value_bounds(option, spot=spot)
    highest = _value_at(arrays, spot, MAX_VOLATILITY)[0]
    if not lowest < price <= highest:
        raise NoImpliedVolatilityError(price, lowest, highest)
    return _root(arrays, price, spot)


def _root(arrays: OptionArrays, price: float, spot: float) -> float:
    low, high, guess = 0.0, MAX_VOLATILITY, _first_guess(arrays, spot)
    for _ in range(MAX_IMPLIED_STEPS):
        value, slope = _value_at(arrays, spot, guess)
        low, high = (guess, high) if value < price else (low, guess)
        following = guess - (value - price) / slope if slope > 0.0 else math.inf
        if not low < following < high:
            following = 0.5 * (low + high)
        if following == guess or not low < following < high:
            return guess
        guess = following
    return guess


def _first_guess(arrays: OptionArrays, spot: float) -> float:
    """Return where vega is greatest: from there Newton's steps go one way (Manaster 1982)."""
    years = float(arrays.years[0])
    drift = float(arrays.rate[0] - arrays.dividend_yield[0]) * years
    distance = abs(math.log(spot / float(arrays.strike[0])) + drift)
    return min(max(math.sqrt(2.0 * distance / years), 0.1), 0.5 * MAX_VOLATILITY)


def _value_at(arrays: OptionArrays, spot: float, volatility: float) -> tuple[float, float]:
    """Return value, and its slope per 1.0 of volatility."""
    at, vol = np.array([spot]), np.array([volatility])
    value = option_value(arrays, spot=at, volatility=vol)
    vega = option_greeks(arrays, spot=at, volatility=vol).vega
    return float(value[0]), float(vega[0]) / VOLATILITY_POINT


def _terms(
    options: OptionArrays, spot: Float64Vector, volatility: Float64Vector
) -> tuple[Float64Vector, Float64Vector, Float64Vector, Float64Vector]:
    """Return S e^(-qT), K e^(-rT), d1 and d2; d is +-inf (0 at the strike) where v sqrt T is 0."""
    forward = spot * np.exp(-options.dividend_yield * options.years)
    present = options.strike * np.exp(-options.rate * options.years)
    distance = np.log(spot / options.strike) + (
        (options.rate - options.dividend_yield) * options.years
    )
    spread = np.broadcast_to(volatility * np.sqrt(options.years), distance.shape)
    certain = np.where(distance == 0.0, 0.0, np.copysign(np.inf, distance))
    d1 = np.divide(distance, spread, out=certain, where=spread > 0.0) + 0.5 * spread
    return forward, present, d1, d1 - spread
