"""Changes of closed trades are refused before they are sent."""

from __future__ import annotations

import datetime as dt
from typing import Any

from system.book.state.closed_ids import ClosedTradeIds
from system.book.state.rows import TradeState
from system.contracts.messages import Trade
from tests.system.serve.responses import TRADE, accepted, refused


def test_a_closed_trade_can_be_neither_amended_nor_cancelled_also_if_it_was_sent_from_here(
    trading: Any,
) -> None:
    accepted(trading.client.post("/v1/trades", json={**TRADE, "trade_id": "t"}))
    states = [TradeState(trade=Trade(trade_id=name, **TRADE), rank=0) for name in ("t", "u")]
    rows = ClosedTradeIds().add("alpha", states, dt.date(2020, 2, 17))
    trading.know(**{key.replace(":", "__", 1): row for key, row in rows.items()})
    sent = len(trading.bus.sent)
    for name in ("t", "u"):
        for answer in (
            trading.client.put(f"/v1/trades/{name}", json={"quantity": 1, "price": 1}),
            trading.client.delete(f"/v1/trades/{name}"),
        ):
            problem = refused(answer, 409)
            assert problem["title"] == "Closed trade"
            assert f"trade {name} was closed at the end of 2020-02-17" in problem["detail"]
            assert "send the reverse trade" in problem["detail"]
    refused(trading.client.delete("/v1/trades/v"), 404)
    assert len(trading.bus.sent) == sent
