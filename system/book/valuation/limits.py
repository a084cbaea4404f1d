"""Where a portfolio stands against its limits, and which alerts that raises.

Laws of this file: a level is raised at the first snapshot that is strictly above it; it is
left only ``HYSTERESIS`` below; what is raised is never less than what stands; a number that
does not exist changes nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from system.contracts.limits import (
    HYSTERESIS,
    WARNING_SHARE,
    Limit,
    LimitEvent,
    LimitLevel,
    LimitMeasure,
    LimitUse,
)
from system.contracts.messages import AssetClass, RiskSnapshot
from system.risk.valuation import var_fraction

LevelKey = tuple[str, LimitMeasure]
"""Portfolio and measure."""
_SEVERITY: Final = {LimitLevel.OK: 0, LimitLevel.WARNING: 1, LimitLevel.BREACH: 2}


def limit_uses(snapshot: RiskSnapshot, limits: Sequence[Limit]) -> tuple[LimitUse, ...]:
    """Return where a snapshot stands against the limit on VaR, and against the others.

    Parameters
    ----------
    snapshot : RiskSnapshot
        Amounts in base currency; VaR and its kin as losses, positive.
    limits : sequence of Limit
        Of its portfolio; a measure that stands twice counts with its last.

    Returns
    -------
    tuple of LimitUse
        VaR first, then by measure; fractions of NAV, nothing raised.
    """
    breach = snapshot.var_limit_fraction
    if not limits:
        var = limited_value(snapshot, LimitMeasure.VAR)
        return (limit_use(LimitMeasure.VAR, var, WARNING_SHARE * breach, breach),)
    levels = {LimitMeasure.VAR: (WARNING_SHARE * breach, breach)}
    levels |= {limit.measure: (limit.warning, limit.breach) for limit in limits}
    return tuple(
        limit_use(measure, limited_value(snapshot, measure), *levels[measure])
        for measure in LimitMeasure
        if measure in levels
    )


def limit_use(
    measure: LimitMeasure, value: float | None, warning: float, breach: float
) -> LimitUse:
    """Return where a value stands against its two levels, all fractions of NAV."""
    return LimitUse(
        measure=measure,
        value=value,
        warning=warning,
        breach=breach,
        used=None if value is None else _used(value, breach),
        level=standing_level(value, warning, breach),
    )


def _used(value: float, breach: float) -> float | None:
    """Return value / breach, None where the limit is too close to zero for a number."""
    used = value / breach
    return used if math.isfinite(used) else None


def limited_value(snapshot: RiskSnapshot, measure: LimitMeasure) -> float | None:
    """Return what a measure limits as a fraction of NAV, None where it does not exist."""
    amount = _amount(snapshot, measure)
    return None if amount is None else var_fraction(amount, snapshot.nav)


def _amount(snapshot: RiskSnapshot, measure: LimitMeasure) -> float | None:
    if measure is LimitMeasure.VAR:
        return snapshot.var
    if measure is LimitMeasure.EXPECTED_SHORTFALL:
        return snapshot.expected_shortfall
    if snapshot.missing or snapshot.positions_unknown:
        return None
    return _POSITION_MEASURES[measure](snapshot)


def _exposures(snapshot: RiskSnapshot) -> list[float]:
    return [row.exposure for row in snapshot.positions if row.asset_class is not AssetClass.CASH]


def _largest_name(snapshot: RiskSnapshot) -> float:
    """Return the size of the largest exposure to one name, base currency."""
    names: defaultdict[str, list[float]] = defaultdict(list)
    for row in snapshot.positions:
        if row.asset_class is not AssetClass.CASH:
            name = row.instrument if row.option is None else row.option.underlying
            names[name].append(row.exposure)
    return max((abs(math.fsum(exposures)) for exposures in names.values()), default=0.0)


def _vega(snapshot: RiskSnapshot) -> float:
    """Return the size of vega, base currency per vol point: 0 without options."""
    return 0.0 if snapshot.greeks is None else abs(snapshot.greeks.vega)


_POSITION_MEASURES: Final[Mapping[LimitMeasure, Callable[[RiskSnapshot], float]]] = {
    LimitMeasure.GROSS: lambda snapshot: math.fsum(map(abs, _exposures(snapshot))),
    LimitMeasure.NET: lambda snapshot: abs(math.fsum(_exposures(snapshot))),
    LimitMeasure.SINGLE_NAME: _largest_name,
    LimitMeasure.VEGA: _vega,
}


def standing_level(value: float | None, warning: float, breach: float) -> LimitLevel:
    """Return where a value stands: strictly above a level it is crossed."""
    if value is None:
        return LimitLevel.UNKNOWN
    if value > breach:
        return LimitLevel.BREACH
    return LimitLevel.WARNING if value > warning else LimitLevel.OK


def raised_level(use: LimitUse, before: LimitLevel) -> LimitLevel:
    """Return the level that stays or becomes raised.

    Parameters
    ----------
    use : LimitUse
        Where the value stands now.
    before : LimitLevel
        What was raised until now; not ``UNKNOWN``.

    Returns
    -------
    LimitLevel
        ``before`` where the number does not exist.
    """
    if use.value is None:
        return before
    held = [use.level]
    for level, threshold in (
        (LimitLevel.WARNING, use.warning),
        (LimitLevel.BREACH, use.breach),
    ):
        if _SEVERITY[before] >= _SEVERITY[level] and use.value > threshold * (1.0 - HYSTERESIS):
            held.append(level)
    return max(held, key=_SEVERITY.__getitem__)


class LimitAlerts:
    """The raised level of each limit of each portfolio, from snapshot to snapshot.

    Parameters
    ----------
    raised : mapping of (str, LimitMeasure) to LimitLevel
        As an earlier life left them; what is not there is ``OK``.
    """

    def __init__(self, raised: Mapping[LevelKey, LimitLevel] | None = None) -> None:
        self._raised: dict[LevelKey, LimitLevel] = dict(raised or {})

    def watched(self, snapshot: RiskSnapshot) -> tuple[RiskSnapshot, tuple[LimitEvent, ...]]:
        """Return a snapshot with what is raised, and the levels that changed.

        Parameters
        ----------
        snapshot : RiskSnapshot
            The next of its portfolio; once each.

        Returns
        -------
        tuple of RiskSnapshot, and tuple of LimitEvent
            Nothing is raised or left where a number does not exist.
        """
        uses, events = [], []
        for use in snapshot.limits:
            key = (snapshot.portfolio, use.measure)
            before = self._raised.get(key, LimitLevel.OK)
            after = self._raised[key] = raised_level(use, before)
            uses.append(msgspec.structs.replace(use, raised=after))
            if after is not before:
                events.append(_event(snapshot, use, before, after))
        return msgspec.structs.replace(snapshot, limits=tuple(uses)), tuple(events)


def _event(
    snapshot: RiskSnapshot, use: LimitUse, before: LimitLevel, after: LimitLevel
) -> LimitEvent:
    assert use.value is not None, "a level changes only by a number"
    return LimitEvent(
        portfolio=snapshot.portfolio,
        measure=use.measure,
        before=before,
        after=after,
        value=use.value,
        warning=use.warning,
        breach=use.breach,
        snapshot_id=snapshot.snapshot_id,
        event_time_ns=snapshot.event_time_ns,
    )
