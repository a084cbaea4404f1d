"""The chosen portfolio, or the first that has a number."""

from __future__ import annotations

from system.contracts.messages import RiskSnapshot
from system.show.screens.choice import shown_portfolio
from system.show.server import runtime


def test_the_first_portfolio_with_a_number_is_shown_where_none_is_chosen(
    running: runtime.Dashboard, long_short: RiskSnapshot, long_equities: RiskSnapshot
) -> None:
    assert shown_portfolio("") == ""
    running.desk.take_snapshot(long_short, 0)
    running.desk.take_snapshot(long_equities, 0)
    assert shown_portfolio("") == "long-equities"
    assert shown_portfolio("long-short") == "long-short"
