"""The books of a desk together, in words and cells, and on the page."""

from __future__ import annotations

import datetime as dt

import pytest

from system.contracts.api.decomposition import BookRisk, DeskVar
from system.contracts.api.risk import StreamState
from system.contracts.messages import RiskSnapshot
from system.show.panels import desk_panel
from system.show.panels.desk_panel import OWN_CURRENCY, book_cells, currencies_of, desk_words
from system.show.server import runtime
from tests.system.show.market import replace_struct
from tests.system.show.test_page import page_run

FOUND = DeskVar(
    desk="rates",
    base_currency="EUR",
    estimator="hs/ceil/simple",
    confidence="0.975",
    window=250,
    var=900.0,
    expected_shortfall=1_100.0,
    tail_rank=7,
    scenario_date=dt.date(2020, 3, 16),
    diversification=350.0,
    books=(
        BookRisk(
            portfolio="a",
            snapshot_id="a-1-1",
            var=750.0,
            expected_shortfall=800.0,
            component_var=600.0,
        ),
        BookRisk(
            portfolio="b",
            snapshot_id="b-1-1",
            var=500.0,
            expected_shortfall=600.0,
            component_var=300.0,
        ),
    ),
    stream=StreamState.RUNNING,
)


def test_a_desk_says_its_var_and_what_diversification_saves() -> None:
    words = desk_words(FOUND)
    for told in ("**900 EUR**", "on 250 days", "1,100", "+350"):
        assert told in words


def test_the_cells_add_up_from_the_books_to_the_desk() -> None:
    cells = book_cells(FOUND)
    assert [row["book"] for row in cells] == ["a", "b", "diversification", "rates"]
    assert [row["VaR"] for row in cells] == ["750", "500", "\u2212350", "900"]
    assert [row["part of desk"] for row in cells] == ["600", "300", "", "900"]


def test_a_desk_s_books_name_their_currencies(
    long_short: RiskSnapshot, long_equities: RiskSnapshot
) -> None:
    books = [
        replace_struct(long_short, desk="rates", base_currency="USD"),
        replace_struct(long_equities, desk="rates", base_currency="EUR"),
        replace_struct(long_equities, desk="other", base_currency="JPY"),
    ]
    assert currencies_of("rates", books) == ["EUR", "USD"]


def test_the_page_adds_up_the_desk_of_the_chosen_book(
    running: runtime.Dashboard, long_short: RiskSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.desk.take_snapshot(replace_struct(long_short, desk="rates"), 0)
    monkeypatch.setattr(desk_panel, "answered", lambda ask: FOUND)
    page = page_run("desk")
    assert not page.exception
    (button,) = (button for button in page.button if button.label == "Add up the books")
    assert [OWN_CURRENCY, long_short.base_currency] in [box.options for box in page.selectbox]
    button.click().run()
    assert any("**900 EUR**" in markdown.value for markdown in page.markdown)
    assert not page.exception


def test_a_book_without_a_desk_has_no_tree(
    running: runtime.Dashboard, long_short: RiskSnapshot
) -> None:
    running.desk.take_snapshot(long_short, 0)
    assert all(button.label != "Add up the books" for button in page_run("desk").button)
