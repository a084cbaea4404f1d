"""The page of one book."""

from __future__ import annotations

from system.contracts.messages import RiskSnapshot
from system.show.server import runtime
from tests.system.show.test_page import page_run


def test_a_book_has_its_ticket_and_what_each_position_adds(
    running: runtime.Dashboard, long_short: RiskSnapshot
) -> None:
    running.desk.take_snapshot(long_short, 0)
    labels = [button.label for button in page_run().button]
    assert labels[:3] == ["Send to long-short", "What would it do to VaR?", "Revalue without each"]
