"""From a stored snapshot back to the book that it was taken of: same inputs, same bits.

A snapshot holds positions, prices, rates and settings; the closes of its window stand in
the book state. What is made anew from them is checked by ``inputs_hash``.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Final, TypeVar

import msgspec

from system.book.state.errors import NotRecalledError, OtherInputsError
from system.book.state.market import Market, midnight_after_ns
from system.book.state.rows import DayClose, DayState, PortfolioState
from system.book.state.stressed import StressedBook
from system.book.state.synthetic_quotes import Price
from system.book.valuation.derived import PositionArrays
from system.book.valuation.portfolio import Marked, PortfolioBook, Scenarios
from system.book.valuation.snapshot import StreamPosition, inputs_hash, risk_snapshot
from system.contracts.currencies import EUR
from system.contracts.limits import Limit, LimitMeasure
from system.contracts.measures import OptionRisk
from system.contracts.messages import (
    MONEY,
    OpeningPosition,
    Portfolio,
    PositionRisk,
    RiskSnapshot,
    SnapshotKind,
)
from system.risk.scenarios.window import fx_series

T = TypeVar("T")

MAX_SCENARIOS_KEPT: Final = 256
"""Sets of scenarios, of 0.4 MB each at 100 positions and 500 days."""


class SnapshotInputs:
    """What snapshots are recalled from: reference data and closes as they stand at a moment.

    Parameters
    ----------
    market : Market
        Instruments and closes; quotes of what a snapshot does not hold. Read only from here.

    Notes
    -----
    Scenarios follow from closes, positions' instruments and settings alone: the newest
    ``MAX_SCENARIOS_KEPT`` of them are kept.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self._kept: OrderedDict[Hashable, Scenarios] = OrderedDict()
        self._stressed: OrderedDict[Hashable, tuple[StressedBook, ...]] = OrderedDict()

    def with_prices(self, marks: Mapping[str, Price], rates: Mapping[str, Price]) -> SnapshotInputs:
        """Return the same under other prices of instruments, and rates per 1 EUR."""
        other = SnapshotInputs(self.market.under(marks, rates, self.market.day))
        other._kept, other._stressed = self._kept, self._stressed
        return other

    def scenarios(self, key: Hashable, build: Callable[[], Scenarios]) -> Scenarios:
        """Return scenarios that are kept under a key, built where they are not."""
        return _kept(self._kept, key, build)

    def stressed(
        self, key: Hashable, build: Callable[[], tuple[StressedBook, ...]]
    ) -> tuple[StressedBook, ...]:
        """Return stressed scenarios that are kept under a key, built where they are not."""
        return _kept(self._stressed, key, build)


def _kept(kept: OrderedDict[Hashable, T], key: Hashable, build: Callable[[], T]) -> T:
    found = kept.pop(key) if key in kept else build()
    kept[key] = found
    while len(kept) > MAX_SCENARIOS_KEPT:
        kept.popitem(last=False)
    return found


class CachedPortfolioBook(PortfolioBook):
    """A book on a market of its own, whose scenarios are kept for the next question.

    Parameters
    ----------
    state, market, currencies
        As for `PortfolioBook`.
    recall : SnapshotInputs
        Where scenarios are kept; its closes are those of ``market``.
    suspect_ticks : tuple of str
        Suspect ticks and rates of the snapshot, which ``market`` states as prices only.
    """

    def __init__(
        self,
        state: PortfolioState,
        market: Market,
        *,
        currencies: frozenset[str],
        recall: SnapshotInputs,
        suspect_ticks: tuple[str, ...],
    ) -> None:
        self._recall = recall
        self._suspect_ticks = suspect_ticks
        super().__init__(state, (), market, currencies=currencies)

    def suspect_ticks(self, marked: Marked) -> tuple[str, ...]:
        """Return the suspect ticks and rates of the snapshot, and of what was added to it."""
        shape = marked.shape
        series = {*shape.tickers, *map(fx_series, shape.currencies)}
        stated = (text for text in self._suspect_ticks if text.rpartition(" ")[0] in series)
        names = {*stated, *super().suspect_ticks(marked)}
        return tuple(sorted(names, key=lambda text: (text.startswith(fx_series("")), text)))

    def _build_scenarios(self, shape: PositionArrays) -> Scenarios:
        settings = (
            self.definition.base_currency,
            self.definition.window,
            self.definition.carry_max_sessions,
            self.asof,
            self.adjustment_count,
        )
        key = (shape.holdings.instrument_ids, *settings)
        return self._recall.scenarios(
            key, lambda: super(CachedPortfolioBook, self)._build_scenarios(shape)
        )

    def _build_stressed(self, shape: PositionArrays) -> tuple[StressedBook, ...]:
        stressed, asof = self._market.stressed.version, self.asof
        key = ("stressed", shape.holdings.instrument_ids, self.definition.base_currency)
        return self._recall.stressed(
            (*key, stressed, asof), lambda: super(CachedPortfolioBook, self)._build_stressed(shape)
        )


