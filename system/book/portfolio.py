"""One portfolio: its positions, its marks, and the scenarios of its window."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from system.book.market import Market, Price
from system.book.positions import Positions
from system.book.rows import DayClose, HeldPosition, PortfolioState
from system.book.shape import Shape
from system.contracts.messages import Portfolio, Trade
from system.errors import InputError
from system.risk.confidence import Confidence
from system.risk.cost import CostBasis
from system.risk.currency import major_currency, rate_to_base
from system.risk.moves import suspect_moves
from system.risk.scenarios import ScenarioFactors, scenario_factors
from system.risk.valuation import Valuation, valuation
from system.risk.window import ScenarioWindow, fx_series, scenario_window

_MONEY_MARK: Final = Price(0.0, None)


@dataclass(frozen=True, slots=True, eq=False)
class Scenarios:
    """The scenarios of one set of positions: factors, or why there are none."""

    factors: ScenarioFactors | None
    carried: tuple[str, ...] = ()
    suspect: tuple[str, ...] = ()
    problem: str = ""
    digest: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """A portfolio marked to market, as far as prices are known.

    Parameters
    ----------
    shape : Shape
        The positions that have a price.
    valuation : Valuation
        Of these.
    prices : tuple of Price
        Marks of these, in canonical order.
    quotes : dict of str to float
        Units per 1 EUR that amounts were converted with.
    stale : tuple of str
        Instruments and FX series whose price is stale.
    missing : tuple of str
        Instruments that have no price or no rate yet: named, not valued.
    """

    shape: Shape
    valuation: Valuation
    prices: tuple[Price, ...]
    quotes: dict[str, float]
    stale: tuple[str, ...]
    missing: tuple[str, ...]


class PortfolioBook:
    """A portfolio's state, and what is derived from it and kept until it changes.

    Parameters
    ----------
    state : PortfolioState
        Definition and last close.
    trades : sequence of Trade
        Those that count, in the order in which they first came.
    market : Market
        Shared by all portfolios; read only.
    currencies : frozenset of str
        Whose rates count besides those of the positions: what was realised in them.
    """

    def __init__(
        self,
        state: PortfolioState,
        trades: Sequence[Trade],
        market: Market,
        *,
        currencies: frozenset[str] = frozenset(),
    ) -> None:
        self._market = market
        self._currencies = currencies
        self.redefine(state, trades)

    @property
    def definition(self) -> Portfolio:
        """Return the settings that are in force."""
        return self.state.definition

    # -- changes ------------------------------------------------------------------------

    def apply(self, *trades: Trade) -> None:
        """Book new trades, in this order."""
        for trade in trades:
            self.positions.apply(trade)
        self._reshape()

    def replay(self, trades: Iterable[Trade]) -> None:
        """Book all trades anew, after one was amended or cancelled."""
        self.positions = Positions(self.definition, trades, self._market.listing)
        self._reshape()

    def redefine(self, state: PortfolioState, trades: Iterable[Trade]) -> None:
        """Take over other settings or opening positions."""
        self.state = state
        self.confidence = Confidence.parse(state.definition.confidence)
        self.replay(trades)

    def _reshape(self) -> None:
        self.shape = self._shape_of(self.positions.basis)
        self._scenarios: dict[tuple[str, ...], Scenarios] = {}
        self._window_version = -1

    def _shape_of(self, basis: dict[str, CostBasis]) -> Shape:
        return Shape.of(
            basis,
            self._market.listing,
            base_currency=self.definition.base_currency,
            realised_currencies=self._currencies
            | {item.currency for item in self.positions.realised.values()},
        )

    # -- marks --------------------------------------------------------------------------

    def marked(self) -> Marked:
        """Return the portfolio at current prices."""
        return self._marked(self.shape)

    def marked_as(self, positions: Iterable[HeldPosition]) -> Marked:
        """Return other positions of this portfolio at current prices."""
        basis = {held.instrument: CostBasis(held.quantity, held.average_cost) for held in positions}
        return self._marked(self._shape_of(basis))

    def _marked(self, shape: Shape) -> Marked:
        quotes, stale_rates = self._quotes(shape)
        marks = [
            _MONEY_MARK if listing.is_money else self._market.price(listing.instrument_id)
            for listing in shape.listings
        ]
        missing = self._missing(shape, marks, quotes)
        if missing:
            shape, marks = self._without(shape, marks, missing)
        prices = tuple(mark for mark in marks if mark is not None)
        worth = valuation(
            shape.holdings,
            prices=np.array([price.value for price in prices], dtype=np.float64),
            quotes=quotes,
            base_currency=self.definition.base_currency,
        )
        stale = tuple(
            name
            for name, price in zip(shape.holdings.instrument_ids, prices, strict=True)
            if price.stale_since_ns is not None
        )
        return Marked(shape, worth, prices, quotes, (*stale, *stale_rates), missing)

    def _quotes(self, shape: Shape) -> tuple[dict[str, float], tuple[str, ...]]:
        rates = {currency: self._market.rate(currency) for currency in sorted(shape.currencies)}
        quotes = {currency: rate.value for currency, rate in rates.items() if rate is not None}
        stale = tuple(
            fx_series(currency)
            for currency, rate in rates.items()
            if rate is not None and rate.stale_since_ns is not None
        )
        return quotes, stale

    def _missing(
        self, shape: Shape, marks: Sequence[Price | None], quotes: dict[str, float]
    ) -> tuple[str, ...]:
        base = self.definition.base_currency
        unrated = shape.currencies - quotes.keys()
        unmarked = {
            listing.instrument_id
            for listing, mark in zip(shape.listings, marks, strict=True)
            if mark is None or _unconvertible(major_currency(listing.currency), base, unrated)
        }
        unrealisable = {
            name
            for name, item in self.positions.realised.items()
            if _unconvertible(item.currency, base, unrated)
        }
        return tuple(sorted(unmarked | unrealisable))

    def _without(
        self, shape: Shape, marks: Sequence[Price | None], missing: tuple[str, ...]
    ) -> tuple[Shape, list[Price | None]]:
        kept = [
            (item.instrument_id, CostBasis(quantity, cost), mark)
            for item, quantity, cost, mark in zip(
                shape.listings,
                shape.holdings.quantity.tolist(),
                shape.holdings.average_cost.tolist(),
                marks,
                strict=True,
            )
            if item.instrument_id not in missing
        ]
        return self._shape_of({name: held for name, held, _ in kept}), [mark for *_, mark in kept]

    def realised_pnl(self, quotes: dict[str, float]) -> dict[str, float]:
        """Return realised P&L by instrument, base currency at current rates, gains positive.

        An instrument whose currency has no rate yet is left out; ``Marked.missing`` names it.
        """
        base = self.definition.base_currency
        unrated = self.shape.currencies - quotes.keys()
        return {
            name: item.amount * rate_to_base(item.currency, base, quotes)
            for name, item in sorted(self.positions.realised.items())
            if not _unconvertible(item.currency, base, unrated)
        }

    def held(self) -> tuple[HeldPosition, ...]:
        """Return the present positions as they are kept at a close."""
        return tuple(
            HeldPosition(instrument=name, quantity=basis.quantity, average_cost=basis.average_cost)
            for name, basis in sorted(self.positions.basis.items())
        )

    def hypothetical_pnl(self, close: DayClose) -> float | None:
        """Return the P&L since a close of the positions held then.

        None if one of them has no price, or had none at the close.
        """
        marked = self.marked_as(close.positions)
        if marked.missing or close.nav is None:
            return None
        return marked.valuation.nav - close.nav

    # -- scenarios ----------------------------------------------------------------------

    def scenarios(self, shape: Shape) -> Scenarios:
        """Return the scenarios of a shape of this portfolio; kept until the window rolls."""
        if self._window_version != self._market.window_version:
            self._scenarios.clear()
            self._window_version = self._market.window_version
        key = shape.holdings.instrument_ids
        if key not in self._scenarios:
            self._scenarios[key] = self._build_scenarios(shape)
        return self._scenarios[key]

    def _build_scenarios(self, shape: Shape) -> Scenarios:
        table = self._market.table
        asof = self._market.asof
        if asof is None:
            return Scenarios(None, problem="no closes are known yet")
        try:
            window = scenario_window(
                table.select(shape.series),
                as_of=asof,
                scenario_count=self.definition.window,
            )
            factors = scenario_factors(
                window, shape.listings, base_currency=self.definition.base_currency
            )
            suspects = suspect_moves(window, shape.listings)
        except InputError as error:
            return Scenarios(None, problem=str(error))
        return Scenarios(
            factors,
            carried=tuple(f"{item.name} {item.date}" for item in window.carried),
            suspect=tuple(f"{item.instrument_id} {item.date}" for item in suspects),
            digest=_window_digest(window),
        )

    @property
    def asof(self) -> dt.date | None:
        """Return the day of the last close that the scenarios can use."""
        return self._market.asof


def _unconvertible(currency: str, base: str, unrated: frozenset[str]) -> bool:
    return currency != base and bool({currency, base} & unrated)


def _window_digest(window: ScenarioWindow) -> bytes:
    digest = hashlib.sha256()
    digest.update("\n".join((*window.names, *map(str, window.dates))).encode())
    digest.update(np.ascontiguousarray(window.closes).astype("<f8").tobytes())
    return digest.digest()
