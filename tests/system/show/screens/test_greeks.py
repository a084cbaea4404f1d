"""The page of Greeks."""

from __future__ import annotations

from system.contracts.messages import RiskSnapshot
from system.show.server import runtime
from tests.system.show.market import replace_struct
from tests.system.show.sheets.test_greeks import with_options
from tests.system.show.test_page import page_run


def test_a_book_with_options_draws(running: runtime.Dashboard, long_short: RiskSnapshot) -> None:
    running.desk.take_snapshot(replace_struct(with_options(long_short), snapshot_id="options"), 0)
    assert not page_run("greeks").exception
