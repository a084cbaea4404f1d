"""Responses of the API to trades and books, decoded and checked."""

from __future__ import annotations

from typing import Any

import msgspec

from system.contracts.api.risk import TradeAccepted

TRADE = {"portfolio": "alpha", "instrument": "EQ000", "quantity": -12.5, "price": 101.25}


def accepted(response: Any) -> TradeAccepted:
    assert response.status_code == 202, response.text
    return msgspec.json.decode(response.content, type=TradeAccepted)


def refused(response: Any, status: int) -> Any:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return response.json()
