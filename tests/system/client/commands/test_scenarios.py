"""``riskstream scenario``: shocks, days of history and reverse stress."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from system.client.commands.scenarios import parsed_shock
from system.client.errors import QuestionError
from system.contracts.api.questions import (
    ReverseStress,
    Scenario,
    ScenarioRequest,
    ScenarioRow,
    Shock,
)
from tests.message_strategies import VENDORS_NAMES
from tests.system.client.commands.played_api import ABOUT, Api, run


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


ROWS = tuple(
    ScenarioRow(instrument=f"EQ{n:03d}", asset_class="equity", value=100.0, pnl=n - 20.0)
    for n in range(18)
)


def scenario_told(**changes: Any) -> Scenario:
    told = {"pnl": -12_345.0, "pnl_fraction": -0.012345, "var_multiple": 1.9, "rows": ROWS}
    return Scenario(**ABOUT, **{**told, "day": None, "day_before": None, **changes})


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
