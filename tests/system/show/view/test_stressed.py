"""Stressed windows and Greeks as people read them."""

from __future__ import annotations

import datetime as dt

from system.contracts.measures import (
    DeltaGammaVega,
    ExplainedPnl,
    PortfolioGreeks,
    StressedRisk,
    UnderlyingGreeks,
)
from system.contracts.messages import RiskSnapshot
from system.show import format as text
from system.show.view.stressed import OPTIONS_SHOWN, stressed
from tests.system.show.market import replace_struct

CRISIS = StressedRisk(
    window="2008",
    first=dt.date(2008, 9, 2),
    last=dt.date(2008, 12, 31),
    version="v1",
    scenario_count=85,
    tail_rank=5,
    var=250_000.0,
    scenario_date=dt.date(2008, 10, 15),
    proxied=("MTUM=SP500.FUT",),
)
OPEN = StressedRisk(
    window="2022",
    first=dt.date(2022, 1, 3),
    last=dt.date(2022, 12, 28),
    version="v1",
    scenario_count=0,
    tail_rank=None,
    var=None,
    scenario_date=None,
    not_available="the window ends on 2022-12-28, not before the as-of date 2020-02-03",
)


def test_a_window_is_shown_as_amount_of_nav_and_in_units_of_var(long_short: RiskSnapshot) -> None:
    snapshot = replace_struct(long_short, stressed=(CRISIS,), nav=10e6, var=100_000.0)
    (row,) = stressed(snapshot).rows
    assert (row.window, row.var_text) == ("2008", "250,000")
    assert row.percent.startswith("2.50")
    assert row.multiple.startswith("2.5")
    assert row.note == "n = 85, k = 5; proxies: MTUM=SP500.FUT"
    assert row.available


def test_what_is_not_available_says_why_and_with_which_n(long_short: RiskSnapshot) -> None:
    (row,) = stressed(replace_struct(long_short, stressed=(OPEN,))).rows
    assert not row.available
    assert row.note.startswith("not available, n = 0: the window ends on 2022-12-28")
    assert row.multiple == text.NOTHING


def test_a_book_without_options_shows_no_greeks(long_short: RiskSnapshot) -> None:
    shown = stressed(long_short)
    assert (shown.greeks, shown.approximation) == ((), "")


def test_greeks_stand_by_underlying_and_in_sum_with_the_gap_of_the_approximation(
    long_short: RiskSnapshot,
) -> None:
    own = UnderlyingGreeks(
        underlying="AAPL",
        spot=75.0,
        delta=100.0,
        delta_cash=7_500.0,
        gamma=2.0,
        gamma_cash=112.5,
        vega=40.0,
        theta=-12.0,
        rho=9.0,
    )
    greeks = PortfolioGreeks(
        delta_cash=7_500.0,
        gamma_cash=112.5,
        vega=40.0,
        theta=-12.0,
        rho=9.0,
        underlyings=(own,),
    )
    near = DeltaGammaVega(var=900.0, expected_shortfall=950.0, gap=-100.0)
    shown = stressed(replace_struct(long_short, greeks=greeks, delta_gamma_vega=near))
    assert [row.name for row in shown.greeks] == ["AAPL", "Total"]
    assert shown.greeks[1].delta_cash == "7,500"
    assert "900" in shown.approximation
    assert "100 to full revaluation" in shown.approximation


def gain(name: str, actual: float) -> ExplainedPnl:
    return ExplainedPnl(
        instrument=name,
        actual=actual,
        delta=actual,
        gamma=5.0,
        vega=-5.0,
        theta=-1.0,
        fx=0.0,
        unexplained=1.0,
    )


def test_options_show_what_moved_them_since_the_close_and_their_sum(
    long_short: RiskSnapshot,
) -> None:
    rows = (gain("A.CALL", 100.0), gain("B.PUT", -1_500.0))
    shown = stressed(replace_struct(long_short, option_pnl=rows)).option_pnl
    assert [row.name for row in shown] == ["B.PUT", "A.CALL", "Total"]
    assert shown[0].actual == "\u22121,500"
    assert (shown[2].actual, shown[2].gamma, shown[2].unexplained) == ("\u22121,400", "+10", "+2")
    many = tuple(gain(f"X{n}", float(n)) for n in range(12))
    shown = stressed(replace_struct(long_short, option_pnl=many)).option_pnl
    assert (len(shown), shown[-1].name) == (OPTIONS_SHOWN + 1, "Total of 12")
    assert stressed(long_short).option_pnl == ()
