"""The commands that ask what would be: what they send and what they tell."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from system.client.commands.what_if import proposed_trade
from system.client.errors import QuestionError
from system.contracts.api.questions import ProposedTrade, WhatIfRequest, what_if_answer
from system.contracts.api.risk import StreamState
from system.contracts.limits import LimitLevel, LimitMeasure, LimitUse
from system.contracts.measures import PortfolioGreeks
from system.store.sample_snapshots import sample_snapshot
from tests.message_strategies import VENDORS_NAMES
from tests.system.client.commands.played_api import Api, run
from tests.system.client.commands.test_scenarios import scenario_told

BEFORE = sample_snapshot(var=1_000.0, var_fraction=0.01)


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


def test_what_if_shows_greeks_and_every_limit_with_the_trade(api: Api) -> None:
    greeks = PortfolioGreeks(
        delta_cash=7_500.0, gamma_cash=112.5, vega=40.0, theta=-12.0, rho=9.0, underlyings=()
    )
    gross = LimitUse(
        measure=LimitMeasure.GROSS,
        value=1.0,
        warning=1.5,
        breach=2.0,
        used=0.5,
        level=LimitLevel.OK,
    )
    api.answer = what_if_told(greeks=greeks, limits=(gross,))
    told = " ".join(run("what-if", "alpha", "--trade", "EQ000=-5").output.split())
    assert "cash delta, 100 % │ 0.00 │ 7,500.00 │ 7,500.00" in told
    assert "theta, day │ 0.00 │ -12.00 │ -12.00" in told
    assert "limit on gross used │ - │ 50.000% │ -" in told


def test_what_if_says_why_there_is_no_number_afterwards(api: Api) -> None:
    api.answer = what_if_told(var=None, var_fraction=None, not_available="no price yet for X")
    result = run("what-if", "alpha", "--trade", "EQ000=-5")
    assert "VaR is not available: no price yet for X" in result.output


def test_a_trade_is_read_from_the_last_equals_sign_on() -> None:
    assert proposed_trade("desk=x=3") == ProposedTrade(instrument="desk=x", quantity=3.0)


@pytest.mark.parametrize("name", [*VENDORS_NAMES, "A=5@3", "ES=F", "X@Y", "a=b=c", "1=2"])
def test_a_trade_in_any_name_is_read(name: str) -> None:
    bare = ProposedTrade(instrument=name, quantity=-100.0)
    assert proposed_trade(f"{name}=-100") == bare
    priced = ProposedTrade(instrument=name, quantity=-100.0, price=74.5)
    assert proposed_trade(f"{name}=-100@74.5") == priced


@pytest.mark.parametrize("word", ["AAPL", "AAPL=", "=3", "A=b", "A=1@", "A=1@x", "A=nan", "A=1@-2"])
def test_a_word_that_is_no_trade_is_named(word: str) -> None:
    with pytest.raises(QuestionError, match=r"is not like AAPL=-100"):
        proposed_trade(word)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (what_if_told, ("what-if", "alpha", "--trade", "EQ000=-5")),
        (scenario_told, ("scenario", "alpha", "--shock", "all=-10%")),
    ],
)
def test_with_json_the_whole_answer_is_printed_and_nothing_else(
    api: Api, told: Any, words: tuple[str, ...]
) -> None:
    api.answer = told()
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    assert msgspec.json.decode(result.stdout, type=type(api.answer)) == api.answer
