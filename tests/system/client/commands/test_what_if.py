"""The commands that ask what would be: what they send and what they tell."""

from __future__ import annotations

import datetime as dt
from typing import Any

import httpx
import msgspec
import pytest
from typer.testing import CliRunner, Result

from system import cli
from system.client.commands import change, decomposition, scenarios, what_if
from system.client.commands.scenarios import parsed_shock
from system.client.commands.what_if import proposed_trade
from system.client.errors import QuestionError
from system.client.sync_client import RiskClient
from system.contracts.api.decomposition import BookRisk, Contribution, Contributions, DeskVar
from system.contracts.api.questions import (
    ChangeStep,
    ProposedTrade,
    ReverseStress,
    Scenario,
    ScenarioRequest,
    ScenarioRow,
    Shock,
    VarChange,
    VarStep,
    WhatIfRequest,
    what_if_answer,
)
from system.contracts.api.risk import StreamState
from system.contracts.codec import encode
from system.contracts.limits import LimitLevel, LimitMeasure, LimitUse
from system.contracts.measures import PortfolioGreeks
from system.contracts.messages import AssetClass
from system.store.sample_snapshots import sample_snapshot
from tests.message_strategies import VENDORS_NAMES

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
    client = RiskClient("http://localhost", "token", transport=httpx.MockTransport(played.respond))
    for module in (change, decomposition, what_if, scenarios):
        monkeypatch.setattr(module, "connected_client", lambda: client)
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


@pytest.mark.parametrize("name", [*VENDORS_NAMES, "all", "vol", "vol:x", "class:equity", "5%", "="])
def test_a_shock_of_any_name_is_read(name: str) -> None:
    fall, richer = (
        Shock(move=-0.05, instrument=name),
        Shock(move=-5.0, absolute=True, instrument=name),
    )
    assert parsed_shock(f"instrument:{name}=-5%") == fall
    assert parsed_shock(f"instrument:{name}=-5") == richer
    wilder = Shock(move=0.2, instrument=name, volatility=True)
    assert parsed_shock(f"vol:instrument:{name}=+20%") == wilder
    if not name.startswith(("all", "vol", "class:", "fx:")):
        assert parsed_shock(f"{name}=-5%") == fall


@pytest.mark.parametrize("word", ["AAPL", "AAPL=", "=3", "A=b", "A=1@", "A=1@x", "A=nan", "A=1@-2"])
def test_a_word_that_is_no_trade_is_named(word: str) -> None:
    with pytest.raises(QuestionError, match=r"is not like AAPL=-100"):
        proposed_trade(word)


ABOUT = {
    "portfolio": "alpha",
    "snapshot_id": "alpha-1-2",
    "base_currency": "USD",
    "nav": 1e6,
    "durable": True,
    "stream": StreamState.RUNNING,
}
ROWS = tuple(
    ScenarioRow(instrument=f"EQ{n:03d}", asset_class="equity", value=100.0, pnl=n - 20.0)
    for n in range(18)
)


def scenario_told(**changes: Any) -> Scenario:
    told = {"pnl": -12_345.0, "pnl_fraction": -0.012345, "var_multiple": 1.9, "rows": ROWS}
    return Scenario(**ABOUT, **{**told, "day": None, "day_before": None, **changes})


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


def test_a_scenario_sends_its_shocks_and_shows_the_worst_positions(api: Api) -> None:
    api.answer = scenario_told()
    words = ("--shock", "class:equity=-10%", "--shock", "fx:USD=+3%", "--shock", "AAPL=-5")
    result = run("scenario", "alpha", *words)
    assert result.exit_code == 0, result.output
    ((path, body),) = api.asked
    assert path == "/v1/portfolios/alpha/scenarios"
    assert msgspec.json.decode(body, type=ScenarioRequest).shocks == (
        Shock(move=-0.1, asset_class="equity"),
        Shock(move=0.03, currency="USD"),
        Shock(move=-5.0, absolute=True, instrument="AAPL"),
    )
    for told in ("-12,345.00 USD", "-1.23% of NAV", "1.9 times VaR lost", "EQ000", "3 more"):
        assert told in result.output


def test_a_day_of_history_says_which_closes_it_took(api: Api) -> None:
    api.answer = scenario_told(day="2020-03-16", day_before="2020-03-13")
    result = run("scenario", "alpha", "--day", "2020-03-16")
    assert "moves from 2020-03-13 to 2020-03-16" in result.output
    assert b'"day":"2020-03-16"' in api.asked[0][1]


@pytest.mark.parametrize("move", [-0.0523, None])
def test_a_reverse_stress_tells_the_move_or_that_there_is_none(
    api: Api, move: float | None
) -> None:
    api.answer = ReverseStress(
        **ABOUT,
        loss=50_000.0,
        move=move,
        pnl=None if move is None else -50_000.0,
        rows=ROWS,
        lowest=-0.99,
        highest=2.0,
        worst_move=-0.99,
        worst_pnl=-40_000.0,
    )
    result = run("scenario", "alpha", "--loses", "50000")
    assert api.asked[0][0] == "/v1/portfolios/alpha/reverse-stress?loss=50000.0"
    told = "no uniform move between -99% and +200%" if move is None else "by -5.2300% loses 50,000"
    assert told in result.output


