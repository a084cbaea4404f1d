"""From a portfolio's state to its snapshot: every number, and where each comes from."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from system.book.state.stressed import StressedBook
from system.book.valuation.derived import little_endian
from system.book.valuation.gaps import CarriedCloses, carried_of
from system.book.valuation.limits import limit_uses
from system.book.valuation.measures import (
    explained_pnl,
    option_measures,
    outside_model,
    revalued_factors,
    stressed_risks,
)
from system.book.valuation.options import HeldOptions
from system.book.valuation.portfolio import Marked, PortfolioBook, Scenarios
from system.book.valuation.prices import MarketPrices
from system.contracts.measures import OptionRisk
from system.contracts.messages import (
    AssetClass,
    AssetClassRisk,
    PositionColumns,
    RiskSnapshot,
    SnapshotKind,
    TailScenario,
)
from system.contracts.text.columns import Column, column_of
from system.errors import InputError
from system.risk.arrays import Float64Vector
from system.risk.breach import is_breach
from system.risk.portfolio import PortfolioRisk, portfolio_risk
from system.risk.valuation import exposure_by_group, var_fraction

ESTIMATOR: Final = "hs/ceil/simple"
UNVALUED: Final = ""
"""``inputs_hash`` of a snapshot without numbers: arithmetic broke down on its book."""
BEYOND_NUMBERS: Final = "a scenario moves a position beyond what a number can hold"


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """Where in the stream a snapshot is taken.

    Parameters
    ----------
    kind : SnapshotKind
        Live, or at an end of day.
    fence, epoch : int
        Of the micro-batch.
    offsets : mapping of str to int
        ``topic:partition`` to the first offset that is not covered.
    event_time_ns : int
        Newest event time that is covered.
    """

    kind: SnapshotKind
    fence: int
    epoch: int
    offsets: Mapping[str, int]
    event_time_ns: int


@dataclass(frozen=True, slots=True)
class DayResult:
    """What one day did to the positions held at the close before."""

    previous_var: float | None = None
    hypothetical_pnl: float | None = None

    @property
    def breach(self) -> bool | None:
        """Return whether the loss was greater than the VaR stated before (`is_breach`)."""
        if self.previous_var is None or self.hypothetical_pnl is None:
            return None
        return is_breach(-self.hypothetical_pnl, self.previous_var)


class _BatchPart(NamedTuple):
    """Trades of a batch that a portfolio's snapshot names."""

    trade_ids: tuple[str, ...]
    waiting_trades: tuple[str, ...]


def risk_snapshot(
    book: PortfolioBook,
    moment: StreamPosition,
    *,
    prices: MarketPrices | None = None,
    trade_ids: tuple[str, ...] = (),
    waiting_trades: tuple[str, ...] = (),
) -> RiskSnapshot:
    """Return the snapshot of one portfolio, all of it computed anew from the state.

    Parameters
    ----------
    book : PortfolioBook
        The portfolio.
    moment : StreamPosition
        Where in the stream.
    prices : MarketPrices, optional
        Of the book's market now, shared with the other books of a batch; None: its own.
    trade_ids : tuple of str
        Trades that the snapshot is the first to contain.
    waiting_trades : tuple of str
        Instruments of trades that wait for an end-of-day mark.

    Returns
    -------
    RiskSnapshot
        Base currency; VaR and its kin as losses, positive. Where VaR does not exist it
        is None, and ``not_available`` says why. A book that arithmetic breaks down on states
        no position: all that it holds is in ``missing``.
    """
    batch = _BatchPart(trade_ids, waiting_trades)
    try:
        return _valued_snapshot(book, moment, batch, prices or book.prices())
    except (ArithmeticError, InputError) as error:
        # One book's numbers never end the stream of all others.
        return _unvalued_snapshot(book, moment, batch, f"it cannot be valued: {error}")


