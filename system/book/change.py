"""What changed VaR between two snapshots: sequential substitution, each step in full.

The order is fixed (``ChangeStep``). In each step one input of the later snapshot takes the
place of the earlier one's, and the whole book is computed anew by the functions that the
stream calls. So the last step states the later snapshot's bits, and an input that did not
change moves nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from system.book.recall import Recall, moment_of, recalled_book, restated
from system.book.snapshot import risk_snapshot
from system.contracts.messages import MONEY, PositionRisk, RiskSnapshot
from system.contracts.questions import ChangeStep, VarChange, VarStep


def var_change(before: RiskSnapshot, after: RiskSnapshot, recall: Recall) -> VarChange:
    """Return what changed VaR between two snapshots of a portfolio.

    Parameters
    ----------
    before, after : RiskSnapshot
        Stored ones, in the order of time or not.
    recall : Recall
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
    first = restated(before, recalled_book(before, recall))
    restated(after, recalled_book(after, recall))
    steps: list[VarStep] = []
    stands, var = before, first.var
    for step, substituted in _SUBSTITUTIONS.items():
        stood, stands = stands, substituted(stands, after)
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


def _computed(hybrid: RiskSnapshot, recall: Recall) -> RiskSnapshot:
    return risk_snapshot(recalled_book(hybrid, recall), moment_of(hybrid))


# -- one input each -----------------------------------------------------------------------

Substitution = Callable[[RiskSnapshot, RiskSnapshot], RiskSnapshot]


def _with_positions(stands: RiskSnapshot, after: RiskSnapshot) -> RiskSnapshot:
    """Return the later positions at the earlier prices, where there were any."""
    prices = {row.instrument: row.price for row in stands.positions}
    rows = tuple(
        msgspec.structs.replace(row, price=prices.get(row.instrument, row.price))
        for row in after.positions
    )
    rates = {**after.rates, **stands.rates}
    return msgspec.structs.replace(stands, positions=rows, rates=rates, missing=after.missing)


def _with_nothing(stands: RiskSnapshot, _: RiskSnapshot) -> RiskSnapshot:
    """Return the same: this version has no such input."""
    return stands


def _with_prices(stands: RiskSnapshot, after: RiskSnapshot) -> RiskSnapshot:
    return msgspec.structs.replace(stands, positions=after.positions)


def _with_rates(stands: RiskSnapshot, after: RiskSnapshot) -> RiskSnapshot:
    return msgspec.structs.replace(stands, rates={**stands.rates, **after.rates})


def _with_window(stands: RiskSnapshot, after: RiskSnapshot) -> RiskSnapshot:
    return msgspec.structs.replace(stands, asof=after.asof)


def _with_settings(_: RiskSnapshot, after: RiskSnapshot) -> RiskSnapshot:
    """Return the later snapshot: the settings were all that was left of the earlier one."""
    return after


_SUBSTITUTIONS: Final[Mapping[ChangeStep, Substitution]] = {
    ChangeStep.POSITIONS: _with_positions,
    ChangeStep.CORPORATE_ACTIONS: _with_nothing,
    ChangeStep.PRICES: _with_prices,
    ChangeStep.VOLATILITY: _with_nothing,
    ChangeStep.TIME: _with_nothing,
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
    return {row.instrument: row.price for row in snapshot.positions if row.asset_class not in MONEY}


_INPUTS: Final[Mapping[ChangeStep, Callable[[RiskSnapshot], object]]] = {
    ChangeStep.POSITIONS: _held,
    ChangeStep.PRICES: _priced,
    ChangeStep.FX: lambda snapshot: snapshot.rates,
    ChangeStep.WINDOW: lambda snapshot: snapshot.asof,
    ChangeStep.SETTINGS: lambda snapshot: (
        snapshot.base_currency,
        snapshot.confidence,
        snapshot.window,
    ),
}
