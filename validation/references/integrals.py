"""European options by integration in double precision: fast enough for every scenario.

The same integral as in ``validation.references.options``, which has sixty digits and takes its
time. With w = v sqrt T, s = +1 for a call and -1 for a put, and z* the outcome at which the
price at expiry is the strike, that price is K e^(w (z - z*)), and::

    V = s e^(-rT) K / sqrt(2 pi) * integral of (e^(w (z - z*)) - 1) e^(-z^2 / 2) dz

over z above z* for a call, below it for a put. Each Greek is an integral too, with the
derivative taken inside: of what is paid (delta, rho), of the law of the price (gamma), or of both.
No distribution function, no closed formula.

Panels of sixteen Gauss-Legendre nodes leave an error of a few parts in 1e15 of the spot: no
term cancels another but in gamma and theta. Units: years of 365 days; rates, yield and
volatility per year. Greeks as textbooks print them: per 1.0 and per year.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from validation.references.exact import ReferenceInputError

NODES: Final = 16
REACH: Final = 9.5
"""Deviations beyond which a normal density is e^(-45): nothing, in double precision."""
WIDEST_PANEL: Final = 2.0
FEWEST_PANELS: Final = 4
HIGHEST_VOLATILITY: Final = 10.0
STEPS: Final = 200
STEP_OF_REST: Final = 1e-14
"""Relative: a shorter step is rounding."""
PRICE_DIGITS: Final = 1e-15
"""Of the spot: how well a price in double precision is known."""
LEAST_KNOWN: Final = 1e-10
"""Relative: a volatility that a price determines less well than this is not worth comparing."""


@dataclass(frozen=True)
class EuropeanTerms:
    """An option at one moment.

    Parameters
    ----------
    is_call : bool
        Else a put.
    strike : float
        Above zero.
    years : float
        To expiry, not below 0.
    rate, dividend_yield : float
        Per year, continuously compounded.
    """

    is_call: bool
    strike: float
    years: float
    rate: float = 0.0
    dividend_yield: float = 0.0

    @property
    def sign(self) -> float:
        """Return +1 for a call, -1 for a put."""
        return 1.0 if self.is_call else -1.0


@dataclass(frozen=True)
class IntegratedGreeks:
    """Derivatives of the value, per 1.0 of what they are taken to; theta as a year passes."""

    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


def integrated_value(terms: EuropeanTerms, *, spot: float, volatility: float) -> float:
    """Return the value of an option per 1 of its underlying.

    Parameters
    ----------
    terms : EuropeanTerms
        What it promises.
    spot : float
        Above zero.
    volatility : float
        Per year, not below 0.
    """
    width = volatility * math.sqrt(terms.years)
    discount = math.exp(-terms.rate * terms.years)
    if width == 0.0:
        growth = math.exp((terms.rate - terms.dividend_yield) * terms.years)
        return discount * max(terms.sign * (spot * growth - terms.strike), 0.0)
    kink = _kink(terms, spot, volatility)
    paid = _mean(terms, kink, width, lambda z: abs(math.expm1(width * (z - kink))))
    return discount * terms.strike * paid


def integrated_greeks(terms: EuropeanTerms, *, spot: float, volatility: float) -> IntegratedGreeks:
    """Return the Greeks of an option.

    Parameters
    ----------
    terms, spot, volatility
        As for `integrated_value`; on its last day an option has the delta of what it is worth.
    """
    width = volatility * math.sqrt(terms.years)
    if width == 0.0:
        return _certain_greeks(terms, spot)
    root, kink = math.sqrt(terms.years), _kink(terms, spot, volatility)
    growth = _growth(terms, volatility)
    scale = terms.sign * math.exp(-terms.rate * terms.years)

    def of_price(weight: Callable[[float], float]) -> float:
        """Return the discounted mean of the price at expiry, weighted, where it is exercised."""
        mean = _mean(terms, kink, width, lambda z: math.exp(width * (z - kink)) * weight(z))
        return scale * terms.strike * mean

    exercised = scale * _mean(terms, kink, width, lambda z: 1.0)
    value = integrated_value(terms, spot=spot, volatility=volatility)
    slope = of_price(lambda z: growth + volatility * z / (2.0 * root))
    return IntegratedGreeks(
        delta=of_price(lambda z: 1.0) / spot,
        gamma=of_price(lambda z: z / width - 1.0) / spot**2,
        vega=_vega(terms, spot, volatility),
        theta=terms.rate * value - slope,
        rho=terms.years * terms.strike * exercised,
    )


def some_volatility_gives(terms: EuropeanTerms, *, price: float, spot: float) -> bool:
    """Return whether a price is above the least value of an option, and not above the largest.

    A price within a billionth of the spot from the least value is that value.
    """
    lowest = integrated_value(terms, spot=spot, volatility=0.0)
    highest = integrated_value(terms, spot=spot, volatility=HIGHEST_VOLATILITY)
    return lowest + spot / 1e9 < price <= highest


def implied_by_integration(terms: EuropeanTerms, *, price: float, spot: float) -> float:
    """Return the volatility at which an option is worth its price.

    Parameters
    ----------
    terms : EuropeanTerms
        With time left.
    price : float
        Of the option.
    spot : float
        Above zero.

    Raises
    ------
    ReferenceInputError
        If no volatility does that, or the price says less than ten digits of it.
    """
    low, high = 0.0, HIGHEST_VOLATILITY
    lowest, highest = (integrated_value(terms, spot=spot, volatility=end) for end in (low, high))
    if not lowest < price < highest:
        msg = f"price {price} is not in ({lowest}, {highest}): no volatility gives it"
        raise ReferenceInputError(msg)
    guess = 0.3
    for _ in range(STEPS):
        value = integrated_value(terms, spot=spot, volatility=guess)
        slope = _vega(terms, spot, guess)
        low, high = (guess, high) if value < price else (low, guess)
        following = guess - (value - price) / slope if slope > 0.0 else math.inf
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - guess) <= STEP_OF_REST * guess:
            break
        guess = following
    return _well_known(guess, slope, spot)


def _vega(terms: EuropeanTerms, spot: float, volatility: float) -> float:
    """Return the slope per 1.0 of volatility: the mean of the paid price times its own slope."""
    width, root = volatility * math.sqrt(terms.years), math.sqrt(terms.years)
    kink = _kink(terms, spot, volatility)
    mean = _mean(terms, kink, width, lambda z: math.exp(width * (z - kink)) * root * (z - width))
    return terms.sign * math.exp(-terms.rate * terms.years) * terms.strike * mean


def _growth(terms: EuropeanTerms, volatility: float) -> float:
    """Return the drift of the logarithm of the price, per year."""
    return terms.rate - terms.dividend_yield - volatility**2 / 2


def _kink(terms: EuropeanTerms, spot: float, volatility: float) -> float:
    """Return the outcome at which the price at expiry is the strike."""
    distance = math.log(terms.strike / spot) - _growth(terms, volatility) * terms.years
    return distance / (volatility * math.sqrt(terms.years))


def _well_known(volatility: float, vega: float, spot: float) -> float:
    if not vega * volatility * LEAST_KNOWN >= PRICE_DIGITS * spot:
        msg = f"its price hardly depends on its volatility (about {volatility:.3g})"
        raise ReferenceInputError(msg)
    return volatility


def _certain_greeks(terms: EuropeanTerms, spot: float) -> IntegratedGreeks:
    """Return the slope of what an option is worth on its last day: half of it at the strike."""
    above = 0.5 if spot == terms.strike else float(terms.sign * (spot - terms.strike) > 0.0)
    return IntegratedGreeks(terms.sign * above, 0.0, 0.0, 0.0, 0.0)


def _mean(
    terms: EuropeanTerms, kink: float, width: float, function: Callable[[float], float]
) -> float:
    """Return the mean of a function of a normal outcome, over those that are exercised.

    Both e^(-z^2/2) and that times e^(w z) have fallen to nothing at the ends.
    """
    if terms.is_call:
        low, high = max(kink, -REACH), width + math.hypot(max(kink - width, 0.0), REACH)
    else:
        low, high = -math.hypot(max(-kink, 0.0), REACH), min(kink, width + REACH)
    panels = max(FEWEST_PANELS, math.ceil((high - low) / WIDEST_PANEL))
    half = (high - low) / panels / 2
    total = math.fsum(
        weight * function(z) * math.exp(-z * z / 2)
        for panel in range(panels)
        for share, weight in gauss_legendre()
        for z in [low + half * (2 * panel + 1 + share)]
    )
    return half * total / math.sqrt(2.0 * math.pi)


@cache
def gauss_legendre() -> tuple[tuple[float, float], ...]:
    """Return nodes in (-1, 1) and weights: exact for polynomials up to degree 31.

    The nodes are the roots of the Legendre polynomial, by Newton's steps on its recurrence.

    Examples
    --------
    >>> round(sum(weight * node**30 for node, weight in gauss_legendre()) * 31, 12)
    2.0
    """
    nodes = []
    for number in range(1, NODES + 1):
        node = math.cos(math.pi * (number - 0.25) / (NODES + 0.5))
        for _ in range(10):
            value, slope = _legendre(node)
            node -= value / slope
        _, slope = _legendre(node)
        nodes.append((node, 2.0 / ((1.0 - node * node) * slope * slope)))
    return tuple(nodes)


def _legendre(at: float) -> tuple[float, float]:
    """Return the Legendre polynomial of degree ``NODES`` and its slope."""
    before, value = 1.0, at
    for degree in range(2, NODES + 1):
        before, value = value, ((2 * degree - 1) * at * value - (degree - 1) * before) / degree
    return value, NODES * (at * value - before) / (at * at - 1.0)
