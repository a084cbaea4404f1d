"""Libraries of others, each at its own convention matched to ours, and where they part.

| library | VaR | expected shortfall |
|---|---|---|
| riskfolio-lib | rank ceil(n*a), as ours | exact tail mean, as ours |
| skfolio | rank ceil(n*a) unless 20 divides n | exact tail mean, as ours |
| QuantLib | the same as skfolio | mean of losses strictly beyond VaR: another number |
| ORE | the same as skfolio | mean of the worst k: another number |
| empyrical | interpolated (type 7): another number | |

Where 20 divides n, floats put skfolio, QuantLib and ORE one rank further (k + 1).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from system.contracts.messages import AssetClass
from system.risk.confidence import Confidence, tail_rank
from system.risk.historical import expected_shortfall, historical_var
from system.risk.listing import Listing
from system.risk.portfolio import PortfolioRisk, portfolio_risk
from system.risk.scenarios.factors import scenario_factors
from system.risk.scenarios.window import CloseTable, scenario_window
from system.risk.valuation import Holding, Holdings, valuation
from validation.rules import second_reader

pytestmark = pytest.mark.libraries

NINETY_FIVE = Confidence.parse("0.95")
COUNTS = (30, 31, 47, 62, 85, 250, 715)  # none of them divisible by 20
AS_OF = dt.date(2020, 3, 31)

# Imported by fixtures and not at the top: together they take half a minute.


@pytest.fixture(scope="module")
def riskfolio() -> ModuleType:
    from riskfolio.src import RiskFunctions  # noqa: PLC0415

    return RiskFunctions


@pytest.fixture(scope="module")
def skfolio() -> ModuleType:
    from skfolio import measures  # noqa: PLC0415

    return measures


@pytest.fixture(scope="module")
def quantlib_statistics() -> Callable[[np.ndarray], object]:
    import QuantLib  # noqa: PLC0415

    def statistics(pnl: np.ndarray) -> object:
        collected = QuantLib.RiskStatistics()
        for outcome in pnl.tolist():
            collected.add(outcome)
        return collected

    return statistics


@pytest.fixture(scope="module")
def ore_calculator() -> Callable[[np.ndarray], object]:
    ORE = pytest.importorskip("ORE", reason="no wheel for this Python or processor")  # noqa: N806

    def calculator(pnl: np.ndarray) -> object:
        return ORE.HistoricalSimulationVarCalculator(ORE.DoubleVector(pnl.tolist()))

    return calculator


@pytest.fixture(params=COUNTS)
def pnl(request: pytest.FixtureRequest) -> np.ndarray:
    return np.random.default_rng(request.param).standard_t(4, size=request.param) * 1e4


def var(pnl: np.ndarray) -> float:
    return historical_var(pnl, confidence=NINETY_FIVE)


def shortfall(pnl: np.ndarray) -> float:
    return expected_shortfall(pnl, confidence=NINETY_FIVE)


def test_riskfolio_agrees_on_both_measures(pnl: np.ndarray, riskfolio: ModuleType) -> None:
    assert riskfolio.VaR_Hist(pnl, 0.05) == pytest.approx(var(pnl), rel=1e-9)
    assert riskfolio.CVaR_Hist(pnl, 0.05) == pytest.approx(shortfall(pnl), rel=1e-9)


def test_skfolio_agrees_on_both_measures(pnl: np.ndarray, skfolio: ModuleType) -> None:
    assert skfolio.value_at_risk(pnl, beta=0.95) == pytest.approx(var(pnl), rel=1e-9)
    assert skfolio.cvar(pnl, beta=0.95) == pytest.approx(shortfall(pnl), rel=1e-9)


def test_quantlib_agrees_on_var_and_averages_strictly_beyond_it(
    pnl: np.ndarray, quantlib_statistics: Callable[[np.ndarray], object]
) -> None:
    statistics = quantlib_statistics(pnl)
    assert statistics.valueAtRisk(0.95) == pytest.approx(var(pnl), rel=1e-9)  # type: ignore[attr-defined]
    beyond = -pnl[-pnl > var(pnl)].mean()
    assert statistics.expectedShortfall(0.95) == pytest.approx(beyond, rel=1e-9)  # type: ignore[attr-defined]
    assert beyond > shortfall(pnl)


def test_ore_agrees_on_var_and_averages_the_worst_k(
    pnl: np.ndarray, ore_calculator: Callable[[np.ndarray], object]
) -> None:
    calculator = ore_calculator(pnl)
    assert -calculator.var(0.05) == pytest.approx(var(pnl), rel=1e-9)  # type: ignore[attr-defined]
    worst = np.sort(pnl)[: tail_rank(len(pnl), NINETY_FIVE)]
    assert calculator.expectedShortfall(0.05) == pytest.approx(worst.mean(), rel=1e-9)  # type: ignore[attr-defined]
    assert -worst.mean() < shortfall(pnl)


def test_empyrical_interpolates_and_has_the_other_sign(pnl: np.ndarray) -> None:
    import empyrical  # noqa: PLC0415

    interpolated = empyrical.value_at_risk(pnl, cutoff=0.05)
    assert interpolated == pytest.approx(np.quantile(pnl, 0.05), rel=1e-12)
    assert -interpolated < var(pnl)


@pytest.mark.parametrize("count", [20, 60, 100, 500])
def test_where_twenty_divides_n_others_take_one_rank_more(
    count: int, skfolio: ModuleType, quantlib_statistics: Callable[[np.ndarray], object]
) -> None:
    pnl = np.random.default_rng(count).normal(size=count)
    rank = tail_rank(count, NINETY_FIVE)
    ranked = np.sort(pnl)
    assert var(pnl) == -ranked[rank - 1]
    assert quantlib_statistics(pnl).valueAtRisk(0.95) == -ranked[rank]  # type: ignore[attr-defined]
    assert skfolio.value_at_risk(pnl, beta=0.95) == -ranked[rank]


@pytest.fixture(scope="module")
def market() -> tuple[Holdings, PortfolioRisk, np.ndarray, np.ndarray]:
    """Return a long-short book of 20 real names, our risk, its values and its returns."""
    equities = second_reader.read_closes(second_reader.EQUITIES)
    rng = np.random.default_rng(1)
    holdings = Holdings.of(
        Holding(Listing(name, AssetClass.EQUITY, "USD"), float(quantity), 1.0)
        for name, quantity in zip(equities, rng.integers(-900, 1500, len(equities)), strict=True)
    )
    table = CloseTable.of(equities).select(holdings.instrument_ids)
    window = scenario_window(table, as_of=AS_OF, scenario_count=30)
    value = valuation(holdings, prices=window.closes[:, -1], quotes={}, base_currency="USD")
    risk = portfolio_risk(
        value.exposures,
        scenario_factors(window, holdings.listings, base_currency="USD"),
        confidence=NINETY_FIVE,
        groups=holdings.asset_classes(),
    )
    returns = (window.closes[:, 1:] / window.closes[:, :-1] - 1.0).T
    return holdings, risk, value.value, returns


def test_riskfolios_contributions_by_finite_differences_are_our_components(
    market: tuple[Holdings, PortfolioRisk, np.ndarray, np.ndarray], riskfolio: ModuleType
) -> None:
    """Its step of 1e-7 leaves seven digits of a derivative that is exact here."""
    _, risk, value, returns = market
    weights = value / np.abs(value).sum()
    contributions = riskfolio.Risk_Contribution(
        weights[:, None], returns, cov=np.cov(returns.T), rm="VaR", alpha=0.05
    )
    components = risk.component_var / np.abs(value).sum()
    assert contributions == pytest.approx(components, abs=1e-6 * np.abs(components).max())


def test_libraries_agree_on_a_real_long_short_book(
    market: tuple[Holdings, PortfolioRisk, np.ndarray, np.ndarray],
    riskfolio: ModuleType,
    skfolio: ModuleType,
    quantlib_statistics: Callable[[np.ndarray], object],
    ore_calculator: Callable[[np.ndarray], object],
) -> None:
    _, risk, value, returns = market
    pnl = returns @ value
    assert riskfolio.VaR_Hist(pnl, 0.05) == pytest.approx(risk.var, rel=1e-9)
    assert riskfolio.CVaR_Hist(pnl, 0.05) == pytest.approx(risk.expected_shortfall, rel=1e-9)
    assert skfolio.value_at_risk(pnl, beta=0.95) == pytest.approx(risk.var, rel=1e-9)
    assert skfolio.cvar(pnl, beta=0.95) == pytest.approx(risk.expected_shortfall, rel=1e-9)
    assert quantlib_statistics(pnl).valueAtRisk(0.95) == pytest.approx(risk.var, rel=1e-9)  # type: ignore[attr-defined]
    assert -ore_calculator(pnl).var(0.05) == pytest.approx(risk.var, rel=1e-9)  # type: ignore[attr-defined]
