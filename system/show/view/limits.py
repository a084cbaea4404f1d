"""Limits as the panel draws them: words first, colour second."""

from __future__ import annotations

from typing import Final

from system.contracts.limits import LimitLevel, LimitMeasure, LimitUse
from system.contracts.messages import RiskSnapshot
from system.show import format as text
from system.show.view.base import View

NAMES: Final = {
    LimitMeasure.VAR: "VaR",
    LimitMeasure.EXPECTED_SHORTFALL: "Expected shortfall",
    LimitMeasure.GROSS: "Gross exposure",
    LimitMeasure.NET: "Net exposure",
    LimitMeasure.SINGLE_NAME: "Largest name",
    LimitMeasure.VEGA: "Vega per vol point",
}
WORDS: Final = {
    LimitLevel.OK: "within",
    LimitLevel.WARNING: "warning",
    LimitLevel.BREACH: "breach",
    LimitLevel.UNKNOWN: "not meaningful",
}


class LimitRow(View, frozen=True, kw_only=True):
    """One limit: fractions of NAV as text, ``used`` (1 = at the breach level) for drawing."""

    measure: str
    name: str
    value: str
    warning: str
    breach: str
    used: float | None
    used_text: str
    warning_share: float
    level: LimitLevel
    words: str


def limit_rows(snapshot: RiskSnapshot) -> tuple[LimitRow, ...]:
    """Return a snapshot's limits in their order."""
    return tuple(map(_row, snapshot.limits))


def raised_measures(snapshot: RiskSnapshot) -> tuple[LimitMeasure, ...]:
    """Return the measures of which a level is raised."""
    alert = (LimitLevel.WARNING, LimitLevel.BREACH)
    return tuple(use.measure for use in snapshot.limits if _shown_level(use) in alert)


def _row(use: LimitUse) -> LimitRow:
    level = _shown_level(use)
    return LimitRow(
        measure=use.measure.value,
        name=NAMES[use.measure],
        value=text.percent(use.value),
        warning=text.percent(use.warning),
        breach=text.percent(use.breach),
        used=use.used,
        used_text=text.percent(use.used, digits=0),
        warning_share=use.warning / use.breach,
        level=level,
        words=_words(use, level),
    )


def _shown_level(use: LimitUse) -> LimitLevel:
    """Return the level that is raised; where the number is not there now, that it is not."""
    if use.level is LimitLevel.UNKNOWN or use.raised is None:
        return use.level
    return use.raised


def _words(use: LimitUse, level: LimitLevel) -> str:
    if level is use.level:
        return WORDS[level]
    return f"{WORDS[level]}, still raised: now {WORDS[use.level]}"
