"""Greeks as tables."""

from __future__ import annotations

from system.contracts.measures import (
    DeltaGammaVega,
    ExplainedPnl,
    Greeks,
    OptionRisk,
    PortfolioGreeks,
    UnderlyingGreeks,
)
from system.contracts.messages import RiskSnapshot
from system.show.sheets import greeks as view
from tests.system.show.market import replace_struct

PART = Greeks(delta=1.5, gamma=0.1, vega=2.0, theta=-3.0, rho=4.0)
OPTION = OptionRisk(
    underlying="AAPL",
    spot=80.0,
    volatility=0.3,
    is_implied=False,
    moves_volatility=True,
    days_to_expiry=30,
    unit=PART,
    position=PART,
)


def with_options(snapshot: RiskSnapshot) -> RiskSnapshot:
    row = UnderlyingGreeks(
        underlying="AAPL", spot=80.0, delta=1.0, delta_cash=-80.0, gamma=1.0, gamma_cash=2.0,
        vega=3.0, theta=-4.0, rho=5.0,
    )  # fmt: skip
    first, second, *others = snapshot.positions
    later = replace_struct(OPTION, days_to_expiry=60, position=None, is_outside_model=True)
    return replace_struct(
        snapshot,
        greeks=PortfolioGreeks(
            delta_cash=-80.0, gamma_cash=2.0, vega=3.0, theta=-4.0, rho=5.0, underlyings=(row,)
        ),
        delta_gamma_vega=DeltaGammaVega(var=90.0, expected_shortfall=95.0, gap=-10.0),
        positions=(
            replace_struct(first, option=later),
            replace_struct(second, option=OPTION),
            *others,
        ),
        option_pnl=(
            ExplainedPnl(
                instrument="small", actual=1.0, delta=1.0, gamma=0.0, vega=0.0, theta=0.0, fx=0.0,
                unexplained=0.0,
            ),
            ExplainedPnl(
                instrument="large", actual=-9.0, delta=-8.0, gamma=0.0, vega=0.0, theta=-1.0,
                fx=0.0, unexplained=0.0,
            ),
        ),
    )  # fmt: skip


def test_a_book_without_options_says_so(long_short: RiskSnapshot) -> None:
    for sheet in (view.underlyings_sheet(long_short), view.options_sheet(long_short)):
        assert sheet.rows == ()
        assert sheet.empty == "The book holds no options."


def test_the_sum_stands_below_the_underlyings(long_short: RiskSnapshot) -> None:
    sheet = view.underlyings_sheet(with_options(long_short))
    assert [row.cells[0] for row in sheet.rows] == ["AAPL", "Total"]
    assert "\u221210 to full revaluation" in sheet.note


def test_the_nearest_expiry_is_first_and_a_price_outside_the_model_is_marked(
    long_short: RiskSnapshot,
) -> None:
    near, far = view.options_sheet(with_options(long_short)).rows
    assert (near.cells[3], far.cells[3]) == ("30", "60")
    assert near.cells[5] == "of its reference data"
    assert far.kind == "warn"
    assert far.cells[6:] == ("\u2013",) * 5


def test_the_largest_gain_or_loss_is_explained_first(long_short: RiskSnapshot) -> None:
    rows = view.explained_sheet(with_options(long_short)).rows
    assert [row.cells[0] for row in rows] == ["large", "small"]
