"""Clients over transports of a test: no network."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from system.client.sync_client import RiskClient
from system.clock import ManualClock
from system.contracts.api.risk import Problem, TradeRequest
from system.contracts.codec import encode

TOKEN = "the-token"  # noqa: S105 - of the fake
TRADE = TradeRequest(portfolio="alpha", instrument="EQ000", quantity=5.0, price=2.0)


def client_of(handler: Callable[[httpx.Request], httpx.Response]) -> RiskClient:
    transport = httpx.MockTransport(handler)
    return RiskClient("http://localhost", TOKEN, transport=transport, clock=ManualClock())


def unavailable() -> httpx.Response:
    problem = Problem(title="Service Unavailable", status=503, detail="Redis does not answer")
    return httpx.Response(503, content=encode(problem))
