"""The commands that ask what would be: what they send and what they tell."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest
from typer.testing import CliRunner, Result

from system import cli
from system.client import questions
from system.client.errors import QuestionError
from system.client.questions import proposed_trade
from system.client.sync_client import RiskClient
from system.contracts.api import StreamState
from system.contracts.codec import encode
from system.contracts.questions import ProposedTrade, WhatIfRequest, what_if_answer
from system.store.samples import sample_snapshot

BEFORE = sample_snapshot(var=1_000.0, var_fraction=0.01)


class Api:
    """Plays one answer and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.asked: list[tuple[str, bytes]] = []

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.url.raw_path.decode(), request.content))
        return httpx.Response(200, content=encode(self.answer))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    played = Api()
    client = RiskClient("http://test", "token", transport=httpx.MockTransport(played.respond))
    monkeypatch.setattr(questions, "connected_client", lambda: client)
    return played


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.app, list(words), env={"COLUMNS": "200"})


def what_if_told(**after: Any) -> Any:
    trades = (ProposedTrade(instrument="EQ000", quantity=-5.0, price=2.0),)
    changed = sample_snapshot(**{"var": 1_250.5, "var_fraction": 0.0125, **after})
    return what_if_answer(BEFORE, changed, trades, durable=True, stream=StreamState.RUNNING)


def test_what_if_asks_for_the_trades_and_shows_before_and_after(api: Api) -> None:
    api.answer = what_if_told()
    result = run("what-if", "alpha", "--trade", "EQ000=-5", "--trade", "EQ001=2@3.5")
    assert result.exit_code == 0, result.output
    ((path, body),) = api.asked
    assert path == "/v1/portfolios/alpha/what-if"
    assert msgspec.json.decode(body, type=WhatIfRequest).trades == (
        ProposedTrade(instrument="EQ000", quantity=-5.0),
        ProposedTrade(instrument="EQ001", quantity=2.0, price=3.5),
    )
    for told in ("-5 EQ000 at 2", "1,000.00", "1,250.50", "250.50", "1.250%"):
        assert told in result.output


def test_what_if_says_why_there_is_no_number_afterwards(api: Api) -> None:
    api.answer = what_if_told(var=None, var_fraction=None, not_available="no price yet for X")
    result = run("what-if", "alpha", "--trade", "EQ000=-5")
    assert "VaR is not available: no price yet for X" in result.output


def test_a_trade_is_read_from_the_last_equals_sign_on() -> None:
    assert proposed_trade("desk=x=3") == ProposedTrade(instrument="desk=x", quantity=3.0)


@pytest.mark.parametrize("word", ["AAPL", "AAPL=", "=3", "A=b", "A=1@", "A=1@x", "A=nan", "A=1@-2"])
def test_a_word_that_is_no_trade_is_named(word: str) -> None:
    with pytest.raises(QuestionError, match=r"is not like AAPL=-100"):
        proposed_trade(word)
