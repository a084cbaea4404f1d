"""Every step from the inputs of a snapshot to its number, and two verdicts on it."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import msgspec

from system.book.restore import KeptRows
from system.contracts.messages import MONEY, Instrument, PositionRisk, RiskSnapshot
from system.contracts.oracle import OracleVerdict
from system.risk.confidence import Confidence, tail_of
from validation.explain.inputs import Bundle
from validation.explain.recompute import Difference, recomputed
from validation.oracle.snapshot_check import compared, without_var
from validation.oracle.stressed import BookNow, crises_risk, windows_of
from validation.references.carrying import NoVarError
from validation.references.exact import ReferenceInputError
from validation.references.revaluation import CurrentMarket, ReferencePosition
from validation.references.snapshot import ReferenceSnapshot, reference_snapshot
from validation.references.stand_ins import covered
from validation.rules.corporate_actions import CorporateActions
from validation.rules.effect_dates import EffectiveAdjustment
from validation.rules.expected_days import terms_of
from validation.rules.sessions import carrying_of, session_tables


class ScenarioStep(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario day, worst first: its P&L in base currency, and its weight in ES."""

    rank: int
    date: dt.date
    pnl: float
    weight: float
    is_var: bool


class PositionStep(msgspec.Struct, frozen=True, kw_only=True):
    """One position: what it is worth, and what it lost in the VaR scenario."""

    instrument: str
    asset_class: str
    currency: str
    quantity: float
    price: float
    multiplier: float
    rate: float
    value: float
    component_var: float | None


class OracleWord(msgspec.Struct, frozen=True, kw_only=True):
    """Result of exact arithmetic on the same inputs."""

    verdict: OracleVerdict
    largest_difference: float | None
    detail: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Explanation that ``riskstream explain`` prints, and writes with ``--json``.

    ``reproduced``: every compared field has the recorded bits. Tail weights are in scenarios:
    they add up to ``tail_mass``, n * (1 - confidence).
    """

    snapshot_id: str
    portfolio: str
    reproduced: bool
    compared: int
    differences: tuple[Difference, ...]
    changed_inputs: tuple[str, ...]
    not_recomputed: tuple[str, ...]
    base_currency: str
    rates: dict[str, float]
    positions: tuple[PositionStep, ...]
    window_dates: tuple[dt.date, ...]
    tail_rank: int
    tail_mass: float
    scenarios: tuple[ScenarioStep, ...]
    var: float | None
    expected_shortfall: float | None
    oracle: OracleWord

    @property
    def holds(self) -> bool:
        """Return whether the record is its inputs' number and exact arithmetic agrees."""
        return self.reproduced and self.oracle.verdict is OracleVerdict.AGREED


def explanation(bundle: Bundle, *, not_recomputed: tuple[str, ...]) -> Explanation:
    """Return every step from a record's inputs to its number.

    Parameters
    ----------
    bundle : Bundle
        The record and its inputs.
    not_recomputed : tuple of str
        Fields that are left out, to be named.

    Raises
    ------
    NotRecalledError
        If an instrument has no reference data in the bundle, or had no price.
    """
    record, anew = bundle.snapshot, recomputed(bundle)
    exact = exact_risk(bundle)
    tail = (
        None
        if not record.scenario_count
        else tail_of(record.scenario_count, Confidence.parse(record.confidence))
    )
    return Explanation(
        snapshot_id=record.snapshot_id,
        portfolio=record.portfolio,
        reproduced=anew.is_same,
        compared=anew.compared,
        differences=anew.differences,
        changed_inputs=anew.changed_inputs,
        not_recomputed=not_recomputed,
        base_currency=record.base_currency,
        rates=record.rates,
        positions=_positions(bundle, anew.snapshot),
        window_dates=exact.scenario_dates if isinstance(exact, ReferenceSnapshot) else (),
        tail_rank=tail.rank if tail else 0,
        tail_mass=tail.mass if tail else 0.0,
        scenarios=_scenarios(exact, record) if isinstance(exact, ReferenceSnapshot) else (),
        var=anew.snapshot.var,
        expected_shortfall=anew.snapshot.expected_shortfall,
        oracle=_word(bundle, exact),
    )


def exact_risk(bundle: Bundle) -> ReferenceSnapshot | ReferenceInputError:
    """Return the exact risk on the record's inputs, or why the references cannot tell."""
    record, inputs = bundle.snapshot, _inputs_of(bundle)
    try:
        held = covered(
            inputs.held,
            inputs.now.closes,
            inputs.proxies,
            base_currency=record.base_currency,
            as_of=inputs.as_of,
            window=record.window,
        )
        return reference_snapshot(
            held.positions,
            held.closes,
            as_of=inputs.as_of,
            window=record.window,
            confidence=record.confidence,
            base_currency=record.base_currency,
            now=inputs.now,
            carrying=carrying_of(
                record,
                held.positions,
                {known.instrument: known for known in bundle.kept.instruments},
                session_tables(bundle.kept.sessions),
            ),
        )
    except ReferenceInputError as error:
        return error


