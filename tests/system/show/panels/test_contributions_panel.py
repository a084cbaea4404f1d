"""Contributions of positions to VaR: in words, in cells, and on the page."""

from __future__ import annotations

import msgspec
import pytest

from system.contracts.api.decomposition import Contribution, Contributions
from system.contracts.api.risk import StreamState
from system.contracts.messages import RiskSnapshot
from system.show.panels import contributions_panel
from system.show.panels.contributions_panel import contribution_cells, contribution_words
from system.show.server import runtime
from tests.system.show.test_page import page_run

ROW = Contribution(
    instrument="A",
    asset_class="equity",
    quantity=10.0,
    component_var=700.0,
    smoothed_share=0.7,
    es_share=None,
    marginal_var=0.125,
    incremental_var=-30.0,
)
FOUND = Contributions(
    portfolio="long-short",
    snapshot_id="long-short-1-1",
    base_currency="USD",
    estimator="hs/ceil/simple",
    var=1_000.0,
    expected_shortfall=1_200.0,
    rows=(ROW,) * 22,
    durable=True,
    stream=StreamState.RUNNING,
)


def test_the_cells_have_signs_and_say_what_there_is_not() -> None:
    cells = contribution_cells(FOUND)
    assert len(cells) == 20
    assert cells[0] == {
        "position": "A",
        "component": "+700",
        "incremental": "\u221230",
        "marginal": "+0.1250",
        "ES tail": "n/a",
    }
    assert "2 smaller ones are not shown" in contribution_words(FOUND)
    fewer = msgspec.structs.replace(FOUND, rows=(ROW,))
    assert "not shown" not in contribution_words(fewer)


def test_the_page_asks_and_draws_the_table(
    running: runtime.Dashboard, long_short: RiskSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.desk.take_snapshot(long_short, 0)
    monkeypatch.setattr(contributions_panel, "answered", lambda _: FOUND)
    page = page_run()
    asked = next(button for button in page.button if button.label == "Revalue without each")
    page = asked.click().run()
    assert not page.exception
    assert len(page.table) == 1
