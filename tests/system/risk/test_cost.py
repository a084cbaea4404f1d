from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.risk.cost import CostBasis, cost_after_trade


@pytest.mark.parametrize(
    ("before", "quantity", "price", "after", "realised"),
    [
        (CostBasis(), 10.0, 100.0, CostBasis(10.0, 100.0), 0.0),
        (CostBasis(), -10.0, 100.0, CostBasis(-10.0, 100.0), 0.0),
        (CostBasis(10.0, 100.0), 30.0, 120.0, CostBasis(40.0, 115.0), 0.0),
        (CostBasis(-10.0, 100.0), -30.0, 120.0, CostBasis(-40.0, 115.0), 0.0),
        (CostBasis(10.0, 100.0), -4.0, 110.0, CostBasis(6.0, 100.0), 40.0),
        (CostBasis(-10.0, 100.0), 4.0, 110.0, CostBasis(-6.0, 100.0), -40.0),
        (CostBasis(10.0, 100.0), -10.0, 90.0, CostBasis(), -100.0),
        (CostBasis(10.0, 100.0), -25.0, 90.0, CostBasis(-15.0, 90.0), -100.0),
        (CostBasis(-10.0, 100.0), 25.0, 90.0, CostBasis(15.0, 90.0), 100.0),
        (CostBasis(10.0, 100.0), 0.0, 90.0, CostBasis(10.0, 100.0), 0.0),
        (CostBasis(), 0.0, 90.0, CostBasis(), 0.0),
        (CostBasis(1e-200, 5.0), -1e-200, 5.0, CostBasis(), 0.0),
        (CostBasis(1e-200, 5.0), -3e-200, 7.0, CostBasis(-2e-200, 7.0), 2e-200),
    ],
)
def test_a_trade_averages_what_it_adds_and_realises_what_it_closes(
    before: CostBasis, quantity: float, price: float, after: CostBasis, realised: float
) -> None:
    result = cost_after_trade(before, quantity=quantity, price=price)
    assert result.basis == after
    assert result.realised_pnl == realised


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 400)), max_size=12))
def test_realised_and_unrealised_pnl_add_up_to_what_the_cash_flows_say(
    trades: list[tuple[int, int]],
) -> None:
    basis, realised = CostBasis(), 0.0
    for quantity, price in trades:
        result = cost_after_trade(basis, quantity=float(quantity), price=float(price))
        basis, realised = result.basis, realised + result.realised_pnl
    last = 123.0
    unrealised = basis.quantity * (last - basis.average_cost)
    cash_flows = -sum(quantity * price for quantity, price in trades)
    held = sum(quantity for quantity, _ in trades)
    assert basis.quantity == held
    assert realised + unrealised == pytest.approx(cash_flows + held * last, abs=1e-7)