def _inputs_of(bundle: Bundle) -> BookNow:
    record, kept = bundle.snapshot, bundle.kept
    instruments = {instrument.instrument: instrument for instrument in kept.instruments}
    closes = {
        name: dict(zip(close_series.dates, close_series.values, strict=True))
        for name, close_series in kept.closes.items()
    }
    last = max((date for series in closes.values() for date in series), default=dt.date.min)
    as_of = record.asof or last
    acts = _acts(kept, record.adjustment_count)
    instruments = acts.restruck()
    return BookNow(
        [_held(row, instruments.get(row.instrument)) for row in record.positions],
        CurrentMarket(
            _prices(record), record.rates, record.valuation_date or as_of, acts.restated(closes)
        ),
        as_of,
        record.confidence,
        record.base_currency,
        {name: instrument.proxy for name, instrument in instruments.items() if instrument.proxy},
    )


def _acts(kept: KeptRows, count: int) -> CorporateActions:
    """Return the first adjustments that took effect, by day, then dividends before splits."""
    taken = [
        EffectiveAdjustment(adjustment.adjustment, adjustment.taken)
        for adjustment in kept.adjustments
        if adjustment.taken is not None
    ]
    taken.sort(
        key=lambda effective: (
            effective.day,
            type(effective.adjustment).__name__,
            effective.adjustment.instrument,
        )
    )
    return CorporateActions(
        taken[:count],
        instruments={instrument.instrument: instrument for instrument in kept.instruments},
    )


def _held(row: PositionRisk, instrument: Instrument | None) -> ReferencePosition:
    return ReferencePosition(
        row.instrument,
        str(row.asset_class),
        row.currency,
        row.quantity,
        row.average_cost,
        1.0 if instrument is None else instrument.multiplier,
        "relative" if instrument is None else str(instrument.return_type),
        option=None if instrument is None else terms_of(instrument),
    )


def _prices(record: RiskSnapshot) -> dict[str, float]:
    """Return prices of what is held and what that is on; of options, only their own quotes."""
    spots = {
        row.option.underlying: row.option.spot
        for row in record.positions
        if row.option is not None and row.option.days_to_expiry >= 0
    }
    modelled = {
        row.instrument
        for row in record.positions
        if row.option is not None and not (row.option.is_implied or row.option.is_outside_model)
    }
    own = {row.instrument: row.price for row in record.positions if row.instrument not in modelled}
    return spots | own


def _word(bundle: Bundle, exact: ReferenceSnapshot | ReferenceInputError) -> OracleWord:
    if isinstance(exact, NoVarError):
        verdict, difference, detail = without_var(bundle.snapshot, exact)
        return OracleWord(verdict=verdict, largest_difference=difference, detail=detail)
    if isinstance(exact, ReferenceInputError):
        return OracleWord(
            verdict=OracleVerdict.UNCHECKED, largest_difference=None, detail=str(exact)
        )
    crises = crises_risk(_inputs_of(bundle), windows_of(bundle.kept.stressed))
    verdict, difference, detail = compared(bundle.snapshot, exact, crises)
    return OracleWord(verdict=verdict, largest_difference=difference, detail=detail)


def _positions(bundle: Bundle, anew: RiskSnapshot) -> tuple[PositionStep, ...]:
    multipliers = {
        instrument.instrument: instrument.multiplier for instrument in bundle.kept.instruments
    }
    return tuple(
        PositionStep(
            instrument=row.instrument,
            asset_class=str(row.asset_class),
            currency=row.currency,
            quantity=row.quantity,
            price=row.price,
            multiplier=multipliers.get(row.instrument, 1.0),
            rate=_rate(row.delta, row.quantity, multipliers.get(row.instrument, 1.0), row.price)
            if row.asset_class not in MONEY
            else row.price,
            value=row.value,
            component_var=row.component_var,
        )
        for row in anew.positions
    )


def _rate(delta: float, quantity: float, multiplier: float, otherwise: float) -> float:
    units = quantity * multiplier
    return delta / units if units else otherwise


def _scenarios(exact: ReferenceSnapshot, record: RiskSnapshot) -> tuple[ScenarioStep, ...]:
    """Return the scenario days worst first, with what each counts for in the tail mean."""
    order = sorted(
        range(len(exact.pnl)), key=lambda index: (exact.pnl[index], exact.scenario_dates[index])
    )
    left = len(order) * (1 - Fraction(record.confidence))
    steps = []
    for rank, index in enumerate(order, 1):
        weight = min(left, Fraction(1))
        left -= weight
        steps.append(
            ScenarioStep(
                rank=rank,
                date=exact.scenario_dates[index],
                pnl=float(exact.pnl[index]),
                weight=float(weight),
                is_var=rank == len(exact.tail),
            )
        )
    return tuple(steps)