def recalled_book(
    snapshot: RiskSnapshot, recall: SnapshotInputs, *, close: DayClose | None = None
) -> PortfolioBook:
    """Return a book that holds what a snapshot holds, at its prices, rates and settings.

    Parameters
    ----------
    snapshot : RiskSnapshot
        Any stored one.
    recall : SnapshotInputs
        Reference data and closes.
    close : DayClose or None
        The last close before it, for the day's P&L; one of another day is not used.

    Returns
    -------
    PortfolioBook
        On a market of its own; what it states has the snapshot's ``inputs_hash``.

    Raises
    ------
    NotRecalledError
        If an instrument is not in the reference data, or one of its positions had no
        price; names it.
    OtherInputsError
        If it was made with splits or dividends that are not known here.
    """
    _check_complete(snapshot, recall.market)
    last = _compared_with(snapshot, close)
    state = PortfolioState(definition=_definition(snapshot), close=last)
    market = recalled_market(snapshot, recall.market)
    return CachedPortfolioBook(
        state,
        market,
        currencies=_converted(snapshot),
        recall=recall,
        suspect_ticks=snapshot.suspect_ticks,
    )


def _compared_with(snapshot: RiskSnapshot, close: DayClose | None) -> DayClose | None:
    """Return the close that the day's P&L is measured from.

    What a statement of positions has changed since then is no P&L: the NAV of the close is then
    that of the snapshot less its own P&L.
    """
    if close is None or close.date != snapshot.asof:
        return None
    if snapshot.kind is not SnapshotKind.LIVE or close.nav is None:
        return close
    if snapshot.daily_pnl is None:
        return msgspec.structs.replace(close, nav=None)
    if snapshot.nav - close.nav == snapshot.daily_pnl:
        return close
    return msgspec.structs.replace(close, nav=snapshot.nav - snapshot.daily_pnl)


def recalled_market(snapshot: RiskSnapshot, reference: Market) -> Market:
    """Return the market that a snapshot was valued in, as far as it held it.

    Parameters
    ----------
    snapshot : RiskSnapshot
        Its prices, rates and last closed day are taken. An option whose volatility was
        implied and whose price is NaN stands at that volatility.
    reference : Market
        Everything else. Not modified.

    Raises
    ------
    OtherInputsError
        If it was made with splits or dividends that are not known here.
    """
    since_ns = snapshot.event_time_ns
    by_model = {
        row.instrument
        for row in snapshot.positions
        if row.option is not None and _is_modelled(row, row.option)
    }
    spots = {
        row.option.underlying: Price(row.option.spot, row.stale_since_ns)
        for row in snapshot.positions
        if row.option is not None and row.option.days_to_expiry >= 0
    }
    held = {
        row.instrument: Price(row.price, row.stale_since_ns)
        for row in snapshot.positions
        if row.asset_class not in MONEY and row.instrument not in by_model
    }
    rates = {
        currency: Price(rate, since_ns if fx_series(currency) in snapshot.stale else None)
        for currency, rate in snapshot.rates.items()
    }
    day = None
    if snapshot.asof is not None:
        day = DayState(date=snapshot.asof, event_time_ns=midnight_after_ns(snapshot.asof))
    return reference.under(
        {**spots, **held},
        rates,
        day,
        valuation_date=snapshot.valuation_date,
        unquoted=frozenset(by_model),
        volatilities=_stated_volatilities(snapshot),
        adjustment_count=_in_effect(snapshot, reference),
    )


def _is_modelled(row: PositionRisk, option: OptionRisk) -> bool:
    """Return whether an option's price is what its volatility made it, and no quote."""
    if math.isnan(row.price):
        return True
    return not option.is_implied and not option.is_outside_model


def _in_effect(snapshot: RiskSnapshot, reference: Market) -> int:
    """Return how many adjustments a snapshot was made with.

    Raises
    ------
    OtherInputsError
        If fewer are known here.
    """
    count, known = snapshot.adjustment_count, len(reference.adjustments.taken)
    if count > known:
        raise OtherInputsError(
            f"snapshot {snapshot.snapshot_id} was made with {count} splits and dividends in "
            f"effect, {known} are known here: of another moment"
        )
    return count


def _stated_volatilities(snapshot: RiskSnapshot) -> dict[str, float]:
    """Return the volatilities of options that are implied, but not by a price at hand."""
    return {
        row.instrument: row.option.volatility
        for row in snapshot.positions
        if row.option is not None
        and row.option.is_implied
        and row.option.volatility is not None
        and math.isnan(row.price)
    }


