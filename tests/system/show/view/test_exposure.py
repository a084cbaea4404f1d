"""Long, short and gross by asset class."""

from __future__ import annotations

import pytest

from system.contracts.messages import AssetClass, AssetClassRisk, RiskSnapshot
from system.show.view.exposure import exposure
from tests.system.show.market import replace_struct


def test_classes_stand_in_the_order_of_a_desk(long_short: RiskSnapshot) -> None:
    turned = replace_struct(long_short, asset_classes=long_short.asset_classes[::-1])
    assert [row.name for row in exposure(turned).rows] == ["Equities", "ETFs", "Futures"]


def test_the_total_is_the_sum_of_the_rows_and_var_is_the_portfolios(
    long_short: RiskSnapshot,
) -> None:
    drawn = exposure(long_short)
    assert drawn.total.long == pytest.approx(sum(row.long for row in drawn.rows))
    assert drawn.total.short == pytest.approx(sum(row.short for row in drawn.rows))
    assert drawn.total.net == pytest.approx(sum(row.net for row in drawn.rows))
    assert long_short.var is not None
    assert drawn.total.var_text == f"{long_short.var:,.0f}"


def test_a_short_is_drawn_by_its_size_and_written_with_a_minus(long_short: RiskSnapshot) -> None:
    future = exposure(long_short).rows[2]
    assert future.long == 0.0
    assert future.short > 0
    assert future.short_text.startswith("\u2212")
    assert future.net == -future.short


def test_cash_stands_apart_from_the_total(long_short: RiskSnapshot) -> None:
    paid = AssetClassRisk(
        asset_class=AssetClass.CASH,
        long=0.0,
        short=-6e6,
        gross=6e6,
        net=-6e6,
        var=0.0,
        expected_shortfall=0.0,
    )
    with_cash = exposure(
        replace_struct(long_short, asset_classes=(*long_short.asset_classes, paid))
    )
    without = exposure(long_short)
    assert (with_cash.rows, with_cash.total) == (without.rows, without.total)
    assert with_cash.cash is not None
    assert with_cash.cash.net_text == "\u22126,000,000"
    assert without.cash is None


def test_the_scale_is_the_widest_bar(long_short: RiskSnapshot) -> None:
    drawn = exposure(long_short)
    assert drawn.scale == max(max(row.long, row.short) for row in drawn.rows)


def test_a_portfolio_without_positions_has_no_rows(long_short: RiskSnapshot) -> None:
    drawn = exposure(replace_struct(long_short, asset_classes=()))
    assert drawn.rows == ()
    assert drawn.scale == 0.0
    assert drawn.total.gross_text == "0"
