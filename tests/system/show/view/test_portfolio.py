"""All that is drawn of one snapshot."""

from __future__ import annotations

import msgspec

from system.contracts.messages import RiskSnapshot
from system.show.view.portfolio import PortfolioView, pnl_now, portfolio_view
from tests.system.show.market import replace_struct


def test_total_pnl_is_realised_and_unrealised(long_short: RiskSnapshot) -> None:
    now = pnl_now(
        replace_struct(long_short, unrealised_pnl=-1_500.0, realised_pnl=400.0, daily_pnl=None)
    )
    assert now.total == "\u22121,100"
    assert now.total_sign == -1
    assert (now.unrealised, now.realised) == ("\u22121,500", "+400")
    assert (now.day, now.day_sign) == ("\u2013", 0)


def test_a_view_survives_its_json(long_short: RiskSnapshot) -> None:
    view = portfolio_view(long_short)
    assert msgspec.json.decode(msgspec.json.encode(view), type=PortfolioView) == view


def test_a_snapshot_without_any_number_is_still_drawn(long_short: RiskSnapshot) -> None:
    bare = replace_struct(
        long_short,
        var=None,
        expected_shortfall=None,
        var_fraction=None,
        diversification=None,
        scenario_date=None,
        asof=None,
        tail=(),
        positions=(),
        asset_classes=(),
        daily_pnl=None,
        inputs_hash="",
        not_available="no scenario yet",
    )
    view = portfolio_view(bare)
    assert view.tail == ()
    assert view.gauge.value is None
    assert view.notices[0].text == "no scenario yet"
