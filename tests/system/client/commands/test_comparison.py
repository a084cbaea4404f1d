"""A what-if's answer as rows: before, after, change; a dash where there is no number."""

from __future__ import annotations

import pytest

from system.client.commands.comparison import GREEKS, Row, comparison_rows
from system.contracts.api.questions import ProposedTrade, what_if_answer
from system.contracts.api.risk import StreamState
from system.contracts.limits import LimitLevel, LimitMeasure, LimitUse
from system.contracts.measures import PortfolioGreeks
from system.store.sample_snapshots import sample_snapshot

SUMS = PortfolioGreeks(
    delta_cash=7_500.0, gamma_cash=112.5, vega=40.0, theta=-12.0, rho=9.0, underlyings=()
)


def rows(before: dict[str, object], after: dict[str, object]) -> dict[str, Row]:
    trade = ProposedTrade(instrument="EQ000", quantity=-5.0, price=2.0)
    answer = what_if_answer(
        sample_snapshot(**before),
        sample_snapshot(**after),
        (trade,),
        durable=True,
        stream=StreamState.RUNNING,
    )
    return {row[0]: row for row in comparison_rows(answer)}


def use(measure: LimitMeasure, used: float | None) -> LimitUse:
    return LimitUse(
        measure=measure, value=used, warning=0.8, breach=1.0, used=used, level=LimitLevel.OK
    )


def test_amounts_have_cents_and_shares_three_digits():
    compared = rows(
        {"var": 1_000.0, "var_fraction": 0.01}, {"var": 1_250.5, "var_fraction": 0.0125}
    )
    assert compared["VaR"] == ("VaR", "1,000.00", "1,250.50", "250.50")
    assert compared["VaR of NAV"] == ("VaR of NAV", "1.000%", "1.250%", "0.250%")


def test_a_number_that_is_missing_on_a_side_has_no_change():
    compared = rows({"var": None, "var_fraction": None}, {"var": 5.0, "var_fraction": 0.1})
    assert compared["VaR"][1:] == ("-", "5.00", "-")
    assert compared["VaR of NAV"][1:] == ("-", "10.000%", "-")


def test_books_without_options_have_no_greeks():
    assert not set(GREEKS.values()) & rows({}, {}).keys()


@pytest.mark.parametrize(("field", "name"), GREEKS.items())
def test_the_side_without_options_counts_as_zero(field, name):
    amount = getattr(SUMS, field)
    opened = rows({}, {"greeks": SUMS})[name]
    assert opened == (name, "0.00", f"{amount:,.2f}", f"{amount:,.2f}")
    closed = rows({"greeks": SUMS}, {})[name]
    assert closed == (name, f"{amount:,.2f}", "0.00", f"{-amount:,.2f}")


def test_limits_are_matched_by_measure_and_vars_own_is_shown_once():
    compared = rows(
        {"limits": (use(LimitMeasure.VAR, 0.2), use(LimitMeasure.GROSS, 0.25))},
        {"limits": (use(LimitMeasure.NET, 0.5), use(LimitMeasure.GROSS, 0.75))},
    )
    assert compared["limit on gross used"][1:] == ("25.000%", "75.000%", "50.000%")
    assert compared["limit on net used"][1:] == ("-", "50.000%", "-")
    assert "limit on var used" not in compared
