"""Worst limit of a portfolio: by level, then by use."""

from __future__ import annotations

import pytest

from system.contracts.api.portfolios import severity, worst_use
from system.contracts.limits import LimitLevel, LimitMeasure, LimitUse


def use(measure: LimitMeasure, level: LimitLevel, used: float | None) -> LimitUse:
    return LimitUse(measure=measure, value=used, warning=0.8, breach=1.0, used=used, level=level)


def test_a_level_counts_before_a_use() -> None:
    warned = use(LimitMeasure.NET, LimitLevel.WARNING, 0.9)
    kept = use(LimitMeasure.VAR, LimitLevel.OK, 0.95)
    assert worst_use((kept, warned)) is warned


def test_equal_levels_are_told_apart_by_use() -> None:
    less = use(LimitMeasure.VAR, LimitLevel.BREACH, 1.1)
    more = use(LimitMeasure.GROSS, LimitLevel.BREACH, 1.4)
    assert worst_use((less, more)) is more


def test_a_limit_whose_number_does_not_exist_is_worse_than_one_that_is_kept() -> None:
    kept = use(LimitMeasure.VAR, LimitLevel.OK, 0.5)
    unknown = use(LimitMeasure.NET, LimitLevel.UNKNOWN, None)
    assert worst_use((kept, unknown)) is unknown


def test_only_the_measure_that_is_asked_for_counts() -> None:
    breached = use(LimitMeasure.VAR, LimitLevel.BREACH, 1.1)
    kept = use(LimitMeasure.NET, LimitLevel.OK, 0.1)
    assert worst_use((breached, kept), LimitMeasure.NET) is kept
    assert worst_use((breached,), LimitMeasure.VEGA) is None
    assert worst_use(()) is None


@pytest.mark.parametrize("level", LimitLevel)
def test_every_level_has_a_severity_of_its_own(level: LimitLevel) -> None:
    assert [severity(other) for other in LimitLevel].count(severity(level)) == 1
