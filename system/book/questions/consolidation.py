"""Books under one desk: their risk together, at one set of prices and under one window."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from system.book.questions.snapshot_book import SnapshotInputs, recalled_book
from system.book.state.errors import NotRecalledError
from system.book.valuation.gaps import carried_of
from system.book.valuation.measures import revalued_factors
from system.book.valuation.portfolio import Marked
from system.contracts.messages import PositionRisk, RiskSnapshot
from system.risk.arrays import Float64Vector, IndexVector
from system.risk.confidence import Confidence
from system.risk.decomposition import DeskRisk, desk_risk
from system.risk.portfolio import scenario_pnl
from system.risk.scenarios.factors import PositionExposures, ScenarioFactors
from system.risk.valuation import Valuation


def consolidated_risk(
    snapshots: Sequence[RiskSnapshot],
    recall: SnapshotInputs,
    *,
    base_currency: str,
    confidence: str,
    window: int,
) -> DeskRisk:
    """Return the risk of several portfolios together.

    Parameters
    ----------
    snapshots : sequence of RiskSnapshot
        The newest of each portfolio; not empty.
    recall : SnapshotInputs
        Reference data and closes of all that they hold.
    base_currency : str
        ISO code that every number is in; the FX rate moves inside each scenario.
    confidence : str
        Of the desk.
    window : int
        Number of returns; scenario days of the desk are those on which a series of any of its
        books has a close.

    Returns
    -------
    DeskRisk
        Every book at the same prices: of each instrument, those of the newest snapshot
        that holds it.

    Raises
    ------
    NotRecalledError
        If a book lacks a price, the desk has no scenarios, or too many of its closes are
        missing: by the strictest bound of its books, on the exposures of all; says why.
    InputError
        If there are too few scenarios for the confidence, or an option cannot be revalued.
    """
    newest_last = sorted(snapshots, key=lambda one: (one.event_time_ns, one.portfolio))
    desk = _union(newest_last, base_currency, confidence, window)
    book = recalled_book(desk, recall)
    marked = book.marked()
    scenarios = book.scenarios(marked.shape)
    if scenarios.problem or marked.missing:
        raise NotRecalledError(scenarios.problem or marked.problem)
    worth = {snapshot.portfolio: _member_worth(snapshot, desk, recall) for snapshot in newest_last}
    exposure = np.zeros(len(marked.valuation.instrument_ids))
    for member in worth.values():
        exposure[_places(member, marked)] += np.abs(member.exposure)
    carried = carried_of(scenarios.gaps, exposure, book.carry_bound)
    if carried.problem:
        raise NotRecalledError(carried.problem)
    factors = revalued_factors(scenarios, marked)
    pnl = {name: _member_pnl(member, marked, factors) for name, member in worth.items()}
    return desk_risk(pnl, factors.scenario_dates, confidence=Confidence.parse(confidence))


def _union(
    newest_last: Sequence[RiskSnapshot], base_currency: str, confidence: str, window: int
) -> RiskSnapshot:
    """Return one snapshot that holds 1.0 of everything, at the newest prices and rates."""
    rows: dict[str, PositionRisk] = {}
    rates: dict[str, float] = {}
    for one in newest_last:
        rows.update({row.instrument: row for row in one.positions})
        rates.update(one.rates)
    return msgspec.structs.replace(
        newest_last[-1],
        base_currency=base_currency,
        confidence=confidence,
        window=window,
        carry_max_sessions=min(member.carry_max_sessions for member in newest_last),
        carry_max_share=min(member.carry_max_share for member in newest_last),
        rates=rates,
        missing=tuple(name for one in newest_last for name in one.missing),
        positions=tuple(msgspec.structs.replace(rows[name], quantity=1.0) for name in sorted(rows)),
    )


def _member_worth(member: RiskSnapshot, desk: RiskSnapshot, recall: SnapshotInputs) -> Valuation:
    """Return one book at the desk's prices."""
    priced = {row.instrument: row for row in desk.positions}
    rows = tuple(
        msgspec.structs.replace(
            priced[row.instrument], quantity=row.quantity, average_cost=row.average_cost
        )
        for row in member.positions
    )
    return recalled_book(msgspec.structs.replace(desk, positions=rows), recall).marked().valuation


def _places(worth: Valuation, marked: Marked) -> IndexVector:
    """Return where the positions of one book are among those of the desk."""
    index = {name: place for place, name in enumerate(marked.valuation.instrument_ids)}
    return np.array([index[name] for name in worth.instrument_ids], dtype=np.intp)


def _member_pnl(worth: Valuation, marked: Marked, factors: ScenarioFactors) -> Float64Vector:
    """Return the P&L of one book under the desk's scenarios, at the desk's prices."""
    places, count = _places(worth, marked), len(marked.valuation.instrument_ids)
    price_exposure, value = np.zeros(count), np.zeros(count)
    price_exposure[places] = worth.price_exposure
    value[places] = worth.value
    exposures = PositionExposures(marked.valuation.instrument_ids, price_exposure, value)
    return scenario_pnl(exposures, factors)
