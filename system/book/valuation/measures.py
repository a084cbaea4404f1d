"""What a snapshot states beside VaR: stressed windows, Greeks, approximation, P&L explained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from system.book.state.rows import DayClose, HeldOption, HeldPosition
from system.book.state.stressed import StressedBook
from system.book.valuation.options import HeldOptions
from system.book.valuation.portfolio import Marked, PortfolioBook, Scenarios
from system.book.valuation.prices import MarketPrices
from system.contracts.measures import (
    DeltaGammaVega,
    ExplainedPnl,
    Greeks,
    OptionRisk,
    PortfolioGreeks,
    StressedRisk,
    UnderlyingGreeks,
)
from system.errors import InputError
from system.risk.confidence import Confidence
from system.risk.errors import NonFinitePnlError
from system.risk.historical import expected_shortfall, historical_var
from system.risk.options import black_scholes as risk_options
from system.risk.options.black_scholes import DAYS_PER_YEAR, EuropeanOption
from system.risk.options.moves import terms_of
from system.risk.options.pnl_explain import OptionState, explained_option_pnl
from system.risk.options.revaluation import delta_gamma_vega, revalued
from system.risk.options.sensitivities import (
    position_greeks,
    summed_sensitivities,
    underlying_sensitivities,
)
from system.risk.portfolio import scenario_pnl
from system.risk.scenarios.factors import ScenarioFactors
from system.risk.scenarios.stressed import stressed_var


def revalued_factors(scenarios: Scenarios, marked: Marked) -> ScenarioFactors:
    """Return the factors of a book with its options revalued at current prices.

    Raises
    ------
    NoScenarioValueError
        If a scenario leaves an option without a value.
    """
    assert scenarios.factors is not None, scenarios.problem
    if marked.options is None:
        return scenarios.factors
    return revalued(scenarios.factors, scenarios.moves, marked.options.marks)


def outside_model(marked: Marked) -> tuple[str, ...]:
    """Return the options of a book whose own price no volatility gives, each with that price."""
    if marked.options is None:
        return ()
    marks = marked.options.marks
    return tuple(
        f"{marks.listings[row].instrument_id} {float(marks.premium[row]):g}"
        for row in np.flatnonzero(marks.is_outside_model)
    )


def stressed_risks(
    book: PortfolioBook, marked: Marked, windows: Sequence[StressedBook]
) -> tuple[StressedRisk, ...]:
    """Return the stressed VaR of a portfolio for each window, or why there is none."""
    unknown = book.state.positions_unknown
    return tuple(_stressed_risk(window, marked, book.confidence, unknown) for window in windows)


def _stressed_risk(
    one: StressedBook, marked: Marked, confidence: Confidence, unknown: str
) -> StressedRisk:
    window, scenarios = one.window, one.scenarios
    count = 0 if scenarios is None else scenarios.factors.scenario_count
    problem = unknown or one.problem or marked.problem
    found = None
    if not problem and scenarios is not None:
        try:
            factors = scenarios.factors
            if marked.options is not None:
                factors = revalued(factors, one.moves, marked.options.marks)
            pnl = scenario_pnl(marked.valuation.exposures, factors)
            found = stressed_var(pnl, factors.scenario_dates, confidence=confidence)
        except (InputError, ArithmeticError) as error:
            problem = str(error)
    proxied = () if scenarios is None else scenarios.proxied
    steady = () if scenarios is None else scenarios.book.steady
    return StressedRisk(
        window=window.name,
        first=window.first,
        last=window.last,
        version=one.version,
        scenario_count=count,
        tail_rank=None if found is None else found.tail_rank,
        var=None if found is None else found.var,
        scenario_date=None if found is None else found.scenario_date,
        proxied=tuple(f"{item.name}={item.proxy}" for item in proxied),
        constant_volatility=steady,
        not_available=problem,
    )


@dataclass(frozen=True, slots=True)
class OptionMeasures:
    """What a snapshot states of a portfolio's options."""

    rows: dict[int, OptionRisk]
    greeks: PortfolioGreeks | None = None
    approximation: DeltaGammaVega | None = None


def option_measures(
    marked: Marked, scenarios: Scenarios, confidence: Confidence, var: float | None
) -> OptionMeasures:
    """Return option rows by position, Greeks, and VaR by delta, gamma and vega.

    Parameters
    ----------
    marked : Marked
        The portfolio.
    scenarios : Scenarios
        Of the same positions.
    confidence : Confidence
        Exact probability in (1/2, 1).
    var : float or None
        The official VaR, from full revaluation; None where it does not exist.
    """
    options = marked.options
    if options is None:
        return OptionMeasures({})
    holdings = marked.shape.holdings
    greeks = position_greeks(options.unit, marked.valuation, holdings.units, options.positions)
    return OptionMeasures(
        rows=_option_rows(options, greeks, scenarios),
        greeks=_portfolio_greeks(marked, options, greeks),
        approximation=_approximation(marked, options, scenarios, confidence, var),
    )


