"""The worst window of a book that the API states, in the history of the wheels."""

from __future__ import annotations

import datetime as dt
import itertools

import msgspec
import pytest
from typer.testing import CliRunner

from system import cli
from system.contracts.api.risk import Positions, StreamState, current_risk
from system.contracts.messages import AssetClass, PositionRisk
from system.settings import load_settings
from system.simulate import worst_window
from system.simulate.datasets import load_market
from system.simulate.errors import UnknownSeriesError
from system.simulate.market import Market
from system.simulate.worst_window import worst_window_of
from system.store.sample_snapshots import sample_snapshot


@pytest.fixture(scope="module")
def whole() -> Market:
    return load_market(load_settings().wheels_dir)


def position(name: str, quantity: float, price: float, **changes: object) -> PositionRisk:
    plain = {
        **msgspec.to_builtins(sample_snapshot().positions[0]),
        "instrument": name,
        "asset_class": "equity",
        "currency": "USD",
        "quantity": quantity,
        "price": price,
        **changes,
    }
    return msgspec.convert(plain, PositionRisk)


def asked(*rows: PositionRisk, window: int = 30):
    snapshot = sample_snapshot(
        positions=rows, base_currency="USD", window=window, confidence="0.95"
    )
    held = Positions(
        portfolio="P",
        snapshot_id=snapshot.snapshot_id,
        event_time_ns=1,
        base_currency="USD",
        nav=1.0,
        value=1.0,
        unrealised_pnl=0.0,
        realised_pnl=0.0,
        positions=rows,
        durable=True,
        stream=StreamState.RUNNING,
    )
    return current_risk(snapshot), held


def test_a_share_is_searched_from_1990_on_and_a_fund_from_its_beginning(whole: Market) -> None:
    share = worst_window_of(*asked(position("GE", 10.0, 80.0)), whole)
    assert (share.first, share.last) == (dt.date(1990, 1, 3), dt.date(2022, 12, 28))
    assert share.worst.window_count == 8_313 - 30
    fund = worst_window_of(*asked(position("MTUM", 10.0, 80.0, asset_class="etf")), whole)
    assert fund.first.year == 2014
    assert fund.worst.first.year == 2020


def test_the_worst_window_is_that_of_a_search_by_hand(whole: Market) -> None:
    worst = worst_window_of(*asked(position("GE", 10.0, 80.0)), whole)
    closes = list(whole.series["GE"].closes.values())
    pnl = [800.0 * (after / before - 1.0) for before, after in itertools.pairwise(closes)]
    by_hand = [-sorted(pnl[start : start + 30])[1] for start in range(len(pnl) - 29)]
    assert worst.worst.var == pytest.approx(max(by_hand), rel=1e-12)


def test_what_has_no_long_history_is_named(whole: Market) -> None:
    with pytest.raises(UnknownSeriesError, match="MINE has no long history"):
        worst_window_of(*asked(position("MINE", 1.0, 5.0)), whole)


def test_the_command_says_window_var_and_history(
    whole: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    risk, held = asked(position("GE", 10.0, 80.0))

    class Client:
        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None: ...

        def current_var(self, _: str):
            return risk

        def positions(self, _: str):
            return held

    monkeypatch.setattr(worst_window, "connected_client", Client)
    said = CliRunner().invoke(cli.app, ["worst-window", "P"]).output
    assert "0.95, 30 days" in said
    assert "the worst of 8,283 windows, 1990-01-03 to 2022-12-28" in said
    assert held.positions[0].asset_class == AssetClass.EQUITY
