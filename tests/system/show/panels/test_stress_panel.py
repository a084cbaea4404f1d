"""Scenarios in words and cells."""

from __future__ import annotations

import datetime as dt
import re

import msgspec

from system.contracts.api.questions import ReverseStress, Scenario, ScenarioRow, Shock
from system.contracts.api.risk import StreamState
from system.show.panels.stress_panel import (
    EVERY_OPTION,
    ROWS_SHOWN,
    reverse_words,
    row_cells,
    scenario_words,
    volatility_shocks,
)

ROWS = tuple(
    ScenarioRow(instrument=f"S{n}", asset_class="equity", value=1_000.0, pnl=-100.0 + n)
    for n in range(12)
)
FOUND = Scenario(
    portfolio="P",
    snapshot_id="P-1-1",
    base_currency="USD",
    nav=1e5,
    pnl=-1_134.0,
    pnl_fraction=-0.01134,
    var_multiple=2.26,
    rows=ROWS,
    day=dt.date(2020, 3, 16),
    day_before=dt.date(2020, 3, 13),
    durable=True,
    stream=StreamState.RUNNING,
)
REVERSED = ReverseStress(
    portfolio="P",
    snapshot_id="P-1-1",
    base_currency="USD",
    nav=1e5,
    loss=5_000.0,
    move=-0.0523,
    pnl=-5_000.0,
    rows=ROWS,
    lowest=-0.99,
    highest=2.0,
    worst_move=-0.99,
    worst_pnl=-9e4,
    durable=True,
    stream=StreamState.RUNNING,
)


def plain(words: str) -> str:
    return re.sub(r"[\s,]+", " ", words).replace("\N{MINUS SIGN}", "-")


def test_a_scenario_says_loss_share_multiple_and_days() -> None:
    words = plain(scenario_words(FOUND))
    for told in ("-1 134 USD", "-1.13 % of NAV", "2.3 times VaR lost", "from 2020-03-13 to"):
        assert told in words
    bare = msgspec.structs.replace(FOUND, var_multiple=None, day=None)
    assert "times" not in scenario_words(bare)
    assert "Moves" not in scenario_words(bare)


def test_a_reverse_stress_says_the_move_or_that_none_is_enough() -> None:
    assert "-5.23 %** on all prices loses 5 000 USD" in plain(reverse_words(REVERSED))
    out_of_reach = msgspec.structs.replace(REVERSED, move=None)
    assert plain(reverse_words(out_of_reach)).startswith("No uniform move between -99")


def test_the_worst_positions_are_shown() -> None:
    cells = row_cells(ROWS)
    assert len(cells) == ROWS_SHOWN
    assert cells[0]["position"] == "S0"
    assert plain(cells[0]["P&L"]) == "-100"


def test_a_form_states_volatility_in_percent_of_it_or_in_points() -> None:
    assert volatility_shocks(EVERY_OPTION, 20.0, in_points=False) == (
        Shock(move=0.2, volatility=True),
    )
    assert volatility_shocks("AAPL", -5.0, in_points=True) == (
        Shock(move=-0.05, absolute=True, instrument="AAPL", volatility=True),
    )
    assert volatility_shocks("AAPL", 0.0, in_points=True) == ()
