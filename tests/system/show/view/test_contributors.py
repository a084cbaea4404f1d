"""Which positions cause the risk."""

from __future__ import annotations

import msgspec
import pytest

from system.contracts.messages import PositionRisk, RiskSnapshot
from system.show.view.contributors import contributors
from tests.system.show.market import replace_struct


def changed(row: PositionRisk, **changes: object) -> PositionRisk:
    return msgspec.structs.replace(row, **changes)


def test_positions_stand_by_component_var_and_their_parts_add_up_to_it(
    long_short: RiskSnapshot,
) -> None:
    rows = contributors(long_short).rows
    parts = [row.component for row in rows if row.component is not None]
    assert parts == sorted(parts, reverse=True)
    assert sum(parts) == pytest.approx(long_short.var)
    assert sum(row.share or 0.0 for row in rows) == pytest.approx(1.0)


def test_a_position_without_a_component_comes_last(long_short: RiskSnapshot) -> None:
    first, *rest = long_short.positions
    unknown = replace_struct(
        long_short, positions=(changed(first, component_var=None, component_es=None), *rest)
    )
    last = contributors(unknown).rows[-1]
    assert last.instrument == first.instrument
    assert (last.component_text, last.share_text) == ("\u2013", "\u2013")


def test_cash_in_the_base_currency_comes_last_whatever_hedges(long_short: RiskSnapshot) -> None:
    first, *rest = long_short.positions
    cash = changed(first, instrument="cash:USD", component_var=0.0)
    rows = contributors(replace_struct(long_short, positions=(cash, *rest))).rows
    assert rows[-1].instrument == "cash:USD"
    assert rows[-2].component is not None
    assert rows[-2].component < 0


def test_shares_of_a_var_that_is_not_positive_are_not_meaningful(long_short: RiskSnapshot) -> None:
    drawn = contributors(replace_struct(long_short, var=-10.0))
    assert {row.share_text for row in drawn.rows} == {"\u2013"}
    assert drawn.top_share == "\u2013"


def test_delta_is_in_cash_so_that_a_share_and_a_future_compare(long_short: RiskSnapshot) -> None:
    by_name = {row.instrument: row for row in contributors(long_short).rows}
    for position in long_short.positions:
        assert by_name[position.instrument].delta == pytest.approx(position.exposure)
    assert "per 1.0 of price" in by_name["ES"].delta_note


def test_a_stale_price_is_named_with_its_time(long_short: RiskSnapshot) -> None:
    first, *rest = long_short.positions
    noon_ns = 1_583_150_400_000_000_000
    stale = replace_struct(long_short, positions=(changed(first, stale_since_ns=noon_ns), *rest))
    by_name = {row.instrument: row for row in contributors(stale).rows}
    assert by_name[first.instrument].stale == "12:00:00"
    assert all(not row.stale for name, row in by_name.items() if name != first.instrument)


def test_only_as_many_as_there_are_count_as_the_top(long_short: RiskSnapshot) -> None:
    drawn = contributors(replace_struct(long_short, positions=long_short.positions[:2]))
    assert drawn.top_count == 2
