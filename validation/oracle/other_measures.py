"""Comparison of the measures besides VaR with the references: options, Greeks, stressed VaR.

A Greek that is next to nothing is compared on the scale that the Greeks of such an option
have: at the money, gamma is 0.4 / (S v sqrt T), and so on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from system.contracts.measures import Greeks
from system.contracts.messages import MONEY, PositionRisk, RiskSnapshot
from validation.references.held_options import DAYS_PER_YEAR, OptionState
from validation.references.revaluation import Market
from validation.references.snapshot import ReferenceSnapshot

FIELDS: Final = ("delta", "gamma", "vega", "theta", "rho")
SUMS: Final = ("delta_cash", "gamma_cash", "vega", "theta", "rho")
POINT: Final = 0.01
"""Vega and rho are shown per this much, theta per day, gamma in cash per this part of the spot."""
PEAK: Final = 0.4
"""Of the normal density."""

FiveNumbers = tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Beside:
    """One number: as stated, as it must be, and the unit in which a difference counts."""

    name: str
    stated: float | None
    expected: float | None
    unit: float

    @property
    def relative(self) -> float:
        """Return how far the two are apart; infinite where only one is there."""
        if self.stated is None or self.expected is None:
            return 0.0 if self.stated is self.expected else math.inf
        gap = abs(self.stated - self.expected)
        return gap / max(abs(self.expected), self.unit) if gap == gap else math.inf  # noqa: PLR0124 - NaN


@dataclass(frozen=True)
class _Expected:
    """Greeks of one option in shown units, and the scale of each."""

    unit: FiveNumbers
    scale: FiveNumbers


def numbers_beside(
    snapshot: RiskSnapshot,
    risk: ReferenceSnapshot,
    stressed: Mapping[str, ReferenceSnapshot | None] | None = None,
) -> list[Beside]:
    """Return everything that is compared beside VaR.

    Parameters
    ----------
    snapshot : RiskSnapshot
        What is stated.
    risk : ReferenceSnapshot
        Of the same book at the same moment.
    stressed : mapping of str to ReferenceSnapshot or None, optional
        Per stressed window; left out: stressed VaR is not compared.
    """
    differences = [*_options(snapshot, risk.present), *_sums(snapshot, risk.present)]
    return differences if stressed is None else [*differences, *_stressed(snapshot, stressed)]


def problems(numbers: Iterable[Beside], tolerance: float) -> Iterator[str]:
    """Yield a sentence for each number that is not within a relative tolerance."""
    for number in numbers:
        if number.relative > tolerance:
            yield f"{number.name}: {number.stated}, expected {number.expected}"


def _options(snapshot: RiskSnapshot, market: Market) -> Iterator[Beside]:
    rows = {row.instrument: row for row in snapshot.positions}
    for name, state in market.options.items():
        row = rows.get(name)
        option = None if row is None else row.option
        if row is None or option is None:
            yield Beside(f"option of {name}", None, 0.0, 1.0)
            continue
        yield Beside(
            f"premium of {name}", row.price, float(state.premium), float(state.spot) * 1e-3
        )
        if state.days > 0:
            yield Beside(f"volatility of {name}", option.volatility, float(state.volatility), 0.0)
        wanted, units = _shown(state), _base_units(row, market)
        yield from _greeks(f"of 1 {name}", option.unit, wanted, 1.0)
        yield from _greeks(f"of {name}", option.position, wanted, units)


def _greeks(name: str, stated: Greeks | None, wanted: _Expected, units: float) -> Iterator[Beside]:
    for field, unit, scale in zip(FIELDS, wanted.unit, wanted.scale, strict=True):
        own = None if stated is None else getattr(stated, field)
        yield Beside(f"{field} {name}", own, unit * units, scale * abs(units))


def _sums(snapshot: RiskSnapshot, market: Market) -> Iterator[Beside]:
    """Yield the sums over the book; without options none are stated."""
    if not market.options or snapshot.greeks is None:
        return
    parts = [part for row in snapshot.positions for part in _parts(row, market)]
    for index, field in enumerate(SUMS):
        total = math.fsum(part.unit[index] for part in parts)
        scale = math.fsum(part.scale[index] for part in parts)
        yield Beside(f"{field} of the book", getattr(snapshot.greeks, field), total, scale)


def _parts(row: PositionRisk, market: Market) -> Iterator[_Expected]:
    """Yield what one position adds to the sums."""
    if row.asset_class in MONEY:
        return
    units = _base_units(row, market)
    state = market.options.get(row.instrument)
    if state is None:
        cash = units * float(market.prices[row.instrument])
        yield _Expected((cash, 0.0, 0.0, 0.0, 0.0), (abs(cash), 0.0, 0.0, 0.0, 0.0))
        return
    shown, spot = _shown(state), float(state.spot)
    factors = (spot, spot * spot * POINT, 1.0, 1.0, 1.0)
    yield _Expected(
        _times(shown.unit, [units * factor for factor in factors]),
        _times(shown.scale, [abs(units) * factor for factor in factors]),
    )


def _times(numbers: FiveNumbers, factors: Sequence[float]) -> FiveNumbers:
    delta, gamma, vega, theta, rho = (
        number * factor for number, factor in zip(numbers, factors, strict=True)
    )
    return delta, gamma, vega, theta, rho


def _shown(state: OptionState) -> _Expected:
    """Return the Greeks of 1 of an option in shown units."""
    greeks = state.greeks()
    unit = (
        greeks.delta,
        greeks.gamma,
        greeks.vega * POINT,
        greeks.theta / DAYS_PER_YEAR,
        greeks.rho * POINT,
    )
    if state.days <= 0:
        return _Expected(unit, (1.0, 1.0, 1.0, 1.0, 1.0))
    spot, strike = float(state.spot), float(state.terms.strike)
    years, volatility = state.days / DAYS_PER_YEAR, float(state.volatility)
    level = max(spot, strike)
    carry = abs(float(state.terms.rate)) + abs(float(state.terms.dividend_yield))
    decay = PEAK * level * volatility / (2.0 * math.sqrt(years)) + carry * level
    scale = (
        1.0,
        PEAK / (spot * volatility * math.sqrt(years)),
        PEAK * level * math.sqrt(years) * POINT,
        decay / DAYS_PER_YEAR,
        level * years * POINT,
    )
    return _Expected(unit, scale)


def _base_units(row: PositionRisk, market: Market) -> float:
    """Return quantity times multiplier times rate, from the reference's own numbers."""
    return float(market.units[row.instrument] * market.rates[row.currency])


def _stressed(
    snapshot: RiskSnapshot, stressed: Mapping[str, ReferenceSnapshot | None]
) -> Iterator[Beside]:
    stated = {stressed.window: stressed for stressed in snapshot.stressed}
    for name, wanted in stressed.items():
        own = stated.pop(name, None)
        var = None if wanted is None else float(wanted.var)
        yield Beside(f"stressed VaR {name}", None if own is None else own.var, var, 0.0)
        if own is not None and wanted is not None:
            count = float(len(wanted.pnl))
            yield Beside(f"scenarios of {name}", float(own.scenario_count), count, 0.0)
    for name in stated:
        yield Beside(f"stressed window {name}", 0.0, None, 1.0)
