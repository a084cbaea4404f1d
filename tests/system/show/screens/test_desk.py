"""The page of all books."""

from __future__ import annotations

from system.contracts.messages import RiskSnapshot
from system.show.page import BOOK
from system.show.screens import desk
from system.show.server import runtime
from tests.system.show.test_page import page_run


def test_a_row_opens_the_page_of_an_address_without_a_name(
    running: runtime.Dashboard, long_short: RiskSnapshot
) -> None:
    running.desk.take_snapshot(long_short, 0)
    assert not page_run("desk").exception
    assert (desk.BOOK, desk.BOOK_PATH) == (BOOK, "")
