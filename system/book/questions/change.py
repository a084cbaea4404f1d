"""What changed VaR between two snapshots: sequential substitution, each step in full.

The order is fixed (``ChangeStep``). In each step one input of the later snapshot takes the
place of the earlier one's, and the whole book is computed anew by the functions that the
stream calls. So the last step states the later snapshot's bits, and an input that did not
change moves nothing at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from system.book.questions.snapshot_book import SnapshotInputs, moment_of, recalled_book, restated
from system.book.questions.split_bridge import SplitBridge
from system.book.valuation.snapshot import risk_snapshot
from system.contracts.api.questions import ChangeStep, VarChange, VarStep
from system.contracts.measures import OptionRisk
from system.contracts.messages import MONEY, PositionRisk, RiskSnapshot


def var_change(before: RiskSnapshot, after: RiskSnapshot, recall: SnapshotInputs) -> VarChange:
    """Return what changed VaR between two snapshots of a portfolio.

    Parameters
    ----------
    before, after : RiskSnapshot
        Stored ones, in the order of time or not.
    recall : SnapshotInputs
        Reference data and closes of both.

    Returns
    -------
    VarChange
        Losses, positive. What is held only in ``after`` is priced at its later price from
        the first step on, since ``before`` has none; rates likewise.

    Raises
    ------
    OtherInputsError
        If the inputs of one of the two cannot be made anew to the bit.
    NotRecalledError
        If one of the two lacked a price.
    """
    assert before.portfolio == after.portfolio, (before.portfolio, after.portfolio)
    between = SplitBridge.of(before, after, recall.market)
    first = restated(before, recalled_book(before, recall))
    restated(after, recalled_book(after, recall))
    steps: list[VarStep] = []
    stands, var = before, first.var
    for step, substituted in _SUBSTITUTIONS.items():
        stood, stands = stands, substituted(stands, after, between)
        made = _computed(stands, recall)
        steps.append(
            VarStep(
                step=step,
                changed=_is_changed(step, stood, stands),
                var=made.var,
                change=difference(var, made.var),
                not_available=made.not_available,
            )
        )
        var = made.var
    assert var == after.var, f"the last step states {var}, the snapshot {after.var}"
    return VarChange(
        portfolio=after.portfolio,
        from_id=before.snapshot_id,
        to_id=after.snapshot_id,
        from_time_ns=before.event_time_ns,
        to_time_ns=after.event_time_ns,
        base_currency=after.base_currency,
        var_before=before.var,
        var_after=after.var,
        change=difference(before.var, after.var),
        steps=tuple(steps),
    )


def difference(before: float | None, after: float | None) -> float | None:
    """Return after less before, None where either does not exist."""
    return None if before is None or after is None else after - before


def _computed(hybrid: RiskSnapshot, recall: SnapshotInputs) -> RiskSnapshot:
    return risk_snapshot(recalled_book(hybrid, recall), moment_of(hybrid))


# -- one input each -----------------------------------------------------------------------

Substitution = Callable[[RiskSnapshot, RiskSnapshot, SplitBridge], RiskSnapshot]


def _with_positions(
    stands: RiskSnapshot, after: RiskSnapshot, between: SplitBridge
) -> RiskSnapshot:
    """Return the later positions in the earlier shares and at the earlier prices, if any."""
    rows = between.before_them(stands, after)
    rates = {**after.rates, **stands.rates}
    return msgspec.structs.replace(stands, positions=rows, rates=rates, missing=after.missing)


def _with_actions(stands: RiskSnapshot, after: RiskSnapshot, between: SplitBridge) -> RiskSnapshot:
    """Return the later positions, at the earlier prices in the later shares."""
    known = {row.instrument: row for row in stands.positions}
    rows = tuple(_acted(known.get(row.instrument), row, between) for row in after.positions)
    acted = msgspec.structs.replace(stands, positions=rows, adjustment_count=after.adjustment_count)
    if not between.taken:
        return acted
    stood = msgspec.structs.replace(
        stands, positions=tuple(known.get(row.instrument, row) for row in after.positions)
    )
    return _priced_again(stood, acted, after)


def _acted(old: PositionRisk | None, new: PositionRisk, between: SplitBridge) -> PositionRisk:
    if old is None:
        return new
    option = old.option
    if option is not None:
        spot = between.restated(option.spot, option.underlying)
        option = msgspec.structs.replace(option, spot=spot)
    price = between.restated(old.price, old.instrument)
    return msgspec.structs.replace(new, price=price, option=option)


def _with_prices(stands: RiskSnapshot, after: RiskSnapshot, _: SplitBridge) -> RiskSnapshot:
    """Return the later prices; of options the later spot, at the earlier volatility."""
    rows = tuple(
        msgspec.structs.replace(
            new if old.option is None or new.option is None else old,
            option=_option(old, spot=None if new.option is None else new.option.spot),
        )
        for old, new in zip(stands.positions, after.positions, strict=True)
    )
    return _priced_again(stands, msgspec.structs.replace(stands, positions=rows), after)


def _with_volatilities(stands: RiskSnapshot, after: RiskSnapshot, _: SplitBridge) -> RiskSnapshot:
    rows = tuple(
        _volatile(old, new) for old, new in zip(stands.positions, after.positions, strict=True)
    )
    return _priced_again(stands, msgspec.structs.replace(stands, positions=rows), after)


def _with_time(stands: RiskSnapshot, after: RiskSnapshot, _: SplitBridge) -> RiskSnapshot:
    later = msgspec.structs.replace(stands, valuation_date=after.valuation_date)
    return _priced_again(stands, later, after)


def _option(row: PositionRisk, *, spot: float | None) -> OptionRisk | None:
    if row.option is None or spot is None:
        return row.option
    return msgspec.structs.replace(row.option, spot=spot)


def _volatile(old: PositionRisk, new: PositionRisk) -> PositionRisk:
    """Return an option with the later volatility; a price outside the model comes with it."""
    if old.option is None or new.option is None:
        return old
    option = msgspec.structs.replace(
        old.option,
        volatility=new.option.volatility,
        is_implied=new.option.is_implied,
        is_outside_model=new.option.is_outside_model,
    )
    price = new.price if option.is_outside_model else old.price
    return msgspec.structs.replace(old, price=price, option=option)


def _priced_again(stood: RiskSnapshot, mixed: RiskSnapshot, after: RiskSnapshot) -> RiskSnapshot:
    """Return a mixture with its options' prices: none where no moment has it.

    An option's price belongs to its spot, volatility and day together. Where these are still
    those that stood, or all are the later snapshot's, so is the price; otherwise one that a
    quote had implied is the model's. A price outside the model belongs to none of them.
    """
    same_as_stood = mixed.valuation_date == stood.valuation_date
    same_as_after = mixed.valuation_date == after.valuation_date
    rows = []
    for old, row, new in zip(stood.positions, mixed.positions, after.positions, strict=True):
        inputs = _model_inputs(row)
        if inputs is None or (same_as_stood and inputs == _model_inputs(old)):
            rows.append(row)
        elif same_as_after and inputs == _model_inputs(new):
            rows.append(new)
        elif inputs.is_implied:
            rows.append(msgspec.structs.replace(row, price=math.nan))
        else:
            rows.append(row)
    return msgspec.structs.replace(mixed, positions=tuple(rows))


class _ModelInputs(NamedTuple):
    """Inputs that an option's price belongs to; ``price`` only where it is outside the model."""

    spot: float
    volatility: float | None
    is_implied: bool
    price: float | None