def moment_of(snapshot: RiskSnapshot) -> StreamPosition:
    """Return where in the stream a snapshot stands, for a live one of the same place."""
    return StreamPosition(
        SnapshotKind.LIVE,
        snapshot.fence,
        snapshot.epoch,
        snapshot.offsets,
        snapshot.event_time_ns,
    )


def restated(snapshot: RiskSnapshot, book: PortfolioBook) -> RiskSnapshot:
    """Return what a recalled book states, once its inputs are known to be the snapshot's.

    Parameters
    ----------
    snapshot : RiskSnapshot
        That ``book`` was recalled from.
    book : PortfolioBook
        Unchanged since.

    Raises
    ------
    OtherInputsError
        If the inputs are not the same to the bit.
    """
    stated = risk_snapshot(book, moment_of(snapshot))
    _check_hash(snapshot, stated.inputs_hash)
    return stated


def check_recalled(snapshot: RiskSnapshot, book: PortfolioBook) -> None:
    """Check that a recalled book has the inputs of its snapshot, without valuing it.

    Parameters
    ----------
    snapshot : RiskSnapshot
        That ``book`` was recalled from.
    book : PortfolioBook
        Unchanged since.

    Raises
    ------
    OtherInputsError
        If the inputs are not the same to the bit: the closes or the reference data at
        hand are those of another moment.
    """
    _check_hash(snapshot, inputs_hash(book))


def _check_hash(snapshot: RiskSnapshot, found: str) -> None:
    if found != snapshot.inputs_hash:
        raise OtherInputsError(
            f"the inputs of snapshot {snapshot.snapshot_id} cannot be made anew "
            f"({found} is not {snapshot.inputs_hash}): the closes at hand are of another "
            "moment, or the snapshot was made by another version"
        )


def _converted(snapshot: RiskSnapshot) -> frozenset[str]:
    """Return currencies that need just the snapshot's rates: any at all need the base's."""
    return frozenset({*snapshot.rates, EUR}) if snapshot.rates else frozenset()


def _definition(snapshot: RiskSnapshot) -> Portfolio:
    return Portfolio(
        portfolio=snapshot.portfolio,
        base_currency=snapshot.base_currency,
        confidence=snapshot.confidence,
        window=snapshot.window,
        var_limit_fraction=snapshot.var_limit_fraction,
        carry_max_sessions=snapshot.carry_max_sessions,
        carry_max_share=snapshot.carry_max_share,
        desk=snapshot.desk,
        positions=tuple(
            OpeningPosition(
                instrument=row.instrument, quantity=row.quantity, entry_price=row.average_cost
            )
            for row in snapshot.positions
        ),
        limits=tuple(
            Limit(measure=use.measure, warning=use.warning, breach=use.breach)
            for use in snapshot.limits
            if use.measure is not LimitMeasure.VAR
        ),
    )


def _check_complete(snapshot: RiskSnapshot, reference: Market) -> None:
    if snapshot.positions_unknown:
        raise NotRecalledError(f"snapshot {snapshot.snapshot_id}: {snapshot.positions_unknown}")
    if snapshot.missing:
        raise NotRecalledError(
            f"snapshot {snapshot.snapshot_id} is not of the whole book: no price or rate yet "
            f"for {', '.join(snapshot.missing)}"
        )
    for row in snapshot.positions:
        try:
            reference.listing(row.instrument)
        except KeyError:
            raise NotRecalledError(
                f"instrument {row.instrument} of snapshot {snapshot.snapshot_id} has no "
                "reference data here"
            ) from None


def with_realised(stated: RiskSnapshot, before: RiskSnapshot) -> RiskSnapshot:
    """Return what a recalled book states, with the realised P&L that it does not know of.

    Parameters
    ----------
    stated : RiskSnapshot
        Of a book that was recalled from ``before``.
    before : RiskSnapshot
        Its realised P&L is added, by position and in all.
    """
    known = {row.instrument: row.realised_pnl for row in before.positions}
    rows = tuple(
        msgspec.structs.replace(row, realised_pnl=row.realised_pnl + known.get(row.instrument, 0.0))
        for row in stated.positions
    )
    realised_pnl = stated.realised_pnl + before.realised_pnl
    return msgspec.structs.replace(stated, positions=rows, realised_pnl=realised_pnl)


def with_id(snapshot: RiskSnapshot, suffix: str) -> RiskSnapshot:
    """Return a snapshot under an id that no stored one has: ``{id}+{suffix}``."""
    return msgspec.structs.replace(snapshot, snapshot_id=f"{snapshot.snapshot_id}+{suffix}")
