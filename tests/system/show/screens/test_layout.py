"""Widths of cells: a style rule for each, on either side of the two bounds."""

from __future__ import annotations

import re

import pytest

from system.show.screens.layout import COLUMNS, cell, span_rules


def test_every_width_has_a_rule_on_both_sizes_of_screen() -> None:
    rules = span_rules()
    for name in ("st-key-wide", "-middle"):
        spans = re.findall(rf'\*="{name}(\d+)-"\]\) {{ grid-column: span (\d+); }}', rules)
        assert spans == [(str(width), str(width)) for width in range(1, COLUMNS + 1)]


def test_wider_screens_have_the_last_word() -> None:
    rules = span_rules()
    assert rules.index("min-width: 800px") < rules.index("min-width: 1280px")


@pytest.mark.parametrize(("wide", "middle"), [(0, 6), (6, 13)])
def test_a_width_that_the_grid_has_not_is_our_mistake(wide: int, middle: int) -> None:
    with pytest.raises(AssertionError, match="columns wide"):
        cell("odd", wide, middle)
