"""P&L of a portfolio: sums of what options gained, and what is left for the rest."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.api.pnl import PARTS, TOTAL, total_of
from system.contracts.measures import ExplainedPnl

amounts = st.floats(-1e9, 1e9)


@given(st.lists(st.tuples(*[amounts] * len(PARTS)), min_size=1, max_size=8))
def test_the_total_is_explained_by_the_sums_of_the_parts(rows: list[tuple[float, ...]]) -> None:
    explained = [
        ExplainedPnl(
            instrument="X", actual=math.fsum(parts), **dict(zip(PARTS, parts, strict=True))
        )
        for parts in rows
    ]
    total = total_of(explained)
    assert total is not None
    assert total.instrument == TOTAL
    added = math.fsum(getattr(total, name) for name in PARTS)
    scale = math.fsum(abs(part) for parts in rows for part in parts)
    assert added == pytest.approx(total.actual, rel=0, abs=1e-14 * scale)


def test_without_options_there_is_no_total() -> None:
    assert total_of(()) is None
