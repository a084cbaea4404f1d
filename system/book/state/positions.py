"""Positions of a portfolio: as they were stated, then its trades in the order they came.

A trade settles in cash of the traded instrument's currency; money (fx) settles in the
base currency at the trade's price; a future settles what it realises. So a trade leaves
NAV as it was, up to the spread between its price and the mark. The cost of cash is not
tracked, since trades in everything else settle there: it shows and realises no P&L.

A split multiplies quantities and divides costs, of its instrument and of options on it. A
dividend settles in cash, and is realised P&L: a short position pays it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from system.book.state.rows import AdjustmentState
from system.contracts.currencies import checked_currency, unit_of
from system.contracts.messages import (
    AssetClass,
    Dividend,
    OpeningPosition,
    Portfolio,
    Split,
    Trade,
)
from system.contracts.text.checked import TextError
from system.risk.cost import CostBasis, cost_after_trade
from system.risk.currency import major_currency
from system.risk.listing import Listing

CASH_PREFIX: Final = "cash:"
MAX_TRADES_PER_PORTFOLIO: Final = 100_000
"""Open ones, cancelled ones included."""
MAX_CLOSED_TRADES_PER_PORTFOLIO: Final = 10_000_000
"""Closed trades whose ids stay known."""

ListingOf = Callable[[str], Listing]


def cash_listing(currency: str) -> Listing:
    """Return the instrument that amounts of a currency are held in, ``cash:USD``."""
    return Listing(f"{CASH_PREFIX}{currency}", AssetClass.CASH, currency)


def cash_currency(instrument: str) -> str | None:
    """Return the currency of an implicit cash instrument, None where it is none."""
    if not instrument.startswith(CASH_PREFIX):
        return None
    try:
        return checked_currency(instrument.removeprefix(CASH_PREFIX))
    except TextError:
        return None


class Realised(NamedTuple):
    """Realised P&L of one instrument in an ISO currency, gains positive."""

    currency: str
    amount: float


class Effect(NamedTuple):
    """Which balances an entry moves: those that do not contain it already."""

    position: bool = True
    cash: bool = True
    realised: bool = True


ALL: Final = Effect()


class Positions:
    """The positions of one portfolio.

    Parameters
    ----------
    definition : Portfolio
        Stated positions and base currency.
    trades : iterable of Trade or AdjustmentState
        Those that come on top and count, in the order in which they first came, and what took
        effect between them.
    listing_of : callable
        Instrument id to Listing; must know every instrument that occurs.
    """

    def __init__(
        self,
        definition: Portfolio,
        trades: Iterable[Trade | AdjustmentState],
        listing_of: ListingOf,
    ) -> None:
        self._base_currency = definition.base_currency
        self._listing_of = listing_of
        self.basis: dict[str, CostBasis] = _held(definition.positions)
        self.realised: dict[str, Realised] = {}
        """Realised P&L by instrument."""
        for entry in trades:
            if isinstance(entry, Trade):
                self.apply(entry)
            else:
                self.adjust(entry)

    def holds(self, state: AdjustmentState) -> bool:
        """Return whether an adjustment moves anything that is held."""
        moved = (state.adjustment.instrument, *state.options)
        return any(name in self.basis for name in moved)

    def restate(self, stated: Iterable[OpeningPosition]) -> None:
        """Hold what is stated; cash stays as it is where none is stated."""
        stated = tuple(stated)
        cash = {} if self.states_cash(stated) else self._cash_basis()
        self.basis = {**cash, **_held(stated)}

    def states_cash(self, stated: Iterable[OpeningPosition]) -> bool:
        """Return whether a statement names cash, and so states all of it."""
        return any(self._is_cash(position.instrument) for position in stated)

    def cash(self) -> dict[str, float]:
        """Return the amounts of cash by instrument, sorted."""
        return {name: basis.quantity for name, basis in sorted(self._cash_basis().items())}

    def put_cash(self, amounts: Mapping[str, float]) -> None:
        """Hold these amounts of cash and no others."""
        others = {name: basis for name, basis in self.basis.items() if not self._is_cash(name)}
        self.basis = others | {name: CostBasis(amount, 0.0) for name, amount in amounts.items()}

    def _cash_basis(self) -> dict[str, CostBasis]:
        return {name: basis for name, basis in self.basis.items() if self._is_cash(name)}

    def _is_cash(self, instrument: str) -> bool:
        return self._listing_of(instrument).asset_class is AssetClass.CASH

    def adjust(self, state: AdjustmentState, effect: Effect = ALL) -> None:
        """Let a split or dividend take effect."""
        match state.adjustment:
            case Split(instrument=name, ratio=ratio) if effect.position:
                for moved in (name, *state.options):
                    if moved in self.basis:
                        held = self.basis[moved]
                        split = CostBasis(held.quantity * ratio, held.average_cost / ratio)
                        self._hold(moved, split)
            case Dividend(instrument=name, amount=amount):
                self._receive(name, amount, effect)

    def _receive(self, instrument: str, amount: float, effect: Effect) -> None:
        listing = self._listing_of(instrument)
        quantity = self.basis.get(instrument, CostBasis()).quantity
        received = quantity * amount * listing.multiplier
        if effect.realised:
            self._realise(instrument, listing.currency, received)
        if effect.cash:
            self._settle(listing.currency, received)

    def apply(self, trade: Trade, effect: Effect = ALL) -> None:
        """Book one trade: quantity, average cost, realised P&L and cash."""
        listing = self._listing_of(trade.instrument)
        if listing.asset_class is AssetClass.CASH:
            if effect.cash:
                self._move_cash(trade.instrument, trade.quantity)
                self._settle(self._base_currency, -trade.quantity * trade.price)
            return
        currency = self._base_currency if listing.is_money else listing.currency
        realised = self._trade(trade) * listing.multiplier if effect.position else 0.0
        if effect.realised:
            self._realise(trade.instrument, currency, realised)
        if effect.cash:
            paid = trade.quantity * trade.price * listing.multiplier
            self._settle(currency, realised if listing.is_future else -paid)

    def _trade(self, trade: Trade) -> float:
        """Move the position of a trade and return what 1 of multiplier realises."""
        before = self.basis.get(trade.instrument, CostBasis())
        after = cost_after_trade(before, quantity=trade.quantity, price=trade.price)
        self._hold(trade.instrument, after.basis)
        return after.realised_pnl

    def _hold(self, instrument: str, basis: CostBasis) -> None:
        if basis.quantity == 0.0:
            self.basis.pop(instrument, None)
        else:
            self.basis[instrument] = basis

    def _settle(self, currency: str, amount: float) -> None:
        if amount != 0.0:
            cash = f"{CASH_PREFIX}{major_currency(currency)}"
            self._move_cash(cash, _in_major(amount, currency))

    def _move_cash(self, instrument: str, amount: float) -> None:
        held = self.basis.get(instrument, CostBasis()).quantity + amount
        self._hold(instrument, CostBasis(held, 0.0))

    def _realise(self, instrument: str, currency: str, amount: float) -> None:
        if amount == 0.0:
            return
        before = self.realised.get(instrument)
        total = _in_major(amount, currency) + (before.amount if before else 0.0)
        self.realised[instrument] = Realised(major_currency(currency), total)


def _held(stated: Iterable[OpeningPosition]) -> dict[str, CostBasis]:
    return {
        position.instrument: CostBasis(position.quantity, position.entry_price)
        for position in stated
        if position.quantity != 0.0
    }


def _in_major(amount: float, currency: str) -> float:
    return amount / unit_of(currency).parts
