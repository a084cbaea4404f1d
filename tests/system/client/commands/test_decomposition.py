"""``riskstream desk`` and ``riskstream contributions``."""

from __future__ import annotations

import datetime as dt

import msgspec

from system.contracts.api.decomposition import BookRisk, Contribution, Contributions, DeskVar
from system.contracts.api.risk import StreamState
from system.contracts.messages import AssetClass
from tests.system.client.commands.played_api import Api, run


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
