"""The page of stress."""

from __future__ import annotations

from system.contracts.messages import RiskSnapshot
from system.show.server import runtime
from tests.system.show.test_page import page_run


def test_scenarios_are_for_the_portfolio_in_the_address(
    running: runtime.Dashboard, long_short: RiskSnapshot, long_equities: RiskSnapshot
) -> None:
    running.desk.take_snapshot(long_short, 0)
    running.desk.take_snapshot(long_equities, 0)
    page = page_run("stress", portfolio="long-short")
    assert [expander.label for expander in page.expander] == ["Scenarios, long-short"]
