"""One portfolio: its positions, its marks, and the scenarios of its window."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from system.book.state.adjustments import Entry, told
from system.book.state.market import Market, utc_date
from system.book.state.positions import Positions
from system.book.state.rows import (
    AdjustmentState,
    DayClose,
    HeldOption,
    HeldPosition,
    PortfolioState,
)
from system.book.state.statements import holdings
from system.book.state.stressed import StressedBook, stressed_books
from system.book.valuation.derived import PositionArrays
from system.book.valuation.gaps import NO_GAPS, WindowGaps, window_gaps
from system.book.valuation.options import FoundOption, HeldOptions, found_option, is_beyond_model
from system.book.valuation.prices import MarketPrices, Marks
from system.contracts.messages import Portfolio, Trade
from system.errors import InputError
from system.risk.confidence import Confidence
from system.risk.cost import CostBasis
from system.risk.currency import major_currency, rate_to_base
from system.risk.listing import Listing
from system.risk.options.moves import OptionMoves, option_moves
from system.risk.scenarios.carry import CarryBound
from system.risk.scenarios.covering import CoveredBook, covered_book
from system.risk.scenarios.factors import ScenarioFactors, scenario_factors
from system.risk.scenarios.proxies import SteadyListings, proxies_of
from system.risk.scenarios.suspect_returns import suspect_moves
from system.risk.scenarios.window import (
    NO_CLOSES,
    ScenarioWindow,
    fx_series,
    scenario_window,
    window_without_series,
)
from system.risk.valuation import Valuation, valuation

REALISED_BOUND: Final = 1e120
"""Realised amounts stay below it in their own currency: times any FX rate they are finite."""


@dataclass(frozen=True, slots=True, eq=False)
class Scenarios:
    """The scenarios of one set of positions: factors, or why there are none.

    The price rows of options are empty there; ``moves`` is what they are revalued with, and
    ``steady`` names those whose volatility has no history and is held. ``gaps`` are the closes
    that the window lacks; whether these are too many depends on prices, too.
    """

    factors: ScenarioFactors | None
    moves: OptionMoves | None = None
    steady: frozenset[str] = frozenset()
    proxied: tuple[str, ...] = ()
    gaps: WindowGaps = NO_GAPS
    suspect: tuple[str, ...] = ()
    adjusted: tuple[str, ...] = ()
    problem: str = ""
    digest: bytes = b""

    def moves_volatility(self, option: Listing) -> bool:
        """Return whether scenarios move the volatility of an option."""
        series = "" if option.option is None else option.option.volatility_series
        return bool(series) and self.moves is not None and option.instrument_id not in self.steady


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """A portfolio marked to market, as far as prices are known.

    Parameters
    ----------
    shape : PositionArrays
        The positions that have a price.
    valuation : Valuation
        Of these.
    stale_since : tuple of (int or None), or None
        Event time since when the price of each is stale; None where all are fresh.
    quotes : dict of str to float
        Units per 1 EUR that amounts were converted with.
    stale : tuple of str
        Instruments and FX series whose price is stale.
    missing : tuple of str
        Instruments that have no price or no rate yet, or are worth no finite amount: named,
        not valued.
    may_be_suspect : bool
        Whether a price or rate is a suspect tick; True as well where options are held, whose
        underlyings are not looked at.
    options : HeldOptions or None
        Its options; None without any.
    unbounded : tuple of str
        Those of them that have all that they need, and are worth no finite amount.
    """

    shape: PositionArrays
    valuation: Valuation
    stale_since: tuple[int | None, ...] | None
    quotes: dict[str, float]
    stale: tuple[str, ...]
    missing: tuple[str, ...]
    may_be_suspect: bool
    options: HeldOptions | None = None
    unbounded: tuple[str, ...] = ()

    @property
    def problem(self) -> str:
        """Return why not all of the portfolio is valued, empty where it is."""
        unpriced = [name for name in self.missing if name not in self.unbounded]
        reasons = (
            ("no price or rate yet for", unpriced, ""),
            ("no finite value of", self.unbounded, ": correct its terms, price or quantity"),
        )
        return "; ".join(f"{why} {', '.join(names)}{end}" for why, names, end in reasons if names)


class PortfolioBook:
    """A portfolio's state, and what is derived from it and kept until it changes.

    Parameters
    ----------
    state : PortfolioState
        Definition and last close.
    entries : sequence of Entry
        Trades that count, in the order in which they first came, and what took effect between.
    market : Market
        Shared by all portfolios; read only.
    currencies : frozenset of str
        Whose rates count besides those of the positions: what was realised in them.
    """

    def __init__(
        self,
        state: PortfolioState,
        entries: Sequence[Entry],
        market: Market,
        *,
        currencies: frozenset[str] = frozenset(),
    ) -> None:
        self._market = market
        self._currencies = currencies
        self.redefine(state, entries)

    @property
    def definition(self) -> Portfolio:
        """Return the settings that are in force."""
        return self.state.definition

    # -- changes ------------------------------------------------------------------------

    def apply(self, *trades: Trade) -> None:
        """Book new trades that come on top of every statement, in this order."""
        for trade in trades:
            for positions in self._books():
                positions.apply(trade)
        self._reshape()

    def holds(self, effect: AdjustmentState) -> bool:
        """Return whether an adjustment moves anything that is held."""
        return any(positions.holds(effect) for positions in self._books())

    def adjust(self, effect: AdjustmentState) -> None:
        """Let a split or dividend take effect that has done so in the market."""
        for positions in self._books():
            positions.adjust(effect)
        self._reshape()

    def redefine(self, state: PortfolioState, entries: Sequence[Entry]) -> None:
        """Take over another state, and book all entries anew."""
        self.state = state
        self.confidence = Confidence.parse(state.definition.confidence)
        self.carry_bound = CarryBound(
            state.definition.carry_max_sessions, state.definition.carry_max_share
        )
        """Setting: sessions, and part of the book, up to which closes are carried."""
        self.positions, self.unrestated = holdings(state, entries, self._market.listing)
        self._reshape()

    def _books(self) -> tuple[Positions, ...]:
        return (self.positions,) if self.unrestated is None else (self.positions, self.unrestated)

    def _reshape(self) -> None:
        self._unbounded_realised = frozenset(
            name
            for name, item in self.positions.realised.items()
            if not abs(item.amount) < REALISED_BOUND
        )
        self.shape = self._shape_of(self.positions.basis)
        self._scenarios: dict[tuple[str, ...], Scenarios] = {}
        self._newest_scenarios: tuple[PositionArrays, Scenarios] | None = None
        self._window_version = -1
        self._stressed: dict[Hashable, tuple[StressedBook, ...]] = {}
        self._newest_stressed: tuple[PositionArrays, Hashable, tuple[StressedBook, ...]] | None
        self._newest_stressed = None

    def _shape_of(self, basis: dict[str, CostBasis]) -> PositionArrays:
        return PositionArrays.of(
            basis,
            self._market,
            base_currency=self.definition.base_currency,
            realised_currencies=self._currencies
            | {item.currency for item in self.positions.realised.values()},
        )

    # -- marks --------------------------------------------------------------------------

    def marked(self, prices: MarketPrices | None = None) -> Marked:
        """Return the portfolio at current prices.

        Parameters
        ----------
        prices : MarketPrices, optional
            Of the book's market at this moment, shared with other books; None: its own.
        """
        return self._marked(self.shape, prices or self.prices())

    def marked_as(
        self, positions: Iterable[HeldPosition], prices: MarketPrices | None = None
    ) -> Marked:
        """Return other positions of this portfolio at current prices."""
        return self._marked(self._shape_of(_basis_of(positions)), prices or self.prices())

    def prices(self) -> MarketPrices:
        """Return the prices and rates of this moment, to be looked up."""
        return MarketPrices(self._market)

    def _marked(self, shape: PositionArrays, prices: MarketPrices) -> Marked:
        marked = self._marked_without(shape, prices, frozenset())
        worthless = self._unbounded(marked)
        if worthless:
            marked = self._marked_without(shape, prices, worthless)
        return marked

    def _unbounded(self, marked: Marked) -> frozenset[str]:
        """Return what is worth no finite amount, so that no number can be made of it."""
        names = {*marked.valuation.unbounded}
        if marked.options is not None:
            names |= marked.options.unbounded(marked.valuation, marked.shape.holdings.units)
        return frozenset(names) | self._unbounded_realised

    def _marked_without(
        self, shape: PositionArrays, prices: MarketPrices, worthless: frozenset[str]
    ) -> Marked:
        quotes, stale_rates = _quotes(shape, prices)
        marks = prices.marks(shape.price_rows)
        found = self._found_options(shape) if shape.has_options else {}
        if shape.has_options:
            marks = _with_options(shape, marks, found)
            worthless |= frozenset(
                listing.instrument_id
                for listing in shape.listings
                if is_beyond_model(self._market, listing)
            )
        missing: tuple[str, ...] = ()
        if worthless or marks.is_missing is not None or len(quotes) < len(shape.currencies):
            missing = tuple(sorted({*self._missing(shape, marks, quotes), *worthless}))
            if missing:
                shape, marks = self._without(shape, marks, missing)
        options = HeldOptions.of(shape.listings, found) if found else None
        worth = valuation(
            shape.holdings,
            prices=marks.price if options is None else options.priced(marks.price),
            quotes=quotes,
            base_currency=self.definition.base_currency,
        )
        if options is not None:
            worth = options.exposed(worth)
        return Marked(
            shape,
            worth,
            marks.stale_since,
            quotes,
            (*marks.stale(shape.holdings.instrument_ids), *stale_rates),
            missing,
            marks.may_be_suspect or prices.has_suspect_rate(shape.currencies),
            options,
            tuple(sorted(worthless)),
        )

    def _found_options(self, shape: PositionArrays) -> dict[str, FoundOption]:
        found = {
            listing.instrument_id: found_option(self._market, listing)
            for listing in shape.listings
            if listing.option is not None
        }
        return {name: option for name, option in found.items() if option is not None}

    def _missing(
        self, shape: PositionArrays, marks: Marks, quotes: dict[str, float]
    ) -> frozenset[str]:
        unrated = shape.currencies - quotes.keys()
        unpriced = () if marks.is_missing is None else np.flatnonzero(marks.is_missing).tolist()
        names = {shape.listings[place].instrument_id for place in unpriced}
        if unrated:
            base = self.definition.base_currency
            names |= {
                listing.instrument_id
                for listing in shape.listings
                if _unconvertible(major_currency(listing.currency), base, unrated)
            }
            names |= {
                name
                for name, item in self.positions.realised.items()
                if _unconvertible(item.currency, base, unrated)
            }
        return frozenset(names)

    def _without(
        self, shape: PositionArrays, marks: Marks, missing: tuple[str, ...]
    ) -> tuple[PositionArrays, Marks]:
        ids, holdings = shape.holdings.instrument_ids, shape.holdings
        places = [place for place, name in enumerate(ids) if name not in missing]
        quantity, cost = holdings.quantity.tolist(), holdings.average_cost.tolist()
        basis = {ids[place]: CostBasis(quantity[place], cost[place]) for place in places}
        return self._shape_of(basis), marks.at(places)

    def realised_pnl(self, quotes: dict[str, float]) -> dict[str, float]:
        """Return realised P&L by instrument, base currency at current rates, gains positive.

        An instrument whose currency has no rate yet, or whose amount is no finite one, is left
        out; ``Marked.missing`` names it.
        """
        if not self.positions.realised:
            return {}
        base = self.definition.base_currency
        unrated = self.shape.currencies - quotes.keys()
        return {
            name: item.amount * rate_to_base(item.currency, base, quotes)
            for name, item in sorted(self.positions.realised.items())
            if name not in self._unbounded_realised
            and not _unconvertible(item.currency, base, unrated)
        }

    def held(self, prices: MarketPrices | None = None) -> tuple[HeldPosition, ...]:
        """Return the present positions as they are kept at a close."""
        options: dict[str, HeldOption] = {}
        if self.shape.has_options:  # of nothing else a price is kept
            marked = self.marked(prices)
            options = marked.options.at_close(marked.valuation) if marked.options else {}
        return tuple(
            HeldPosition(
                instrument=name,
                quantity=basis.quantity,
                average_cost=basis.average_cost,
                option=options.get(name),
            )
            for name, basis in sorted(self.positions.basis.items())
            if math.isfinite(basis.quantity) and math.isfinite(basis.average_cost)
        )

    def comparable_nav(self, marked: Marked, nav: float, prices: MarketPrices) -> float | None:
        """Return the NAV without what a statement of this session has changed: that is no P&L.

        Parameters
        ----------
        marked : Marked
            The portfolio at current prices.
        nav : float
            Of ``marked``, base currency.
        prices : MarketPrices
            Those prices.

        Returns
        -------
        float or None
            Base currency; None if something that is held, or was before, has no price.
        """
        if marked.missing:
            return None
        if self.unrestated is None:
            return nav
        marked = self._marked(self._shape_of(self.unrestated.basis), prices)
        return None if marked.missing else marked.valuation.nav

    def hypothetical_pnl(
        self, close: DayClose, marked: Marked, prices: MarketPrices
    ) -> float | None:
        """Return the P&L since a close of the positions held then.

        Parameters
        ----------
        close : DayClose
            The close before.
        marked : Marked
            The present positions at current prices.
        prices : MarketPrices
            Those prices.

        Returns
        -------
        float or None
            Base currency, gains positive; None if one of them has no price, or had none at the
            close.
        """
        if close.nav is None:
            return None
        basis = _basis_of(close.positions)
        if basis != self.positions.basis:
            marked = self._marked(self._shape_of(basis), prices)
        return None if marked.missing else marked.valuation.nav - close.nav

    # -- scenarios ----------------------------------------------------------------------

    def scenarios(self, shape: PositionArrays) -> Scenarios:
        """Return the scenarios of a shape of this portfolio; kept until the window rolls."""
        if self._window_version != self._market.window_version:
            self._scenarios.clear()
            self._newest_scenarios = None
            self._window_version = self._market.window_version
        newest = self._newest_scenarios
        if newest is not None and newest[0] is shape:
            return newest[1]  # the key below is a hash over all names of the book
        key = shape.holdings.instrument_ids
        if key not in self._scenarios:
            self._scenarios[key] = self._build_scenarios(shape)
        self._newest_scenarios = (shape, self._scenarios[key])
        return self._scenarios[key]

    def _build_scenarios(self, shape: PositionArrays) -> Scenarios:
        asof = self._market.asof
        if asof is None:
            return Scenarios(None, problem="no closes are known yet")
        try:
            return self._scenarios_until(shape, asof)
        except InputError as error:
            return Scenarios(None, problem=str(error))

    def _scenarios_until(self, shape: PositionArrays, asof: dt.date) -> Scenarios:
        base, count = self.definition.base_currency, self.definition.window
        covered = _covered(self._market, shape, base, asof=asof, scenario_count=count)
        window = (
            scenario_window(covered.table, as_of=asof, scenario_count=count)
            if shape.series
            else window_without_series(asof, count)
        )
        steady = covered.book
        factors = scenario_factors(window, steady.listings, base_currency=base)
        moves = option_moves(window, steady.listings, factors, base_currency=base)
        gaps = window_gaps(
            window, steady.listings, self._market.sessions, as_of=asof, base_currency=base
        )
        suspects = suspect_moves(window, shape.listings)
        return Scenarios(
            factors,
            moves,
            frozenset(steady.steady),
            proxied=tuple(f"{item.name}={item.proxy}" for item in covered.proxied),
            gaps=gaps,
            suspect=tuple(f"{item.instrument_id} {item.date}" for item in suspects),
            adjusted=tuple(
                told(state)
                for state in self._market.taken
                if state.closes
                and state.adjustment.instrument in window.names
                and window.dates[0] < state.adjustment.date
            ),
            problem=gaps.silence(self.carry_bound, window.dates[-1], asof),
            digest=_window_digest(window),
        )

    def stressed(self, shape: PositionArrays) -> tuple[StressedBook, ...]:
        """Return the stressed scenarios of a shape; kept until a window's closes change."""
        data, asof = self._market.stressed, self._market.asof
        window = (data.version, data.open_asof(asof))
        newest = self._newest_stressed
        if newest is not None and newest[0] is shape and newest[1] == window:
            return newest[2]  # the key below is a hash over all names of the book
        key = (shape.holdings.instrument_ids, window)
        if key not in self._stressed:
            self._stressed = {key: self._build_stressed(shape)}
        self._newest_stressed = (shape, window, self._stressed[key])
        return self._stressed[key]

    def _build_stressed(self, shape: PositionArrays) -> tuple[StressedBook, ...]:
        base = self.definition.base_currency
        return stressed_books(
            self._market.stressed, shape.listings, as_of=self._market.asof, base_currency=base
        )

    @property
    def valuation_date(self) -> dt.date | None:
        """Return the day from which time to expiry counts."""
        return self._market.valuation_date

    @property
    def asof(self) -> dt.date | None:
        """Return the day of the last close that the scenarios can use."""
        return self._market.asof

    def suspect_ticks(self, marked: Marked) -> tuple[str, ...]:
        """Return the series that a book is valued with that have a suspect tick, and its date."""
        if not marked.may_be_suspect:
            return ()
        market, shape = self._market, marked.shape
        quotes = [(name, market.quotes.get(name)) for name in sorted(shape.tickers)]
        quotes += [(fx_series(name), market.rates.get(name)) for name in shape.sorted_currencies]
        return tuple(
            f"{name} {utc_date(quote.suspect.event_time_ns)}"
            for name, quote in quotes
            if quote is not None and quote.suspect is not None
        )

    @property
    def adjustment_count(self) -> int:
        """Return how many splits and dividends are in effect."""
        return self._market.adjustment_count


