"""Hypothesis strategies, in one place: P&L vectors, confidence levels, books with history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from system.contracts.messages import AssetClass, OptionRight, ReturnType
from system.risk.confidence import Confidence
from system.risk.listing import Listing, OptionTerms
from system.risk.options.black_scholes import EuropeanOption
from system.risk.options.moves import option_moves
from system.risk.options.revaluation import OptionMark, option_marks, revalued
from system.risk.portfolio import PortfolioRisk, portfolio_risk
from system.risk.scenarios.factors import ScenarioFactors, scenario_factors, series_of
from system.risk.scenarios.window import (
    CloseTable,
    ScenarioWindow,
    fx_series,
    scenario_window,
    window_without_series,
)
from system.risk.valuation import Holding, Holdings, Valuation, valuation
from validation.references.revaluation import CurrentMarket, ReferencePosition
from validation.references.snapshot import ReferenceSnapshot, reference_snapshot

USUAL_CONFIDENCES = ("0.9", "0.95", "0.975", "0.99")
CURRENCIES = ("USD", "EUR", "GBP", "GBp", "GBX", "ZAc", "ILA", "KWF", "JPY")
QUOTED = {"USD": 1.1, "GBP": 0.85, "JPY": 130.0, "ZAR": 16.0, "ILS": 3.9, "KWD": 0.34}
FIRST_DAY = dt.date(2020, 1, 1)

amounts = st.floats(-1e6, 1e6, allow_nan=False).map(lambda amount: round(amount, 2))


def confidences() -> st.SearchStrategy[Confidence]:
    """Usual levels, and any exact fraction that 20 scenarios have a tail for."""
    usual = st.sampled_from(USUAL_CONFIDENCES[:2]).map(Confidence.parse)
    fractions = st.fractions(Fraction(51, 100), Fraction(95, 100), max_denominator=500)
    return usual | fractions.map(Confidence)


def pnl_vectors(min_size: int = 20, max_size: int = 120) -> st.SearchStrategy[np.ndarray]:
    """P&L vectors with frequent ties."""
    entries = st.integers(-50, 50).map(float) | amounts
    return st.lists(entries, min_size=min_size, max_size=max_size).map(np.array)


@dataclass(frozen=True)
class Book:
    """A book, its history, and both ways to compute its risk."""

    holdings: tuple[Holding, ...]
    closes: Mapping[str, Mapping[dt.date, float]]
    quotes: Mapping[str, Mapping[dt.date, float]]
    prices_now: Mapping[str, float]
    quotes_now: Mapping[str, float]
    base_currency: str
    scenario_count: int
    confidence: Confidence
    as_of: dt.date

    @property
    def arrays(self) -> Holdings:
        return Holdings.of(self.holdings)

    def table(self) -> CloseTable:
        quotes = {fx_series(currency): series for currency, series in self.quotes.items()}
        return CloseTable.of({**self.closes, **quotes})

    def factors(self) -> ScenarioFactors:
        listings = self.arrays.listings
        series, count = series_of(listings, self.base_currency), self.scenario_count
        window = (
            scenario_window(self.table().select(series), as_of=self.as_of, scenario_count=count)
            if series
            else window_without_series(self.as_of, count)
        )
        return scenario_factors(window, listings, base_currency=self.base_currency)

    def valuation(self) -> Valuation:
        holdings = self.arrays
        prices = [self.prices_now.get(name, np.nan) for name in holdings.instrument_ids]
        return valuation(
            holdings,
            prices=np.array(prices, dtype=np.float64),
            quotes=self.quotes_now,
            base_currency=self.base_currency,
        )

    def risk(self) -> PortfolioRisk:
        return portfolio_risk(
            self.valuation().exposures,
            self.factors(),
            confidence=self.confidence,
            groups=self.arrays.asset_classes(),
        )

    def reference(self) -> ReferenceSnapshot:
        return reference_snapshot(
            [reference_position(holding) for holding in self.holdings],
            self.closes,
            self.quotes,
            as_of=self.as_of,
            window=self.scenario_count,
            confidence=str(self.confidence),
            base_currency=self.base_currency,
            now=CurrentMarket(self.prices_now, self.quotes_now),
        )


def reference_position(holding: Holding) -> ReferencePosition:
    listing = holding.listing
    return ReferencePosition(
        instrument=listing.instrument_id,
        asset_class=listing.asset_class.value,
        currency=listing.currency,
        quantity=holding.quantity,
        entry_price=holding.average_cost,
        multiplier=listing.multiplier,
        return_type=listing.return_type.value,
    )


@st.composite
def books(draw: st.DrawFn, *, base_currencies: tuple[str, ...] = ("USD", "EUR", "GBP")) -> Book:
    """Books of 1 to 7 positions in up to five currencies, long and short, with history.

    Hypothesis draws the book and a seed; the closes are random walks from that seed.
    """
    holdings = draw(st.lists(_holdings(), min_size=1, max_size=7, unique_by=_instrument_id))
    scenario_count = draw(st.integers(20, 45))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    days = [FIRST_DAY + dt.timedelta(index) for index in range(scenario_count + 1)]
    priced = [holding.listing for holding in holdings if not holding.listing.is_money]
    closes = {
        listing.instrument_id: _walk(rng, days, start=float(rng.uniform(5, 300)), volatility=0.02)
        for listing in priced
    }
    quotes = {
        currency: _walk(rng, days, start=level, volatility=0.006)
        for currency, level in QUOTED.items()
    }
    return Book(
        holdings=tuple(holdings),
        closes=closes,
        quotes=quotes,
        prices_now={name: series[days[-1]] * 1.01 for name, series in closes.items()},
        quotes_now={name: series[days[-1]] * 0.995 for name, series in quotes.items()},
        base_currency=draw(st.sampled_from(base_currencies)),
        scenario_count=scenario_count,
        confidence=Confidence.parse(draw(st.sampled_from(USUAL_CONFIDENCES[:2]))),
        as_of=days[-1],
    )


@st.composite
def _holdings(draw: st.DrawFn) -> Holding:
    asset_class = draw(
        st.sampled_from([kind for kind in AssetClass if kind is not AssetClass.OPTION])
    )
    money = asset_class in (AssetClass.FX, AssetClass.CASH)
    listing = Listing(
        instrument_id=draw(st.text("ABCDEFGH", min_size=1, max_size=3)),
        asset_class=asset_class,
        currency=draw(st.sampled_from(CURRENCIES)),
        multiplier=1.0 if money else draw(st.sampled_from([1.0, 5.0, 50.0])),
        return_type=draw(st.sampled_from(ReturnType)),
    )
    quantity = draw(st.integers(-5_000, 5_000).filter(bool)) / 4
    return Holding(listing, quantity, average_cost=draw(st.integers(1, 400)) / 2)


def _instrument_id(holding: Holding) -> str:
    return holding.listing.instrument_id


def _walk(
    rng: np.random.Generator, days: list[dt.date], *, start: float, volatility: float
) -> dict[dt.date, float]:
    path = start * np.exp(np.cumsum(rng.normal(0.0, volatility, len(days))))
    return dict(zip(days, path.tolist(), strict=True))


@dataclass(frozen=True)
class OptionCase:
    """A market, and the terms of a call and a put in it."""

    spot: float
    strike: float
    years: float
    rate: float
    dividend_yield: float
    volatility: float

    def option(self, right: OptionRight) -> EuropeanOption:
        return EuropeanOption(right, self.strike, self.years, self.rate, self.dividend_yield)


def option_cases() -> st.SearchStrategy[OptionCase]:
    """Options from a week to five years, far in and out of the money, rates of either sign."""
    return st.builds(
        OptionCase,
        spot=st.floats(1.0, 1_000.0),
        strike=st.floats(1.0, 1_000.0),
        years=st.floats(7 / 365, 5.0),
        rate=st.floats(-0.02, 0.12),
        dividend_yield=st.floats(0.0, 0.08),
        volatility=st.floats(0.05, 1.5),
    )


@dataclass(frozen=True)
class OptionBook:
    """A share and options on it in EUR, valued in USD, over random-walk scenarios."""

    case: OptionCase
    quantities: tuple[float, float, float]
    seed: int
    moves_volatility: bool
    scale: float = 1.0

    def scaled(self, scale: float) -> OptionBook:
        return replace(self, scale=scale)

    def listings(self) -> tuple[Listing, ...]:
        share = Listing("S", AssetClass.EQUITY, "EUR")
        options = tuple(
            Listing(
                f"S.{right}",
                AssetClass.OPTION,
                "EUR",
                option=OptionTerms(
                    underlying=share,
                    right=right,
                    strike=self.case.strike,
                    expiry=FIRST_DAY,
                    volatility=self.case.volatility,
                    rate=self.case.rate,
                    dividend_yield=self.case.dividend_yield,
                    volatility_series="V" if self.moves_volatility else "",
                ),
            )
            for right in OptionRight
        )
        return (share, *options)

    @property
    def days(self) -> int:
        return round(self.case.years * 365)

    def risk(self) -> PortfolioRisk:
        return self._risk(tuple(self.scale * quantity for quantity in self.quantities))

    def pnl_of(self, right: OptionRight) -> np.ndarray:
        return self._risk((0.0, *(float(other is right) for other in OptionRight))).pnl

    def forward_pnl(self) -> np.ndarray:
        """Return the P&L of e^(-qT) shares less the present value of the strike."""
        window = self._window()
        years = self.days / 365
        stock = self.case.spot * np.exp(-self.case.dividend_yield * years)
        cash = self.case.strike * np.exp(-self.case.rate * years)
        returns = window.row("S")[1:] / window.row("S")[:-1]
        fx = window.row("fx:USD")[1:] / window.row("fx:USD")[:-1]
        return 1.1 * ((stock * returns - cash) * fx - (stock - cash))

    def _window(self) -> ScenarioWindow:
        rng = np.random.default_rng(self.seed)
        days = [FIRST_DAY + dt.timedelta(index) for index in range(31)]
        table = CloseTable.of(
            {
                "S": _walk(rng, days, start=100.0, volatility=0.03),
                "V": _walk(rng, days, start=20.0, volatility=0.05),
                fx_series("USD"): _walk(rng, days, start=1.1, volatility=0.006),
            }
        )
        return scenario_window(table, as_of=days[-1], scenario_count=30)

    def _risk(self, quantities: tuple[float, ...]) -> PortfolioRisk:
        listings, window = self.listings(), self._window()
        holdings = Holdings.of(
            Holding(listing, quantity, 1.0)
            for listing, quantity in zip(listings, quantities, strict=True)
        )
        factors = scenario_factors(window, listings, base_currency="USD")
        moves = option_moves(window, listings, factors, base_currency="USD")
        marks = option_marks(
            [OptionMark(listing, self.days, self.case.spot) for listing in listings[1:]]
        )
        prices = np.array([self.case.spot, *marks.premium.tolist()])
        worth = valuation(holdings, prices=prices, quotes={"USD": 1.1}, base_currency="USD")
        return portfolio_risk(
            worth.exposures,
            revalued(factors, moves, marks),
            confidence=Confidence.parse("0.95"),
            groups=holdings.asset_classes(),
        )


def option_books() -> st.SearchStrategy[OptionBook]:
    """A share, a call and a put, each long or short, with a constant or a moved volatility."""
    quantities = st.integers(-400, 400).filter(bool).map(lambda count: count / 4)
    return st.builds(
        OptionBook,
        case=option_cases(),
        quantities=st.tuples(quantities, quantities, quantities),
        seed=st.integers(0, 2**32 - 1),
        moves_volatility=st.booleans(),
    )