def _model_inputs(row: PositionRisk) -> _ModelInputs | None:
    """Return what an option's price belongs to, None where it is no option."""
    option = row.option
    if option is None:
        return None
    price = row.price if option.is_outside_model else None
    return _ModelInputs(option.spot, option.volatility, option.is_implied, price)


def _with_rates(stands: RiskSnapshot, after: RiskSnapshot, _: SplitBridge) -> RiskSnapshot:
    return msgspec.structs.replace(stands, rates={**stands.rates, **after.rates})


def _with_window(stands: RiskSnapshot, after: RiskSnapshot, _: SplitBridge) -> RiskSnapshot:
    return msgspec.structs.replace(stands, asof=after.asof)


def _with_settings(stands: RiskSnapshot, after: RiskSnapshot, _: SplitBridge) -> RiskSnapshot:
    """Return the later snapshot: the settings were all that was left of the earlier one."""
    return after


_SUBSTITUTIONS: Final[Mapping[ChangeStep, Substitution]] = {
    ChangeStep.POSITIONS: _with_positions,
    ChangeStep.CORPORATE_ACTIONS: _with_actions,
    ChangeStep.PRICES: _with_prices,
    ChangeStep.VOLATILITY: _with_volatilities,
    ChangeStep.TIME: _with_time,
    ChangeStep.FX: _with_rates,
    ChangeStep.WINDOW: _with_window,
    ChangeStep.SETTINGS: _with_settings,
}


# -- what differs -------------------------------------------------------------------------


def _is_changed(step: ChangeStep, stood: RiskSnapshot, stands: RiskSnapshot) -> bool:
    seen = _INPUTS.get(step)
    return seen is not None and seen(stood) != seen(stands)


def _held(snapshot: RiskSnapshot) -> object:
    return [(row.instrument, row.quantity, _cost(row)) for row in snapshot.positions]


def _cost(row: PositionRisk) -> float:
    return 0.0 if row.asset_class in MONEY else row.average_cost


def _priced(snapshot: RiskSnapshot) -> object:
    """Return prices; of options the underlying's, since their own follow from it and more."""
    return {
        row.instrument: row.price if row.option is None else row.option.spot
        for row in snapshot.positions
        if row.asset_class not in MONEY
    }


def _implied(snapshot: RiskSnapshot) -> object:
    return {
        row.instrument: (inputs.volatility, inputs.is_implied, inputs.price)
        for row in snapshot.positions
        if (inputs := _model_inputs(row)) is not None
    }


def _dated(snapshot: RiskSnapshot) -> object:
    """Return the day that time to expiry counts from, where anything expires."""
    expires = any(row.option is not None for row in snapshot.positions)
    return snapshot.valuation_date if expires else None


_INPUTS: Final[Mapping[ChangeStep, Callable[[RiskSnapshot], object]]] = {
    ChangeStep.POSITIONS: _held,
    ChangeStep.CORPORATE_ACTIONS: lambda snapshot: (_held(snapshot), _priced(snapshot)),
    ChangeStep.PRICES: _priced,
    ChangeStep.VOLATILITY: _implied,
    ChangeStep.TIME: _dated,
    ChangeStep.FX: lambda snapshot: snapshot.rates,
    ChangeStep.WINDOW: lambda snapshot: snapshot.asof,
    ChangeStep.SETTINGS: lambda snapshot: (
        snapshot.base_currency,
        snapshot.confidence,
        snapshot.window,
        snapshot.carry_max_sessions,
        snapshot.carry_max_share,
    ),
}