def _basis_of(positions: Iterable[HeldPosition]) -> dict[str, CostBasis]:
    return {held.instrument: CostBasis(held.quantity, held.average_cost) for held in positions}


def _unconvertible(currency: str, base: str, unrated: frozenset[str]) -> bool:
    return currency != base and bool({currency, base} & unrated)


def _quotes(
    shape: PositionArrays, prices: MarketPrices
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return the rates of a shape's currencies, and the series of those that are stale."""
    rates = {currency: prices.rate(currency) for currency in shape.sorted_currencies}
    quotes = {currency: rate.value for currency, rate in rates.items() if rate is not None}
    stale = tuple(
        fx_series(currency)
        for currency, rate in rates.items()
        if rate is not None and rate.stale_since_ns is not None
    )
    return quotes, stale


def _with_options(shape: PositionArrays, marks: Marks, found: Mapping[str, FoundOption]) -> Marks:
    """Return the marks with a place for the premium of each option that has an underlying."""
    count = len(shape.listings)
    is_missing = np.zeros(count, np.bool_) if marks.is_missing is None else marks.is_missing.copy()
    stale_since: list[int | None] = [*(marks.stale_since or [None] * count)]
    for place, listing in enumerate(shape.listings):
        if listing.option is not None:
            option = found.get(listing.instrument_id)
            is_missing[place] = option is None
            stale_since[place] = None if option is None else option.stale_since_ns
    return Marks(
        marks.price,
        is_missing if is_missing.any() else None,
        tuple(stale_since) if any(since is not None for since in stale_since) else None,
        may_be_suspect=True,
    )


def _covered(
    market: Market, shape: PositionArrays, base_currency: str, *, asof: dt.date, scenario_count: int
) -> CoveredBook:
    """Return a book and its closes, with what replaces the series that begin too late."""
    listings = shape.listings
    if not shape.series:
        return CoveredBook(SteadyListings(listings, ()), NO_CLOSES, ())
    series = (*shape.series, *proxies_of(listings).values())
    return covered_book(
        market.table_of(series, scenario_count=scenario_count),
        listings,
        base_currency=base_currency,
        as_of=asof,
        scenario_count=scenario_count,
    )


def _window_digest(window: ScenarioWindow) -> bytes:
    digest = hashlib.sha256()
    digest.update("\n".join((*window.names, *map(str, window.dates))).encode())
    digest.update(np.ascontiguousarray(window.closes).astype("<f8").tobytes())
    return digest.digest()
