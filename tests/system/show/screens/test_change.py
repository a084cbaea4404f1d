"""The page of what changed VaR."""

from __future__ import annotations

from system.contracts.messages import RiskSnapshot
from system.show.server import runtime
from tests.system.show.test_page import page_run


def test_the_change_is_asked_for_by_a_button(
    running: runtime.Dashboard, long_short: RiskSnapshot
) -> None:
    running.desk.take_snapshot(long_short, 0)
    assert [button.label for button in page_run("change").button] == [
        "Explain since the last close"
    ]
