"""The trade ticket: what a form becomes."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from system.client.errors import ApiRefusedError
from system.contracts.api.questions import ProposedTrade, what_if_answer
from system.contracts.api.risk import FieldProblem, Problem, StreamState
from system.contracts.limits import LimitLevel, LimitMeasure, LimitUse
from system.contracts.messages import RiskSnapshot
from system.settings import Connections, NotConnectedError
from system.show.panels.ticket_panel import (
    BUY,
    SELL,
    TicketError,
    Typed,
    preview_cells,
    preview_words,
    refusal_words,
    send,
    signed_quantity,
    trade_request,
)
from system.show.server.fanout import Fanout
from system.show.server.runtime import Dashboard
from system.show.state.dashboard import DashboardState


def no_connections() -> Connections:
    return Connections({}, Path("nowhere"))


def test_the_side_gives_the_sign_and_an_empty_price_is_the_newest(
    long_short: RiskSnapshot,
) -> None:
    request = trade_request(Typed("AAPL", SELL, 250.0, None), long_short, "long-short")
    newest = next(row.price for row in long_short.positions if row.instrument == "AAPL")
    assert (request.quantity, request.price) == (-250.0, newest)
    assert request.portfolio == "long-short"
    bought = trade_request(Typed("AAPL", BUY, 250.0, 81.5), long_short, "long-short")
    assert (bought.quantity, bought.price) == (250.0, 81.5)


def test_every_ticket_has_an_id_of_its_own(long_short: RiskSnapshot) -> None:
    typed = Typed("AAPL", BUY, 1.0, 80.0)
    ids = {trade_request(typed, long_short, "long-short").trade_id for _ in range(20)}
    assert len(ids) == 20


@pytest.mark.parametrize("quantity", [0.0, -5.0])
def test_a_quantity_that_is_not_positive_is_refused_here(
    long_short: RiskSnapshot, quantity: float
) -> None:
    with pytest.raises(TicketError, match="must be positive"):
        trade_request(Typed("AAPL", BUY, quantity, 80.0), long_short, "long-short")


def test_an_instrument_that_is_not_held_needs_a_price(long_short: RiskSnapshot) -> None:
    with pytest.raises(TicketError, match="TSLA is not held"):
        trade_request(Typed("TSLA", BUY, 1.0, None), long_short, "long-short")
    with pytest.raises(TicketError, match="TSLA is not held"):
        trade_request(Typed("TSLA", BUY, 1.0, None), None, "long-short")


def test_a_refusal_names_each_field() -> None:
    wrong = (FieldProblem(field="price", detail="must be positive"),)
    problem = Problem(title="Invalid", status=422, detail="the trade is not valid", errors=wrong)
    words = refusal_words(ApiRefusedError(problem))
    assert words == "the trade is not valid; price: must be positive"


def test_without_an_api_nothing_is_entered_as_sent(long_short: RiskSnapshot) -> None:
    class Untouched(Dashboard):
        def change(self, change: object) -> None:
            raise AssertionError(f"changed by {change}")

    desk = DashboardState()
    desk.take_snapshot(long_short, 0)
    live = Untouched(desk, Fanout(), None, no_connections)
    with pytest.raises(NotConnectedError):
        send(live, Typed("AAPL", BUY, 1.0, None), "long-short")


def test_a_preview_says_var_before_and_after_and_that_nothing_was_sent(
    long_short: RiskSnapshot,
) -> None:
    after = msgspec.structs.replace(long_short, var=1_234.0, var_fraction=0.0123)
    trade = ProposedTrade(instrument="AAPL", quantity=-250.0, price=81.5)
    answer = what_if_answer(long_short, after, (trade,), durable=True, stream=StreamState.RUNNING)
    words = preview_words(answer)
    assert words.startswith("Sell 250 AAPL at 81.50, not sent: VaR ")
    assert plain("-> 1 234") in plain(words)
    nothing = msgspec.structs.replace(after, var=None, not_available="no price yet for AAPL")
    answer = what_if_answer(long_short, nothing, (trade,), durable=True, stream=StreamState.RUNNING)
    assert preview_words(answer).endswith("would not be available. no price yet for AAPL")


def test_a_preview_refuses_a_quantity_that_is_not_positive() -> None:
    with pytest.raises(TicketError, match="must be positive"):
        signed_quantity(Typed("AAPL", SELL, 0.0, None))


def plain(words: str) -> str:
    """Return words with every kind of space, and a thousands comma, as one."""
    return re.sub(r"[\s,]", " ", words)


def test_a_preview_compares_everything_and_names_limits_in_breach(
    long_short: RiskSnapshot,
) -> None:
    gross = LimitUse(
        measure=LimitMeasure.GROSS,
        value=2.1,
        warning=1.5,
        breach=2.0,
        used=1.05,
        level=LimitLevel.BREACH,
    )
    after = msgspec.structs.replace(long_short, limits=(gross,))
    trade = ProposedTrade(instrument="AAPL", quantity=-250.0, price=81.5)
    answer = what_if_answer(long_short, after, (trade,), durable=True, stream=StreamState.RUNNING)
    cells = {row[""]: row for row in preview_cells(answer)}
    assert cells["VaR"]["change"] == "0.00"
    assert {"expected shortfall", "gross exposure", "net exposure"} <= cells.keys()
    assert cells["limit on gross used"]["after"] == "105.000%"
    assert preview_words(answer).endswith("In breach: limit on gross")
    fine = what_if_answer(
        long_short, long_short, (trade,), durable=True, stream=StreamState.RUNNING
    )
    assert "In breach" not in preview_words(fine)