def _valued_snapshot(
    book: PortfolioBook, moment: StreamPosition, batch: _BatchPart, prices: MarketPrices
) -> RiskSnapshot:
    marked = book.marked(prices)
    scenarios = book.scenarios(marked.shape)
    carried = carried_of(scenarios.gaps, marked.valuation.exposure, book.carry_bound)
    risk, problem = _risk(book, marked, scenarios, carried)
    realised = book.realised_pnl(marked.quotes)
    day = _day_result(book, moment, marked, prices)
    nav = marked.valuation.nav
    definition = book.definition
    var = None if risk is None else risk.var
    options = option_measures(marked, scenarios, book.confidence, var)
    stressed = book.stressed(marked.shape)
    unrealised = _unrealised(marked)
    stated = RiskSnapshot(
        **_place_and_settings(book, moment),
        scenario_count=0 if risk is None else len(risk.scenario_dates),
        tail_rank=0 if risk is None else risk.tail_rank,
        nav=nav,
        value=nav,
        var=var,
        expected_shortfall=None if risk is None else risk.expected_shortfall,
        var_fraction=None if var is None else var_fraction(var, nav),
        var_limit_fraction=definition.var_limit_fraction,
        diversification=None if risk is None else risk.diversification,
        scenario_date=None if risk is None else risk.var_scenario_date,
        tail=_tail(risk),
        daily_pnl=_daily_pnl(book, marked, nav, prices),
        unrealised_pnl=math.fsum(unrealised.tolist()),
        realised_pnl=math.fsum(realised.values()),
        positions=_position_columns(marked, risk, realised, unrealised, options.rows),
        asset_classes=_asset_classes(marked, risk),
        stale=marked.stale,
        carried=carried.series,
        suspect=scenarios.suspect,
        not_available=problem,
        inputs_hash=_inputs_hash(book, marked, scenarios, stressed),
        previous_var=day.previous_var,
        hypothetical_pnl=day.hypothetical_pnl,
        breach=day.breach,
        trade_ids=batch.trade_ids,
        waiting_trades=batch.waiting_trades,
        rates=dict(marked.quotes),
        missing=marked.missing,
        valuation_date=prices.valuation_date,
        stressed=stressed_risks(book, marked, stressed),
        greeks=options.greeks,
        delta_gamma_vega=options.approximation,
        option_pnl=explained_pnl(book, book.state.close, prices),
        proxied=scenarios.proxied,
        desk=definition.desk,
        adjustment_count=book.adjustment_count,
        adjusted=scenarios.adjusted,
        suspect_ticks=book.suspect_ticks(marked),
        exchange_closes=prices.exchange_closes(marked.shape.exchanges),
        skipped=scenarios.gaps.skipped,
        carry_max_sessions=definition.carry_max_sessions,
        carry_max_share=definition.carry_max_share,
        outside_model=outside_model(marked),
        positions_unknown=book.state.positions_unknown,
    )
    # Nobody else has it yet, and a copy of sixty fields takes longer than all limits do.
    msgspec.structs.force_setattr(stated, "limits", limit_uses(stated, definition.limits))
    return stated


def _place_and_settings(book: PortfolioBook, moment: StreamPosition) -> dict[str, Any]:
    """Return the fields that say of what a snapshot is, and where in the stream."""
    definition = book.definition
    return {
        "snapshot_id": _snapshot_id(book, moment),
        "portfolio": definition.portfolio,
        "kind": moment.kind,
        "fence": moment.fence,
        "epoch": moment.epoch,
        "offsets": dict(moment.offsets),
        "event_time_ns": moment.event_time_ns,
        "asof": book.asof,
        "base_currency": definition.base_currency,
        "estimator": ESTIMATOR,
        "confidence": definition.confidence,
        "window": definition.window,
    }


def _unvalued_snapshot(
    book: PortfolioBook, moment: StreamPosition, batch: _BatchPart, problem: str
) -> RiskSnapshot:
    definition = book.definition
    return RiskSnapshot(
        **_place_and_settings(book, moment),
        scenario_count=0,
        tail_rank=0,
        nav=0.0,
        value=0.0,
        var=None,
        expected_shortfall=None,
        var_fraction=None,
        var_limit_fraction=definition.var_limit_fraction,
        diversification=None,
        scenario_date=None,
        tail=(),
        daily_pnl=None,
        unrealised_pnl=0.0,
        realised_pnl=0.0,
        positions=(),
        asset_classes=(),
        stale=(),
        carried=(),
        suspect=(),
        not_available=problem,
        inputs_hash=UNVALUED,
        previous_var=None,
        hypothetical_pnl=None,
        breach=None,
        trade_ids=batch.trade_ids,
        waiting_trades=batch.waiting_trades,
        missing=tuple(sorted(book.positions.basis)),
        valuation_date=book.valuation_date,
        desk=definition.desk,
        adjustment_count=book.adjustment_count,
    )


def inputs_hash(book: PortfolioBook) -> str:
    """Return what ``inputs_hash`` of a portfolio's snapshot is at this moment."""
    marked = book.marked()
    shape = marked.shape
    return _inputs_hash(book, marked, book.scenarios(shape), book.stressed(shape))


def _risk(
    book: PortfolioBook, marked: Marked, scenarios: Scenarios, carried: CarriedCloses
) -> tuple[PortfolioRisk | None, str]:
    if book.state.positions_unknown or marked.missing:
        return None, book.state.positions_unknown or marked.problem
    problem = scenarios.problem or carried.problem
    if problem:
        return None, problem
    try:
        risk = portfolio_risk(
            marked.valuation.exposures,
            revalued_factors(scenarios, marked),
            confidence=book.confidence,
            groups=marked.shape.groups,
        )
    except InputError as error:
        return None, str(error)
    except ArithmeticError as error:
        return None, f"{BEYOND_NUMBERS}: {error}"
    return (risk, "") if risk.is_finite else (None, BEYOND_NUMBERS)