def _option_rows(
    options: HeldOptions, greeks: risk_options.Greeks, scenarios: Scenarios
) -> dict[int, OptionRisk]:
    marks = options.marks
    rows = {}
    for row, position in enumerate(options.positions.tolist()):
        terms = marks.listings[row].option
        assert terms is not None, f"{marks.listings[row].instrument_id} is no option"
        rows[position] = OptionRisk(
            underlying=terms.underlying.instrument_id,
            spot=float(marks.spot[row]),
            volatility=float(marks.volatility[row]),
            is_implied=bool(marks.is_implied[row]),
            is_outside_model=bool(marks.is_outside_model[row]),
            moves_volatility=scenarios.moves_volatility(marks.listings[row]),
            days_to_expiry=marks.days[row],
            unit=_greeks(options.unit, row),
            position=_greeks(greeks, row),
        )
    return rows


def _greeks(greeks: risk_options.Greeks, row: int) -> Greeks:
    return Greeks(
        delta=float(greeks.delta[row]),
        gamma=float(greeks.gamma[row]),
        vega=float(greeks.vega[row]),
        theta=float(greeks.theta[row]),
        rho=float(greeks.rho[row]),
    )


def _portfolio_greeks(
    marked: Marked, options: HeldOptions, greeks: risk_options.Greeks
) -> PortfolioGreeks:
    underlyings = underlying_sensitivities(
        marked.shape.listings,
        marked.valuation,
        greeks,
        options.positions,
        options.marks.spot,
        options.marks.is_live,
    )
    total = summed_sensitivities(underlyings)
    return PortfolioGreeks(
        delta_cash=total.delta_cash,
        gamma_cash=total.gamma_cash,
        vega=total.vega,
        theta=total.theta,
        rho=total.rho,
        underlyings=tuple(
            UnderlyingGreeks(
                underlying=underlying.underlying,
                spot=underlying.spot,
                delta=underlying.delta,
                delta_cash=underlying.delta_cash,
                gamma=underlying.gamma,
                gamma_cash=underlying.gamma_cash,
                vega=underlying.vega,
                theta=underlying.theta,
                rho=underlying.rho,
            )
            for underlying in underlyings
        ),
    )


def _approximation(
    marked: Marked,
    options: HeldOptions,
    scenarios: Scenarios,
    confidence: Confidence,
    var: float | None,
) -> DeltaGammaVega | None:
    if var is None or scenarios.factors is None or scenarios.moves is None:
        return None
    try:
        factors = delta_gamma_vega(scenarios.factors, scenarios.moves, options.marks)
        pnl = scenario_pnl(marked.valuation.exposures, factors)
        approximate = historical_var(pnl, confidence=confidence)
        shortfall = expected_shortfall(pnl, confidence=confidence)
    except (NonFinitePnlError, ArithmeticError):
        return None  # gamma times the square of a huge move: no number, beside a VaR that is one
    gap = approximate - var
    if not (math.isfinite(shortfall) and math.isfinite(gap)):
        return None
    return DeltaGammaVega(var=approximate, expected_shortfall=shortfall, gap=gap)


def explained_pnl(
    book: PortfolioBook, close: DayClose | None, prices: MarketPrices
) -> tuple[ExplainedPnl, ...]:
    """Return the P&L of each option held at the last close, part by part.

    Parameters
    ----------
    book : PortfolioBook
        At current prices.
    close : DayClose or None
        The last close; None: nothing to explain from.
    prices : MarketPrices
        Of the book's market now.

    Returns
    -------
    tuple of ExplainedPnl
        In order of instrument; options without a price or a volatility at either end are
        left out, and those of which a part is no finite number.
    """
    held = (
        []
        if close is None
        else [position for position in close.positions if position.option is not None]
    )
    marked = book.marked_as(held, prices) if held else None
    if marked is None or marked.options is None:
        return ()
    now = marked.options.at_close(marked.valuation)
    explained = (
        _explained(one, marked, now[one.instrument]) for one in held if one.instrument in now
    )
    return tuple(parts for parts in explained if parts is not None)


def _explained(held: HeldPosition, marked: Marked, now: HeldOption) -> ExplainedPnl | None:
    """Return the parts of an option's P&L, None where one of them is no finite number."""
    before = held.option
    listing = next(one for one in marked.shape.listings if one.instrument_id == held.instrument)
    assert before is not None, f"{held.instrument} was no option"
    terms = terms_of(listing)
    option = EuropeanOption(
        terms.right,
        terms.strike,
        max(0, before.days) / DAYS_PER_YEAR,
        terms.rate,
        terms.dividend_yield,
    )
    try:
        parts = explained_option_pnl(
            _state(before), _state(now), option=option, units=held.quantity * listing.multiplier
        )
    except (ArithmeticError, ValueError):  # fsum: of parts that are beyond numbers
        return None
    if not all(map(math.isfinite, astuple(parts))):
        return None
    return ExplainedPnl(
        instrument=held.instrument,
        actual=parts.actual,
        delta=parts.delta,
        gamma=parts.gamma,
        vega=parts.vega,
        theta=parts.theta,
        fx=parts.fx,
        unexplained=parts.unexplained,
    )


def _state(held: HeldOption) -> OptionState:
    return OptionState(held.premium, held.spot, held.volatility, held.rate, held.days)
