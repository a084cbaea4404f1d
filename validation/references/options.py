"""European options by integration, to twenty digits: no distribution function, no formula.

The value is the discounted mean of what is paid at expiry, under a lognormal price with
drift r - q::

    V = e^(-rT) / sqrt(2 pi) * integral of max(s (S e^m(z) - K), 0) e^(-z^2/2) dz
    m(z) = (r - q - v^2/2) T + v sqrt(T) z                     s = +1 call, -1 put

The integrand is smooth from the kink z* = (ln(K/S) - (r - q - v^2/2) T) / (v sqrt T) on, and
gone sixteen deviations further; tanh-sinh quadrature (Takahasi & Mori 1974) doubles its digits
with each halving of its step. Greeks are central differences of that integral with a
step of 1e-9, which leaves them about sixteen digits. Units: years, rates and volatility per
year; vega per 1.0 of volatility, theta per year, rho per 1.0 of rate, as textbooks print them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from functools import cache
from typing import Final

from validation.references.exact import ReferenceInputError

DIGITS: Final = 60
PI: Final = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640629")
REACH: Final = Decimal(16)
"""Deviations beyond the kink, or on either side of what is far from it: e^(-16^2 / 2) is 1e-56."""
STEP: Final = Decimal(1) / 64
"""Between nodes in the middle of the widest range lie 0.4 deviations: e^(-2 pi^2 / 0.4^2) is
1e-54. With steps twice as long the value of an option deep in the money has two digits."""
STEPS: Final = 320
DIFFERENCE: Final = Decimal("1e-9")


@dataclass(frozen=True)
class ReferenceOption:
    """A European option and what it is valued with.

    Parameters
    ----------
    right : str
        ``call`` or ``put``.
    spot, strike : Decimal
        Above zero.
    years : Decimal
        To expiry; at 0 it is worth its intrinsic value.
    rate, dividend_yield : Decimal
        Per year, continuously compounded.
    volatility : Decimal
        Per year, at least 0.

    Raises
    ------
    ReferenceInputError
        If one of them is not what it must be; names it.
    """

    right: str
    spot: Decimal
    strike: Decimal
    years: Decimal
    rate: Decimal
    volatility: Decimal
    dividend_yield: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if self.right not in ("call", "put"):
            raise ReferenceInputError(f"right {self.right!r} is neither call nor put")
        for name in ("spot", "strike"):
            if getattr(self, name) <= 0:
                raise ReferenceInputError(f"{name} {getattr(self, name)} is not above zero")
        for name in ("years", "volatility"):
            if getattr(self, name) < 0:
                raise ReferenceInputError(f"{name} {getattr(self, name)} is below zero")


@dataclass(frozen=True)
class ReferenceGreeks:
    """Derivatives of the value, per 1.0 of what they are taken to; theta as time passes."""

    delta: Decimal
    gamma: Decimal
    vega: Decimal
    theta: Decimal
    rho: Decimal


def reference_option_value(option: ReferenceOption) -> Decimal:
    """Return the value of an option per 1 of its underlying, in the currency of its spot."""
    with localcontext() as context:
        context.prec = DIGITS
        return +_value(option)


def reference_greeks(option: ReferenceOption) -> ReferenceGreeks:
    """Return the Greeks of an option that has time and volatility left.

    Raises
    ------
    ReferenceInputError
        If it has none: the value has a kink there.
    """
    if not option.years or not option.volatility:
        raise ReferenceInputError("an option without time or volatility has no Greeks")
    with localcontext() as context:
        context.prec = DIGITS
        up, here, down = (
            _value(replace(option, spot=option.spot + sign * DIFFERENCE)) for sign in (1, 0, -1)
        )
        return ReferenceGreeks(
            delta=(up - down) / (2 * DIFFERENCE),
            gamma=(up - 2 * here + down) / DIFFERENCE**2,
            vega=_slope(option, "volatility"),
            theta=-_slope(option, "years"),
            rho=_slope(option, "rate"),
        )


def _slope(option: ReferenceOption, field: str) -> Decimal:
    at = getattr(option, field)
    up, down = (_value(replace(option, **{field: at + sign * DIFFERENCE})) for sign in (1, -1))
    return (up - down) / (2 * DIFFERENCE)


def _value(option: ReferenceOption) -> Decimal:
    sign = 1 if option.right == "call" else -1
    discount = (-option.rate * option.years).exp()
    deviation = option.volatility * option.years.sqrt()
    drift = (option.rate - option.dividend_yield) * option.years - deviation**2 / 2
    if not deviation:
        return discount * max(sign * (option.spot * drift.exp() - option.strike), Decimal(0))
    kink = ((option.strike / option.spot).ln() - drift) / deviation

    def paid(beyond: Decimal) -> Decimal:
        z = kink + sign * beyond
        payoff = sign * (option.spot * (drift + deviation * z).exp() - option.strike)
        return payoff * (-z * z / 2).exp()

    low = max(Decimal(0), -sign * kink - REACH)
    high = max(low + REACH, -sign * kink + REACH)
    return discount * _integral(paid, low, high) / (2 * PI).sqrt()


def _integral(function: Callable[[Decimal], Decimal], low: Decimal, high: Decimal) -> Decimal:
    """Return the integral by the tanh-sinh rule: exact to the digits for a smooth integrand."""
    half = (high - low) / 2
    total = Decimal(0)
    for share, weight in _nodes():
        total += weight * (function(low + half * share) + function(high - half * share))
    return half * STEP * total


@cache
def _nodes() -> tuple[tuple[Decimal, Decimal], ...]:
    """Return (1 - tanh(pi/2 sinh t), weight) for t >= 0; the middle counts half from each side."""
    with localcontext() as context:
        context.prec = DIGITS + 10
        nodes = []
        for number in range(STEPS):
            t = number * STEP
            grown, shrunk = t.exp(), (-t).exp()
            steep = (PI * (grown - shrunk) / 2).exp()
            share = 2 / (1 + steep)
            weight = PI * (grown + shrunk) * share * (2 - share) / 4
            if share < Decimal(10) ** -(DIGITS + 5):
                break
            nodes.append((share, weight if number else weight / 2))
        return tuple(nodes)
