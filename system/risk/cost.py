"""Average cost: what a position cost, and what a trade in it realises."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CostBasis:
    """A signed quantity and its average cost per unit, in the currency of its price.

    Parameters
    ----------
    quantity : float
        Long positive; 0.0 = flat.
    average_cost : float
        Per unit of quantity and before the multiplier; 0.0 where flat.
    """

    quantity: float = 0.0
    average_cost: float = 0.0


@dataclass(frozen=True, slots=True)
class CostAfterTrade:
    """The cost basis after a trade, and what the trade realised before the multiplier."""

    basis: CostBasis
    realised_pnl: float


def cost_after_trade(basis: CostBasis, *, quantity: float, price: float) -> CostAfterTrade:
    """Return the average-cost basis after one trade, and its realised P&L.

    Parameters
    ----------
    basis : CostBasis
        Before the trade.
    quantity : float
        Traded, signed: bought positive.
    price : float
        Per unit, currency of the price.

    Returns
    -------
    CostAfterTrade
        ``realised_pnl``: gains positive, currency of the price, times the multiplier
        for money. What goes beyond closing opens a position at ``price``.

    Examples
    --------
    >>> cost_after_trade(CostBasis(10.0, 100.0), quantity=-15.0, price=110.0)
    CostAfterTrade(basis=CostBasis(quantity=-5.0, average_cost=110.0), realised_pnl=100.0)
    """
    after = basis.quantity + quantity
    if basis.quantity == 0.0 or quantity == 0.0 or _same_side(basis.quantity, quantity):
        return CostAfterTrade(_increased(basis, quantity, price, after), 0.0)
    closed = -quantity if abs(quantity) <= abs(basis.quantity) else basis.quantity
    realised = closed * (price - basis.average_cost)
    if after == 0.0:
        return CostAfterTrade(CostBasis(), realised)
    kept = _same_side(after, basis.quantity)
    return CostAfterTrade(CostBasis(after, basis.average_cost if kept else price), realised)


def _same_side(first: float, second: float) -> bool:
    """Return whether both are long or both short; a product of tiny ones would be zero."""
    return (first > 0.0) == (second > 0.0)


def _increased(basis: CostBasis, quantity: float, price: float, after: float) -> CostBasis:
    if quantity == 0.0:
        return basis
    if basis.quantity == 0.0:
        return CostBasis(quantity, price)
    paid = basis.quantity * basis.average_cost + quantity * price
    return CostBasis(after, paid / after)
