"""Tables of closes are bounded, grow by a day at a time, and equal a table built at once."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from system.book.state.close_table import (
    MAX_TABLE_DATES,
    extended_table,
    is_cut_before,
    newest_table,
    tail_table,
)

FIRST = dt.date(2015, 1, 1)


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number)


def series(*numbers: int) -> dict[dt.date, float]:
    return {day(number): 100.0 + number for number in numbers}


def test_a_table_keeps_the_newest_dates_of_all_series():
    table = newest_table({"A": series(*range(MAX_TABLE_DATES + 5)), "B": series(0, 2)})
    assert len(table.dates) == MAX_TABLE_DATES
    assert (table.dates[0], table.dates[-1]) == (day(5), day(MAX_TABLE_DATES + 4))
    assert np.isnan(table.closes[table.row_of["B"]]).all(), "its closes are older"


def test_a_table_that_grew_day_by_day_equals_one_built_at_once():
    closes = {"A": series(0, 1, 2), "B": series(0, 2)}
    grown = newest_table({"A": series(0), "B": series(0)})
    for number in (1, 2):
        closed = {
            name: dates[day(number)] for name, dates in closes.items() if day(number) in dates
        }
        extended = extended_table(grown, day(number), closed, {})
        assert extended is not None
        grown = extended
    whole = newest_table(closes)
    assert (grown.names, grown.dates) == (whole.names, whole.dates)
    np.testing.assert_array_equal(grown.closes, whole.closes)


@pytest.mark.parametrize(
    ("number", "closed"), [(2, {"A": 1.0}), (1, {"A": 1.0}), (3, {"A": 1.0, "NEW": 1.0})]
)
def test_a_day_that_is_not_newer_or_a_new_series_asks_for_a_table_built_again(number, closed):
    table = newest_table({"A": series(0, 2)})
    assert extended_table(table, day(number), closed, {}) is None


def test_only_a_full_table_can_lack_the_first_close_of_a_series():
    full = newest_table({"A": series(*range(MAX_TABLE_DATES + 1))})
    assert is_cut_before(full, [day(0)])
    assert not is_cut_before(full, [day(1)])
    assert not is_cut_before(newest_table({"A": series(3)}), [day(0)])


def test_a_tail_holds_the_last_closes_of_each_series_up_to_the_day():
    table = tail_table({"A": series(0, 1, 2, 3), "B": series(0)}, as_of=day(2), close_count=2)
    assert table.dates == (day(0), day(1), day(2))
    assert np.isnan(table.closes[table.row_of["A"]]).tolist() == [True, False, False]
    assert table.closes[table.row_of["B"], 0] == 100.0