def _snapshot_id(book: PortfolioBook, moment: StreamPosition) -> str:
    """Return an id that no other snapshot has, whatever the book is called.

    Only ends of day end with a date, and only the others with a dot between two numbers; what is
    left of either ending is the name.
    """
    name = book.definition.portfolio
    if moment.kind is SnapshotKind.END_OF_DAY:
        return f"{name}-eod-{book.asof}"
    return f"{name}-{moment.fence}.{moment.epoch}"


def _day_result(
    book: PortfolioBook, moment: StreamPosition, marked: Marked, prices: MarketPrices
) -> DayResult:
    close = book.state.close
    if close is None or moment.kind is not SnapshotKind.END_OF_DAY:
        return DayResult(previous_var=None if close is None else close.var)
    hypothetical = book.hypothetical_pnl(close, marked, prices)
    return DayResult(previous_var=close.var, hypothetical_pnl=hypothetical)


def _daily_pnl(
    book: PortfolioBook, marked: Marked, nav: float, prices: MarketPrices
) -> float | None:
    close = book.state.close
    if close is None or close.nav is None:
        return None
    comparable = book.comparable_nav(marked, nav, prices)
    return None if comparable is None else comparable - close.nav


def _unrealised(marked: Marked) -> Float64Vector:
    """Return the unrealised P&L of each position, base currency: cash has none."""
    unrealised = marked.valuation.unrealised_pnl
    is_cash = marked.shape.is_cash
    return np.where(is_cash, 0.0, unrealised) if marked.shape.has_cash else unrealised


def _position_columns(
    marked: Marked,
    risk: PortfolioRisk | None,
    realised: Mapping[str, float],
    unrealised: Float64Vector,
    options: Mapping[int, OptionRisk],
) -> PositionColumns:
    worth, static = marked.valuation, marked.shape.columns
    price, value, exposure = map(little_endian, (worth.price, worth.value, worth.exposure))
    ids = marked.shape.holdings.instrument_ids
    shares = None if risk is None else risk.smoothed_share
    return PositionColumns(
        instrument=ids,
        asset_class=static.asset_classes,
        currency=static.currencies,
        quantity=static.quantity,
        price=price,
        average_cost=_costs(marked) if static.average_cost is None else static.average_cost,
        value=value,
        exposure=exposure,
        delta=little_endian(worth.delta),
        unrealised_pnl=little_endian(unrealised),
        realised_pnl=column_of(realised.get(name, 0.0) for name in ids)
        if realised
        else static.nothing_realised,
        component_var=None if risk is None else little_endian(risk.component_var),
        component_es=None if risk is None else little_endian(risk.component_es),
        smoothed_share=None if shares is None else little_endian(shares),
        stale_since_ns=marked.stale_since,
        option={ids[place]: option for place, option in options.items()},
    )


def _costs(marked: Marked) -> Column:
    """Return the average costs of a book with cash, which costs what it is worth."""
    is_cash, cost = marked.shape.is_cash, marked.shape.holdings.average_cost
    return little_endian(np.where(is_cash, marked.valuation.price, cost))


def _asset_classes(marked: Marked, risk: PortfolioRisk | None) -> tuple[AssetClassRisk, ...]:
    groups = exposure_by_group(marked.valuation.exposure, marked.shape.groups)
    risks = [None] * len(groups) if risk is None else list(risk.groups)
    return tuple(
        AssetClassRisk(
            asset_class=AssetClass(group.name),
            long=group.long,
            short=group.short,
            gross=group.gross,
            net=group.net,
            var=None if own is None else own.var,
            expected_shortfall=None if own is None else own.expected_shortfall,
        )
        for group, own in zip(groups, risks, strict=True)
    )


def _tail(risk: PortfolioRisk | None) -> tuple[TailScenario, ...]:
    if risk is None:
        return ()
    dates, pnl = risk.scenario_dates, risk.pnl[risk.tail].tolist()
    return tuple(
        TailScenario(date=dates[index], pnl=amount)
        for index, amount in zip(risk.tail.tolist(), pnl, strict=True)
    )


def _inputs_hash(
    book: PortfolioBook, marked: Marked, scenarios: Scenarios, stressed: Sequence[StressedBook]
) -> str:
    """Return the hash over what the numbers are a function of: 16 bytes of SHA-256."""
    definition, (names, held) = book.definition, marked.shape.digested
    settings = f"{definition.base_currency}\n{definition.confidence}\n{definition.window}"
    rates = "".join(f"\n{currency}={rate!r}" for currency, rate in marked.quotes.items())
    price = little_endian(marked.valuation.price)
    window = (scenarios.digest, scenarios.gaps.bound_inputs(book.carry_bound))
    inputs = (settings.encode(), names, rates.encode(), held, price, *window)
    digest = hashlib.sha256(b"".join(inputs))
    if marked.options is not None:
        _add_options(digest, marked.options)
    for crisis in stressed:
        digest.update(crisis.digest)
    return digest.hexdigest()[:32]


def _add_options(digest: hashlib._Hash, options: HeldOptions) -> None:
    marks = options.marks
    for vector in (marks.spot, marks.volatility):
        digest.update(little_endian(vector))
    digest.update(repr(marks.days).encode())
