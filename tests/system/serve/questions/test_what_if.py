"""Answers to what-if questions about trades, over the state of a real fold."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from system.contracts.api.questions import exposure_total
from system.contracts.api.risk import current_risk
from tests.system.book.feed import holding, instrument, live, opened, portfolio, rate, tick, trade
from tests.system.serve.streamed import Streamed, answered, asked, figures, proposed


def test_without_trades_before_and_after_are_the_newest_snapshot(streamed: Streamed) -> None:
    snapshot = current_risk(live(streamed.feed.book.revalue(fence=1, epoch=1)))
    answer = answered(streamed)
    assert figures(answer.before) == figures(answer.after) == figures(snapshot)
    assert (answer.change.var, answer.change.gross) == (0.0, 0.0)


def test_the_number_is_the_one_that_the_stream_states_after_the_trade(streamed: Streamed) -> None:
    answer = answered(streamed, proposed("B", 25.0, 41.5), proposed("A", -4.0))
    really = live(
        streamed.take(streamed.feed.send(trade("t", "B", 25.0, 41.5), trade("u", "A", -4.0, 101.0)))
    )
    assert figures(answer.after) == figures(current_risk(really))
    assert answer.after.var_fraction == really.var_fraction
    assert answer.positions == really.positions
    assert answer.change.gross == exposure_total(really, "gross") - exposure_total(
        answer.before, "gross"
    )


def test_a_question_changes_nothing_and_sends_nothing(streamed: Streamed) -> None:
    first = answered(streamed)
    answered(streamed, proposed("B", 1_000.0))
    assert answered(streamed) == first
    assert streamed.world.bus.sent == []


def test_what_is_not_held_is_priced_at_its_newest_quote(streamed: Streamed) -> None:
    streamed.take(streamed.feed.send(tick("B", 47.0, hour=16.0)))
    trades = answered(streamed, proposed("B", 1.0), proposed("cash:EUR", 5.0)).trades
    assert [trade.price for trade in trades] == [47.0, 1.12]


def test_a_rate_that_is_not_held_is_as_stale_as_in_the_stream(world: Any) -> None:
    """Also behind a partition that nobody had written to when the API first read them."""
    feed = opened(holding("A", 10.0))
    started = Streamed(world, feed)
    started.take(feed.send(rate("USD", 1.12), rate("GBP", 0.86)))
    started.take(feed.book.revalue(fence=1, epoch=feed.epoch))
    assert answered(started, proposed("B", 5.0)).after.stale == ("A", "B")
    started.take(feed.send(*(tick(name, 41.0, hour=20.0) for name in "ABC")))
    asked_before = answered(started, proposed("B", 5.0)).after.stale
    really = live(started.take(feed.send(trade("t1", "B", 5.0, 41.0)))).stale
    assert asked_before == really == ("fx:USD",)


def test_a_trade_in_an_option_has_the_number_that_the_stream_states_after_it(
    optioned: Streamed,
) -> None:
    answer = answered(optioned, proposed("B.CALL", -3.0, 0.4), name="O")
    really = live(optioned.take(optioned.feed.send(trade("t", "B.CALL", -3.0, 0.4, book="O"))), "O")
    assert figures(answer.after) == figures(current_risk(really))
    assert answer.after.delta_gamma_vega == really.delta_gamma_vega


@pytest.mark.parametrize("price", [0.5, None])
def test_an_option_that_is_not_held_is_valued_at_its_underlyings_newest_quote(
    optioned: Streamed, price: float | None
) -> None:
    empty = portfolio("N", holding("A", 1.0))
    optioned.take(optioned.feed.send(empty))
    answer = answered(optioned, proposed("B.CALL", 2.0, price), name="N")
    paid = answer.trades[0].price
    really = live(optioned.take(optioned.feed.send(trade("t", "B.CALL", 2.0, paid, book="N"))), "N")
    assert figures(answer.after) == figures(current_risk(really))
    assert price is None or paid == price


@pytest.mark.parametrize(
    ("trades", "status", "named"),
    [
        ([{"instrument": "A", "quantity": 0}], 422, "trades[0].quantity"),
        ([{"instrument": "X", "quantity": 1}], 422, "trades[0].price"),
        ([{"instrument": "nothing", "quantity": 1}], 422, "'nothing' has no reference data"),
        ([{"instrument": "A", "quantity": 1, "price": -1}], 422, "trades[0].price"),
        ([{"instrument": "A", "quantity": 1, "pric": 1}], 422, "pric"),
        ([{"instrument": "A", "quantity": 1}] * 101, 422, "trades"),
    ],
)
def test_what_is_wrong_is_named(
    streamed: Streamed, trades: list[Any], status: int, named: str
) -> None:
    streamed.take(streamed.feed.send(instrument("X")))
    body = msgspec.json.encode({"trades": trades})
    response = streamed.world.client.post("/v1/portfolios/P/what-if", content=body)
    assert (response.status_code, named in response.json()["detail"]) == (status, True)


def test_an_unknown_portfolio_is_a_404_that_lists_the_known_ones(streamed: Streamed) -> None:
    response = asked(streamed, name="nobody")
    assert response.status_code == 404
    assert response.json()["known"] == ["P"]
