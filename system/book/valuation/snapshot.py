"""From a portfolio's state to its snapshot: every number, and where each comes from."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

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
from system.contracts.measures import OptionRisk
from system.contracts.messages import (
    AssetClass,
    AssetClassRisk,
    PositionRisk,
    RiskSnapshot,
    SnapshotKind,
    TailScenario,
)
from system.errors import InputError
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


def risk_snapshot(
    book: PortfolioBook,
    moment: StreamPosition,
    *,
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
    try:
        stated = _valued_snapshot(book, moment, trade_ids)
    except (ArithmeticError, InputError) as error:
        # One book's numbers never end the stream of all others.
        stated = _unvalued_snapshot(book, moment, trade_ids, f"it cannot be valued: {error}")
    return msgspec.structs.replace(stated, waiting_trades=waiting_trades)


def _valued_snapshot(
    book: PortfolioBook, moment: StreamPosition, trade_ids: tuple[str, ...]
) -> RiskSnapshot:
    marked = book.marked()
    scenarios = book.scenarios(marked.shape)
    carried = carried_of(scenarios.gaps, marked.valuation.exposure, book.carry_bound)
    risk, problem = _risk(book, marked, scenarios, carried)
    realised = book.realised_pnl(marked.quotes)
    close = book.state.close
    day = _day_result(book, moment)
    nav = marked.valuation.nav
    definition = book.definition
    var = None if risk is None else risk.var
    options = option_measures(marked, scenarios, book.confidence, var)
    rows = _position_rows(marked, risk, realised, options.rows)
    stated = RiskSnapshot(
        **_place_and_settings(book, moment),
        scenario_count=0 if risk is None else len(risk.scenario_dates),
        tail_rank=0 if risk is None else risk.tail_rank,
        nav=nav,
        value=math.fsum(row.value for row in rows),
        var=var,
        expected_shortfall=None if risk is None else risk.expected_shortfall,
        var_fraction=None if var is None else var_fraction(var, nav),
        var_limit_fraction=definition.var_limit_fraction,
        diversification=None if risk is None else risk.diversification,
        scenario_date=None if risk is None else risk.var_scenario_date,
        tail=_tail(risk),
        daily_pnl=_daily_pnl(book, marked),
        unrealised_pnl=math.fsum(row.unrealised_pnl for row in rows),
        realised_pnl=math.fsum(realised.values()),
        positions=rows,
        asset_classes=_asset_classes(marked, risk),
        stale=marked.stale,
        carried=carried.series,
        suspect=scenarios.suspect,
        not_available=problem,
        inputs_hash=_inputs_hash(book, marked, scenarios),
        previous_var=day.previous_var,
        hypothetical_pnl=day.hypothetical_pnl,
        breach=day.breach,
        trade_ids=trade_ids,
        rates=dict(marked.quotes),
        missing=marked.missing,
        valuation_date=book.valuation_date,
        stressed=stressed_risks(book, marked),
        greeks=options.greeks,
        delta_gamma_vega=options.approximation,
        option_pnl=explained_pnl(book, close),
        proxied=scenarios.proxied,
        desk=definition.desk,
        adjustment_count=book.adjustment_count,
        adjusted=scenarios.adjusted,
        suspect_ticks=book.suspect_ticks(marked.shape),
        exchange_closes=book.exchange_closes(marked.shape),
        skipped=scenarios.gaps.skipped,
        carry_max_sessions=definition.carry_max_sessions,
        carry_max_share=definition.carry_max_share,
        outside_model=outside_model(marked),
        positions_unknown=book.state.positions_unknown,
    )
    return msgspec.structs.replace(stated, limits=limit_uses(stated, definition.limits))


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
    book: PortfolioBook, moment: StreamPosition, trade_ids: tuple[str, ...], problem: str
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
        trade_ids=trade_ids,
        missing=tuple(sorted(book.positions.basis)),
        valuation_date=book.valuation_date,
        desk=definition.desk,
        adjustment_count=book.adjustment_count,
    )


def inputs_hash(book: PortfolioBook) -> str:
    """Return what ``inputs_hash`` of a portfolio's snapshot is at this moment."""
    marked = book.marked()
    return _inputs_hash(book, marked, book.scenarios(marked.shape))


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
    return (risk, "") if _is_finite(risk) else (None, BEYOND_NUMBERS)


