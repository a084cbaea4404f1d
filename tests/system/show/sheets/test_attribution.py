"""Heat maps of who carried the risk."""

from __future__ import annotations

import pytest

from system.contracts.messages import RiskSnapshot
from system.show.sheets.attribution import component_map, exposure_map, heaviest
from tests.system.show.market import replace_struct


def test_the_last_column_is_the_newest_number(
    long_short: RiskSnapshot, ends_of_day: tuple[RiskSnapshot, ...]
) -> None:
    drawn = component_map(ends_of_day, long_short)
    assert drawn.columns[-1] == "now"
    assert len(drawn.columns) == len(ends_of_day) + 1
    now = {row.name: row.cells[-1] for row in drawn.rows}
    for row in long_short.positions:
        assert row.component_var is not None
        assert now[row.instrument] == pytest.approx(row.component_var / long_short.nav * 1e4)


def test_shorts_are_below_zero_and_long_is_blue(long_short: RiskSnapshot) -> None:
    drawn = exposure_map((), long_short)
    assert drawn.positive == "hedge"
    cells = {row.name: row.cells[0] for row in drawn.rows}
    assert cells["JPM"] is not None
    assert cells["JPM"] < 0


def test_a_position_that_was_not_held_has_no_number(
    long_short: RiskSnapshot, ends_of_day: tuple[RiskSnapshot, ...]
) -> None:
    first = replace_struct(ends_of_day[0], positions=ends_of_day[0].positions[1:])
    sold = ends_of_day[0].positions[0].instrument
    drawn = component_map((first,), long_short)
    assert next(row for row in drawn.rows if row.name == sold).cells[0] is None


def test_a_nav_that_is_not_positive_has_no_basis_points(long_short: RiskSnapshot) -> None:
    assert component_map((), replace_struct(long_short, nav=-1.0)).rows == ()


def test_names_are_ordered_by_weight_then_alphabet() -> None:
    assert heaviest([{"b": 1.0, "a": -1.0, "c": 0.0}, {"d": 5.0}]) == ["d", "a", "b"]
