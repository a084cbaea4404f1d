"""Scenarios and reverse stress, over the state of a real fold."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from system.contracts.api.questions import ReverseStress, Scenario
from tests.system.book.feed import live
from tests.system.serve.streamed import Streamed


def scenario(streamed: Streamed, **plain: Any) -> Any:
    body = msgspec.json.encode(plain)
    return streamed.world.client.post("/v1/portfolios/P/scenarios", content=body)


def test_a_scenario_revalues_the_newest_snapshot(streamed: Streamed) -> None:
    response = scenario(streamed, shocks=[{"move": -0.1}])
    answer = msgspec.json.decode(response.content, type=Scenario)
    rows = {row.instrument: row.pnl for row in answer.rows}
    assert rows == pytest.approx({"A": -101.0, "D": 0.1 * 50 * 3010, "cash:USD": 0.0})
    assert [row.instrument for row in answer.rows] == ["A", "cash:USD", "D"]
    assert answer.pnl == pytest.approx(sum(rows.values()))
    assert answer.pnl_fraction == pytest.approx(answer.pnl / answer.nav)


def test_a_shock_of_volatility_says_plainly_that_a_book_without_options_did_not_move(
    streamed: Streamed,
) -> None:
    response = scenario(streamed, shocks=[{"move": 0.2, "volatility": True}])
    answer = msgspec.json.decode(response.content, type=Scenario)
    assert answer.pnl == 0.0
    assert answer.unmoved == (
        "shock 1, of every volatility, moved nothing: the book holds no options",
    )


def test_a_day_of_the_window_loses_what_the_tail_says(streamed: Streamed) -> None:
    snapshot = live(streamed.feed.book.revalue(fence=1, epoch=1))
    worst = snapshot.tail[0]
    answer = msgspec.json.decode(scenario(streamed, day=worst.date).content, type=Scenario)
    assert answer.pnl == pytest.approx(worst.pnl, rel=1e-9)
    assert answer.var_multiple == pytest.approx(-worst.pnl / snapshot.var)
    assert answer.day == worst.date


@pytest.mark.parametrize(
    ("plain", "named"),
    [
        ({"shocks": [{"move": -1}]}, "would become 0"),
        ({"day": "1999-01-04"}, "no moves of the whole book on 1999-01-04"),
        ({}, "either shocks, or a day"),
        ({"shocks": [{"move": 1, "instrument": "A", "currency": "USD"}]}, "not A and USD"),
        ({"shocks": [{"move": 1, "instrument": "nothing"}]}, "no reference data"),
        ({"shocks": [{"move": 1, "currency": "USD", "volatility": True}]}, "of currency USD"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused_with_the_reason(
    streamed: Streamed, plain: Any, named: str
) -> None:
    response = scenario(streamed, **plain)
    assert (response.status_code, named in response.json()["detail"]) == (422, True)


def test_a_reverse_stress_finds_the_move_that_loses_as_much(streamed: Streamed) -> None:
    response = streamed.world.client.get("/v1/portfolios/P/reverse-stress?loss=1000")
    answer = msgspec.json.decode(response.content, type=ReverseStress)
    assert answer.move == pytest.approx(1_000.0 / (50 * 3010 - 1010))
    assert answer.pnl == pytest.approx(-1_000.0)
    response = streamed.world.client.get("/v1/portfolios/P/reverse-stress?loss=-1")
    assert response.status_code == 422
