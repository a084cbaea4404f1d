"""Amendments and cancellations: one version after the other."""

from __future__ import annotations

from typing import Any

import pytest

from system.contracts.codec import encode
from system.contracts.messages import Trade, TradeAction
from tests.system.serve.responses import TRADE, accepted, refused


def test_an_amendment_restates_the_trade_under_the_next_version(trading: Any) -> None:
    trading.book(Trade(trade_id="t", **TRADE))
    told = accepted(trading.client.put("/v1/trades/t", json={"quantity": 7, "price": 99}))
    assert (told.version, told.action, told.quantity) == (1, TradeAction.AMEND, 7.0)
    assert trading.bus.sent == [
        Trade(trade_id="t", version=1, action="amend", **{**TRADE, "quantity": 7.0, "price": 99.0})
    ]


def test_a_trade_can_be_changed_before_the_stream_has_booked_it(trading: Any) -> None:
    told = accepted(trading.client.post("/v1/trades", json=TRADE))
    amended = accepted(
        trading.client.put(f"/v1/trades/{told.trade_id}", json={"quantity": 1, "price": 2})
    )
    cancelled = accepted(trading.client.delete(f"/v1/trades/{told.trade_id}"))
    assert (amended.version, cancelled.version) == (1, 2)


def test_the_newest_version_counts_wherever_it_came_from(trading: Any) -> None:
    accepted(trading.client.post("/v1/trades", json={**TRADE, "trade_id": "t"}))
    trading.book(Trade(trade_id="t", version=4, action="amend", **TRADE))
    told = accepted(trading.client.delete("/v1/trades/t"))
    assert told.version == 5


def test_an_amendment_sent_twice_is_the_same_message_twice(trading: Any) -> None:
    trading.book(Trade(trade_id="t", **TRADE))
    body = {"quantity": 7, "price": 99, "version": 1}
    for _ in range(2):
        accepted(trading.client.put("/v1/trades/t", json=body))
    first, second = trading.bus.sent
    assert first == second


@pytest.mark.parametrize("version", [2, 5])
def test_a_version_that_is_not_next_is_a_conflict_that_names_it(trading: Any, version: int) -> None:
    trading.book(Trade(trade_id="t", **TRADE))
    body = {"quantity": 7, "price": 99, "version": version}
    assert "1 is next" in refused(trading.client.put("/v1/trades/t", json=body), 409)["detail"]
    path = f"/v1/trades/t?version={version}"
    assert "1 is next" in refused(trading.client.delete(path), 409)["detail"]


def test_a_cancellation_repeats_the_trade(trading: Any) -> None:
    trading.book(Trade(trade_id="t", **TRADE))
    told = accepted(trading.client.delete("/v1/trades/t"))
    assert told.action is TradeAction.CANCEL
    assert trading.bus.sent == [Trade(trade_id="t", version=1, action="cancel", **TRADE)]


def test_cancelling_again_changes_nothing(trading: Any) -> None:
    trading.book(Trade(trade_id="t", **TRADE))
    versions = [accepted(trading.client.delete("/v1/trades/t")).version for _ in range(3)]
    versions.append(accepted(trading.client.delete("/v1/trades/t?version=1")).version)
    assert versions == [1, 1, 1, 1]
    assert len(set(map(encode, trading.bus.sent))) == 1


def test_a_cancelled_trade_cannot_be_amended(trading: Any) -> None:
    trading.book(Trade(trade_id="t", version=1, action="cancel", **TRADE))
    problem = refused(trading.client.put("/v1/trades/t", json={"quantity": 1, "price": 1}), 409)
    assert "is cancelled" in problem["detail"]


def test_a_trade_that_never_came_cannot_be_changed(trading: Any) -> None:
    refused(trading.client.put("/v1/trades/none", json={"quantity": 1, "price": 1}), 404)
    refused(trading.client.delete("/v1/trades/none"), 404)


def test_an_amendment_to_nothing_says_what_to_do(trading: Any) -> None:
    trading.book(Trade(trade_id="t", **TRADE))
    problem = refused(trading.client.put("/v1/trades/t", json={"quantity": 0, "price": 1}), 422)
    assert "cancel it" in problem["detail"]