@pytest.mark.parametrize("words", [(), ("--shock", "all=1%", "--day", "2020-03-16")])
def test_a_scenario_asks_one_thing_at_a_time(api: Api, words: tuple[str, ...]) -> None:
    result = run("scenario", "alpha", *words)
    assert isinstance(result.exception, QuestionError)
    assert api.asked == []


@pytest.mark.parametrize(
    "word",
    [
        "equity",
        "class:cars=-1%",
        "fx:usd=1%",
        "AAPL=x",
        "=1%",
        "A=nan",
        "AAPL=+5pts",
        "fx:USD=5pts",
        "vol:AAPL=+0.05",
        "vol:fx:USD=",
        "volume%",
    ],
)
def test_a_word_that_is_no_shock_is_named(word: str) -> None:
    with pytest.raises(QuestionError, match=r"is not like all=-10%"):
        parsed_shock(word)


def test_all_prices_move_by_one_word() -> None:
    assert parsed_shock("all=-10%") == Shock(move=-0.1)


@pytest.mark.parametrize(
    ("word", "shock"),
    [
        ("vol=+5pts", Shock(move=0.05, absolute=True, volatility=True)),
        ("vol=-1pt", Shock(move=-0.01, absolute=True, volatility=True)),
        ("vol:AAPL=+20%", Shock(move=0.2, instrument="AAPL", volatility=True)),
        ("vol:class:etf=-10%", Shock(move=-0.1, asset_class="etf", volatility=True)),
        ("fx:USD=-0.1", Shock(move=-0.1, absolute=True, currency="USD")),
    ],
)
def test_volatility_moves_in_percent_or_in_points(word: str, shock: Shock) -> None:
    assert parsed_shock(word) == shock


def test_a_shock_that_moved_nothing_is_told(api: Api) -> None:
    told = "shock 1, of every volatility, moved nothing: the book holds no options"
    api.answer = scenario_told(pnl=0.0, unmoved=(told,))
    result = run("scenario", "alpha", "--shock", "vol=+5pts")
    assert told in " ".join(result.output.split())


def test_a_day_that_is_none_is_named(api: Api) -> None:
    result = run("scenario", "alpha", "--day", "yesterday")
    assert "--day 'yesterday'" in str(result.exception)


def test_an_explained_change_shows_each_input_and_both_ends(api: Api) -> None:
    steps = (
        VarStep(step=ChangeStep.POSITIONS, changed=True, var=1_200.0, change=200.0),
        VarStep(step=ChangeStep.CORPORATE_ACTIONS, changed=False, var=1_200.0, change=0.0),
        VarStep(
            step=ChangeStep.WINDOW,
            changed=True,
            var=None,
            change=None,
            not_available="4 closes are too few",
        ),
        VarStep(step=ChangeStep.SETTINGS, changed=True, var=1_150.0, change=None),
    )
    api.answer = VarChange(
        portfolio="alpha",
        from_id="alpha-eod-2020-03-13",
        to_id="alpha-1-7",
        from_time_ns=1,
        to_time_ns=2,
        base_currency="USD",
        var_before=1_000.0,
        var_after=1_150.0,
        change=150.0,
        steps=steps,
    )
    result = run("explain-change", "alpha", "--from", "alpha-eod-2020-03-13")
    assert result.exit_code == 0, result.output
    assert api.asked[0][0] == "/v1/portfolios/alpha/var/change?from=alpha-eod-2020-03-13"
    shown = " ".join(result.output.split())
    for told in ("+200.00", "corporate actions", "unchanged", "too few", "+150.00", "alpha-1-7"):
        assert told in shown


def test_a_desk_is_shown_with_its_books_and_its_diversification(api: Api) -> None:
    book = BookRisk(
        portfolio="X", snapshot_id="X-1-1", var=70.0, expected_shortfall=90.0, component_var=40.0
    )
    api.answer = DeskVar(
        desk="rates",
        base_currency="USD",
        estimator="hs/ceil/simple",
        confidence="0.95",
        window=30,
        var=100.0,
        expected_shortfall=120.0,
        tail_rank=2,
        scenario_date=dt.date(2020, 3, 16),
        diversification=40.0,
        books=(book, msgspec.structs.replace(book, portfolio="Y", component_var=60.0)),
        stream=StreamState.RUNNING,
    )
    said = run("desk", "rates", "--currency", "USD").output
    assert api.asked[0][0] == "/v1/desks/rates/var?base_currency=USD"
    assert "desk rates, USD, 0.95 on 30 days" in said
    assert "-40.00" in said


def test_contributions_are_shown_with_what_is_not_meaningful(api: Api) -> None:
    row = Contribution(
        instrument="AAPL",
        asset_class=AssetClass.EQUITY,
        quantity=10.0,
        component_var=70.0,
        smoothed_share=None,
        es_share=0.5,
        marginal_var=7.0,
        incremental_var=65.0,
    )
    api.answer = Contributions(
        portfolio="long",
        snapshot_id="long-1-1",
        base_currency="USD",
        estimator="hs/ceil/simple",
        var=100.0,
        expected_shortfall=120.0,
        rows=(row,),
        durable=True,
        stream=StreamState.RUNNING,
    )
    said = run("contributions", "long").output
    assert "not meaningful" in said
    assert "50.0%" in said
    assert "65.00" in said
