"""Numbers as cells of a table."""

from __future__ import annotations

from system.show.format import NOTHING
from system.show.sheets.contents import MapRow, Share, Signed, darkest, rising_loss, share, signed


def test_a_number_that_does_not_exist_is_a_dash_without_a_colour() -> None:
    assert signed(None) == Signed(text=NOTHING, sign=0)


def test_a_loss_that_rises_is_coloured_as_a_loss() -> None:
    assert signed(5.0) == Signed(text="+5", sign=1)
    assert rising_loss(5.0) == Signed(text="+5", sign=-1)


def test_a_bar_is_a_part_of_the_widest_one() -> None:
    assert share(-3.0, 6.0) == Share(share=-0.5)
    assert share(None, 6.0) == share(1.0, 0.0) == Share(share=0.0)


def test_the_darkest_cell_is_the_largest_either_way() -> None:
    assert darkest([MapRow(name="A", cells=(1.0, None, -4.0))]) == 4.0
    assert darkest([]) == 0.0
