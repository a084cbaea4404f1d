"""The composer: rows as they are typed become trades of branches, or a sentence about a row."""

from __future__ import annotations

import math
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from system.contracts.api.questions import WhatIfRequest
from system.contracts.messages import RiskSnapshot
from system.show.panels.plain import plain
from system.show.panels.ticket_panel import TicketError
from system.show.screens import what_if
from system.show.screens.what_if import BRANCH, INSTRUMENT, PRICE, QUANTITY, composed
from system.show.server import runtime
from tests.system.show import answers
from tests.system.show.test_page import page_run


def row(
    branch: str | None, instrument: str | None, quantity: float | None, price: Any = None
) -> Any:
    return {BRANCH: branch, INSTRUMENT: instrument, QUANTITY: quantity, PRICE: price}


def test_trades_keep_their_order_within_a_branch() -> None:
    trades = composed([row("B", "X", 1.0), row("A", "Y", -2.0, 5.0), row("B", "Z", 3.0)])
    assert list(trades) == ["A", "B"]
    assert [trade.instrument for trade in trades["B"]] == ["X", "Z"]
    assert (trades["A"][0].quantity, trades["A"][0].price) == (-2.0, 5.0)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no trade"),
        ([row("A", "", 1.0)], "row 1: name an instrument"),
        ([row("A", "X", None)], "row 1: quantity"),
        ([row("A", "X", 1.0), row("A", "Y", math.nan)], "row 2: quantity"),
        ([row("A", "X", 0.0)], "row 1: quantity"),
        ([row("A", "X" * 80, 1.0)], "row 1: "),
    ],
)
def test_a_row_that_is_no_trade_is_named(rows: list[Any], words: str) -> None:
    with pytest.raises(TicketError, match=words):
        composed(rows)


def clicked(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def test_branches_are_compared_and_stay_on_the_page(
    running: runtime.Dashboard, long_short: RiskSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.desk.take_snapshot(long_short, 0)
    asked: list[tuple[str, WhatIfRequest]] = []

    class Api:
        def what_if(self, portfolio: str, request: WhatIfRequest) -> Any:
            asked.append((portfolio, request))
            return answers.what_if(long_short, request)

    monkeypatch.setattr(what_if, "answered", lambda ask: ask(Api()))
    page = clicked(page_run("what-if", portfolio="long-short"), "Compare branches")
    assert not page.exception
    [(portfolio, request)] = asked
    assert portfolio == "long-short"
    assert [trade.instrument for trade in request.trades] == ["AAPL"]


def test_a_branch_without_a_trade_is_not_sent(
    running: runtime.Dashboard, long_short: RiskSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(what_if.st, "error", said.append)
    what_if.send_branch("long-short", (), "C")
    assert said == [plain("Branch C has no trade.")]
