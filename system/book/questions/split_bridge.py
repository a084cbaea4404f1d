"""Two snapshots on either side of splits and dividends: one's book in the shares of the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import msgspec

from system.book.state.market import Market
from system.book.state.positions import CASH_PREFIX, Positions
from system.book.state.rows import AdjustmentState
from system.contracts.messages import (
    AssetClass,
    OpeningPosition,
    Portfolio,
    PositionRisk,
    RiskSnapshot,
)
from system.risk.cost import CostBasis


@dataclass(frozen=True, eq=False)
class SplitBridge:
    """The adjustments that took effect between two snapshots, in either order of time.

    Parameters
    ----------
    taken : tuple of AdjustmentState
        In the order in which they took effect; empty where none did.
    is_forward : bool
        Whether the second snapshot is the one behind them.
    market : Market
        Knows the instruments.
    """

    taken: tuple[AdjustmentState, ...]
    is_forward: bool
    market: Market

    @classmethod
    def of(cls, first: RiskSnapshot, second: RiskSnapshot, market: Market) -> Self:
        """Return what lies between two snapshots."""
        low, high = sorted((first.adjustment_count, second.adjustment_count))
        taken = market.adjustments.taken[low:high]
        return cls(taken, second.adjustment_count == high, market)

    def restated(self, price: float, series: str) -> float:
        """Return a price of the first snapshot's moment in the shares of the second's."""
        divisor = self._divisor(series)
        return price / divisor if self.is_forward else price * divisor

    def stated_back(self, price: float, series: str) -> float:
        """Return a price of the second snapshot's moment in the shares of the first's."""
        divisor = self._divisor(series)
        return price * divisor if self.is_forward else price / divisor

    def _divisor(self, series: str) -> float:
        divisor = 1.0
        for state in self.taken:
            if series in (state.adjustment.instrument, *state.options):
                divisor *= state.divisor
        return divisor

    def before_them(self, first: RiskSnapshot, second: RiskSnapshot) -> tuple[PositionRisk, ...]:
        """Return what the second snapshot holds, as it would have stood in the first.

        What was not traded between the two is the first one's row, to the bit; prices are
        those of the snapshot that a row is taken from.
        """
        own = {row.instrument: row for row in first.positions}
        later = {row.instrument: row for row in second.positions}
        older, newer = (own, later) if self.is_forward else (later, own)
        moved = self._moved(older.values(), first.base_currency)
        found = []
        for name in sorted({*own, *later, *moved}):
            if self._held(name, newer) == self._held(name, moved):
                found += [own[name]] if name in own else []
            else:
                basis = self._traded(name, older, newer, moved)
                found += [] if basis.quantity == 0.0 else [self._row(name, basis, own, later)]
        return tuple(found)

    def _held(
        self, name: str, rows: Mapping[str, PositionRisk] | Mapping[str, CostBasis]
    ) -> tuple[float, float]:
        row = rows.get(name, CostBasis())
        return row.quantity, 0.0 if self.market.listing(name).is_money else row.average_cost

    def _moved(self, rows: Iterable[PositionRisk], base_currency: str) -> dict[str, CostBasis]:
        """Return what positions from before the adjustments become by them."""
        held = tuple(
            OpeningPosition(
                instrument=row.instrument, quantity=row.quantity, entry_price=row.average_cost
            )
            for row in rows
        )
        book = Portfolio(portfolio="between", base_currency=base_currency, positions=held)
        return Positions(book, self.taken, self.market.listing).basis

    def _traded(
        self,
        name: str,
        older: Mapping[str, PositionRisk],
        newer: Mapping[str, PositionRisk],
        moved: Mapping[str, CostBasis],
    ) -> CostBasis:
        """Return the second snapshot's holding of something traded, in shares of the first."""
        if not self.is_forward:
            return moved.get(name, CostBasis())
        row = newer.get(name)
        if row is None or name.startswith(CASH_PREFIX):
            received = moved.get(name, CostBasis()).quantity - _quantity(older.get(name))
            return CostBasis(_quantity(row) - (received if name.startswith(CASH_PREFIX) else 0.0))
        ratio = self._ratio(name)
        return CostBasis(row.quantity / ratio, row.average_cost * ratio)

    def _ratio(self, name: str) -> float:
        """Return new shares per old one: what 1.0 of a position becomes."""
        one = OpeningPosition(instrument=name, quantity=1.0, entry_price=1.0)
        book = Portfolio(portfolio="between", positions=(one,))
        return Positions(book, self.taken, self.market.listing).basis[name].quantity

    def _row(
        self,
        name: str,
        basis: CostBasis,
        own: Mapping[str, PositionRisk],
        later: Mapping[str, PositionRisk],
    ) -> PositionRisk:
        row = own.get(name) or self._earlier(name, later)
        cost = row.average_cost if name.startswith(CASH_PREFIX) else basis.average_cost
        return msgspec.structs.replace(row, quantity=basis.quantity, average_cost=cost)

    def _earlier(self, name: str, later: Mapping[str, PositionRisk]) -> PositionRisk:
        row = later.get(name)
        if row is None:
            return _nothing(name)
        option = row.option
        if option is not None:
            spot = self.stated_back(option.spot, option.underlying)
            option = msgspec.structs.replace(option, spot=spot)
        return msgspec.structs.replace(row, price=self.stated_back(row.price, name), option=option)


def _nothing(cash: str) -> PositionRisk:
    """Return the row of cash that a book holds nothing of."""
    return PositionRisk(
        instrument=cash,
        asset_class=AssetClass.CASH,
        currency=cash.removeprefix(CASH_PREFIX),
        quantity=0.0,
        price=1.0,
        average_cost=1.0,
        value=0.0,
        exposure=0.0,
        delta=0.0,
        unrealised_pnl=0.0,
        realised_pnl=0.0,
        component_var=None,
        component_es=None,
        smoothed_share=None,
    )


def _quantity(row: PositionRisk | None) -> float:
    return 0.0 if row is None else row.quantity