def _is_finite(risk: PortfolioRisk) -> bool:
    """Return whether all that is stated of a risk is a number: sums of huge ones may not be."""
    parts = (risk.component_var, risk.component_es)
    groups = [amount for group in risk.groups for amount in (group.var, group.expected_shortfall)]
    totals = (risk.var, risk.expected_shortfall, risk.diversification, *groups)
    return all(map(math.isfinite, totals)) and all(np.isfinite(part).all() for part in parts)


def _snapshot_id(book: PortfolioBook, moment: StreamPosition) -> str:
    """Return an id that no other snapshot has, whatever the book is called.

    Only ends of day end with a date, and only the others with a dot between two numbers; what is
    left of either ending is the name.
    """
    name = book.definition.portfolio
    if moment.kind is SnapshotKind.END_OF_DAY:
        return f"{name}-eod-{book.asof}"
    return f"{name}-{moment.fence}.{moment.epoch}"


def _day_result(book: PortfolioBook, moment: StreamPosition) -> DayResult:
    close = book.state.close
    if close is None or moment.kind is not SnapshotKind.END_OF_DAY:
        return DayResult(previous_var=None if close is None else close.var)
    return DayResult(previous_var=close.var, hypothetical_pnl=book.hypothetical_pnl(close))


def _daily_pnl(book: PortfolioBook, marked: Marked) -> float | None:
    close = book.state.close
    if close is None or close.nav is None:
        return None
    nav = book.comparable_nav(marked)
    return None if nav is None else nav - close.nav


def _position_rows(
    marked: Marked,
    risk: PortfolioRisk | None,
    realised: Mapping[str, float],
    options: Mapping[int, OptionRisk],
) -> tuple[PositionRisk, ...]:
    worth, holdings = marked.valuation, marked.shape.holdings
    nothing: list[float | None] = [None] * len(holdings.listings)
    shares = None if risk is None else risk.smoothed_share
    columns = zip(
        holdings.listings,
        holdings.quantity.tolist(),
        worth.price.tolist(),
        holdings.average_cost.tolist(),
        worth.value.tolist(),
        worth.exposure.tolist(),
        worth.delta.tolist(),
        worth.unrealised_pnl.tolist(),
        marked.shape.is_cash.tolist(),
        nothing if risk is None else risk.component_var.tolist(),
        nothing if risk is None else risk.component_es.tolist(),
        nothing if shares is None else shares.tolist(),
        marked.prices,
        strict=True,
    )
    return tuple(
        PositionRisk(
            instrument=listing.instrument_id,
            asset_class=listing.asset_class,
            currency=listing.currency,
            quantity=quantity,
            price=price,
            average_cost=price if is_cash else cost,
            value=value,
            exposure=exposure,
            delta=delta,
            unrealised_pnl=0.0 if is_cash else unrealised,
            realised_pnl=realised.get(listing.instrument_id, 0.0),
            component_var=component_var,
            component_es=component_es,
            smoothed_share=share,
            stale_since_ns=mark.stale_since_ns,
            option=options.get(index),
        )
        for index, (
            listing,
            quantity,
            price,
            cost,
            value,
            exposure,
            delta,
            unrealised,
            is_cash,
            component_var,
            component_es,
            share,
            mark,
        ) in enumerate(columns)
    )


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
    return tuple(
        TailScenario(date=risk.scenario_dates[index], pnl=float(risk.pnl[index]))
        for index in risk.tail
    )


def _inputs_hash(book: PortfolioBook, marked: Marked, scenarios: Scenarios) -> str:
    """Return the hash over what the numbers are a function of: 16 bytes of SHA-256.

    The cost of cash is not tracked and moves no number: it stands as 0.
    """
    holdings, definition = marked.shape.holdings, book.definition
    settings = (definition.base_currency, definition.confidence, str(definition.window))
    rates = [f"{currency}={rate!r}" for currency, rate in marked.quotes.items()]
    digest = hashlib.sha256("\n".join((*settings, *holdings.instrument_ids, *rates)).encode())
    cost = np.where(marked.shape.is_cash, 0.0, holdings.average_cost)
    for vector in (holdings.quantity, cost, marked.valuation.price):
        digest.update(vector.astype("<f8").tobytes())
    digest.update(scenarios.digest)
    digest.update(scenarios.gaps.bound_inputs(book.carry_bound))
    if marked.options is not None:
        _add_options(digest, marked.options)
    for window in book.stressed(marked.shape):
        digest.update(window.digest)
    return digest.hexdigest()[:32]


def _add_options(digest: hashlib._Hash, options: HeldOptions) -> None:
    marks = options.marks
    for vector in (marks.spot, marks.volatility):
        digest.update(vector.astype("<f8").tobytes())
    digest.update(repr(marks.days).encode())
