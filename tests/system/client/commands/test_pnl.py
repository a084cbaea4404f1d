"""``riskstream pnl``: what it asks and what it tells."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest
from typer.testing import CliRunner

from system import cli
from system.client.commands import pnl
from system.client.sync_client import RiskClient
from system.contracts.api.pnl import PnlExplained, total_of
from system.contracts.api.risk import StreamState
from system.contracts.codec import encode
from system.contracts.measures import ExplainedPnl

GAIN = ExplainedPnl(
    instrument="B.CALL",
    actual=1_234.0,
    delta=1_000.0,
    gamma=200.0,
    vega=50.0,
    theta=-30.0,
    fx=12.0,
    unexplained=2.0,
)
FOUND = PnlExplained(
    portfolio="alpha",
    snapshot_id="alpha-1-2",
    event_time_ns=1,
    base_currency="USD",
    since=None,
    realised_pnl=500.0,
    unrealised_pnl=-700.0,
    actual_pnl=2_000.0,
    hypothetical_pnl=None,
    previous_var=900.0,
    breach=None,
    options=(GAIN,),
    options_total=total_of((GAIN,)),
    other_pnl=766.0,
    durable=True,
    stream=StreamState.RUNNING,
)


def told(monkeypatch: pytest.MonkeyPatch, answer: Any) -> str:
    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/portfolios/alpha/pnl"
        return httpx.Response(200, content=encode(answer))

    client = RiskClient("http://localhost", "token", transport=httpx.MockTransport(respond))
    monkeypatch.setattr(pnl, "connected_client", lambda: client)
    result = CliRunner().invoke(cli.app, ["pnl", "alpha"], env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_every_kind_of_pnl_and_every_part_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = told(monkeypatch, FOUND)
    for words in ("+500.00", "-700.00", "+2,000.00", "+1,234.00", "+766.00", "stated at the end"):
        assert words in printed
    for words in ("+1,000.00", "+200.00", "+50.00", "-30.00", "+12.00", "+2.00", "unexplained"):
        assert words in printed


def test_an_end_of_day_says_whether_it_is_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = msgspec.structs.replace(FOUND, hypothetical_pnl=-950.0, breach=True)
    assert "-950.00 (breach, VaR +900.00)" in told(monkeypatch, closed)


def test_a_book_without_options_shows_no_table_of_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = msgspec.structs.replace(FOUND, options=(), options_total=None)
    words = told(monkeypatch, plain)
    assert "unexplained" not in words
    assert "of options" not in words
