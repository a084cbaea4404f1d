from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from system.risk.errors import MissingCloseError, TooFewClosesError, UnknownSeriesError
from system.risk.scenarios.window import (
    CarriedClose,
    CloseTable,
    Missing,
    scenario_window,
    window_without_series,
)

NAN = float("nan")


def day(number: int) -> dt.date:
    return dt.date(2020, 3, number)


@pytest.fixture
def table() -> CloseTable:
    """Two series; B has no close on the 3rd, A none on the 5th."""
    closes = np.array([[10.0, 11.0, 12.0, 13.0, NAN, 15.0], [20.0, 21.0, NAN, 23.0, 24.0, 25.0]])
    return CloseTable(("A", "B"), tuple(day(number) for number in range(1, 7)), closes)


def test_scenario_days_are_those_on_which_any_series_has_a_close(table: CloseTable) -> None:
    window = scenario_window(table, as_of=day(6), scenario_count=5)
    assert window.dates == table.dates
    assert window.closes.tolist() == [
        [10.0, 11.0, 12.0, 13.0, 13.0, 15.0],
        [20.0, 21.0, 21.0, 23.0, 24.0, 25.0],
    ]
    assert window.carried == (CarriedClose("A", day(5)), CarriedClose("B", day(3)))
    assert window.last_closes == (day(6), day(6))


def test_skipped_days_are_those_on_which_some_series_has_no_close(table: CloseTable) -> None:
    window = scenario_window(table, as_of=day(6), scenario_count=3, missing=Missing.SKIP)
    assert window.dates == (day(1), day(2), day(4), day(6))
    assert window.scenario_dates == (day(2), day(4), day(6))
    assert window.closes.tolist() == [[10.0, 11.0, 13.0, 15.0], [20.0, 21.0, 23.0, 25.0]]
    assert window.carried == ()


def test_no_close_after_the_as_of_date_is_looked_at(table: CloseTable) -> None:
    window = scenario_window(table, as_of=day(5), scenario_count=2)
    assert window.dates == (day(3), day(4), day(5))
    window = scenario_window(table, as_of=day(5), scenario_count=2, missing=Missing.SKIP)
    assert window.dates == (day(1), day(2), day(4))


def test_a_series_that_falls_silent_neither_ends_nor_shortens_the_window() -> None:
    alive = {day(number): float(number) for number in range(1, 7)}
    table = CloseTable.of({"A": alive, "B": {day(1): 1.0, day(2): 2.0}})
    window = scenario_window(table, as_of=day(6), scenario_count=5)
    assert window.dates == tuple(alive)
    assert window.row("B").tolist() == [1.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    assert window.last_closes == (day(6), day(2))


def test_the_window_is_the_latest_days(table: CloseTable) -> None:
    assert scenario_window(table, as_of=day(6), scenario_count=1).dates == (day(5), day(6))


def test_a_carried_close_stands_in_and_is_counted_by_name_and_date(table: CloseTable) -> None:
    window = scenario_window(table, as_of=day(6), scenario_count=5, missing=Missing.CARRY)
    assert window.dates == table.dates
    assert window.row("A").tolist() == [10.0, 11.0, 12.0, 13.0, 13.0, 15.0]
    assert window.row("B").tolist() == [20.0, 21.0, 21.0, 23.0, 24.0, 25.0]
    assert window.carried == (CarriedClose("A", day(5)), CarriedClose("B", day(3)))


def test_a_close_is_carried_into_the_window_from_before_it(table: CloseTable) -> None:
    window = scenario_window(table, as_of=day(5), scenario_count=2, missing=Missing.CARRY)
    assert window.dates == (day(3), day(4), day(5))
    assert window.row("B").tolist() == [21.0, 23.0, 24.0]


def test_nothing_is_carried_where_no_earlier_close_is() -> None:
    table = CloseTable.of({"A": {day(1): 1.0, day(2): 2.0}, "B": {day(2): 3.0}})
    with pytest.raises(MissingCloseError, match="no close of B on 2020-03-01"):
        scenario_window(table, as_of=day(2), scenario_count=1, missing=Missing.CARRY)


def test_a_gap_is_refused_by_name_and_date_where_asked(table: CloseTable) -> None:
    with pytest.raises(MissingCloseError, match="no close of B on 2020-03-03"):
        scenario_window(table, as_of=day(6), scenario_count=5, missing=Missing.REFUSE)
    with pytest.raises(MissingCloseError, match="no close of A on 2020-03-05"):
        scenario_window(table, as_of=day(6), scenario_count=2, missing=Missing.REFUSE)


def test_a_gap_before_the_window_is_not_refused(table: CloseTable) -> None:
    window = scenario_window(table, as_of=day(4), scenario_count=0, missing=Missing.REFUSE)
    assert window.dates == (day(4),)


def test_a_day_on_which_only_other_series_trade_is_no_gap() -> None:
    table = CloseTable.of({"A": {day(1): 1.0, day(3): 2.0}, "B": {day(2): 3.0}}).select(["A"])
    window = scenario_window(table, as_of=day(3), scenario_count=1, missing=Missing.REFUSE)
    assert window.dates == (day(1), day(3))


@pytest.mark.parametrize(
    ("missing", "common"), [(Missing.SKIP, "4 .* every"), (Missing.CARRY, "6 .* any")]
)
def test_too_few_days_name_the_scarcest_series_and_what_is_needed(
    table: CloseTable, missing: Missing, common: str
) -> None:
    message = f"{common} series, the window needs 31: A has the fewest"
    with pytest.raises(TooFewClosesError, match=message):
        scenario_window(table, as_of=day(6), scenario_count=30, missing=missing)


def test_a_book_without_a_series_has_the_weekdays_for_its_scenario_days() -> None:
    window = window_without_series(day(8), 5)  # a Sunday
    assert window.dates == (dt.date(2020, 2, 28), *(day(number) for number in range(2, 7)))
    assert window.closes.shape == (0, 6)
    for count in (1, 4, 5, 6, 30, 1_023):
        days = window_without_series(day(8), count).dates
        assert len(days) == count + 1
        assert all(date.weekday() < 5 for date in days)


def test_a_dropped_close_takes_its_date_along_where_no_other_series_has_one() -> None:
    table = CloseTable.of({"A": {day(1): 1.0, day(2): 2.0}, "B": {day(2): 3.0}})
    assert table.without({"B": day(2)}).closes.tolist()[0] == [1.0, 2.0]
    assert table.without({"A": day(1), "B": day(9)}).dates == (day(2),)
    assert table.without({}) is table


def test_a_table_of_mappings_has_the_union_of_their_dates() -> None:
    table = CloseTable.of({"B": {day(2): 1.0}, "A": {day(1): 2.0, day(3): 4.0}})
    assert table.names == ("B", "A")
    assert table.dates == (day(1), day(2), day(3))
    np.testing.assert_array_equal(table.closes, [[NAN, 1.0, NAN], [2.0, NAN, 4.0]])


def test_appending_a_day_leaves_the_table_before_it_untouched(table: CloseTable) -> None:
    longer = table.append(day(7), {"B": 26.0})
    assert longer.dates[-1] == day(7)
    np.testing.assert_array_equal(longer.closes[:, -1], [NAN, 26.0])
    assert len(table.dates) == 6


def test_days_are_appended_in_order_only(table: CloseTable) -> None:
    with pytest.raises(AssertionError, match="not after"):
        table.append(day(6), {})


def test_selecting_keeps_the_order_asked_for(table: CloseTable) -> None:
    assert table.select(["B", "A"]).closes[0].tolist()[:2] == [20.0, 21.0]


def test_an_unknown_series_is_an_error_that_names_it(table: CloseTable) -> None:
    with pytest.raises(UnknownSeriesError, match="no history of fx:CHF"):
        table.select(["A", "fx:CHF"])


def test_closes_cannot_be_written_to(table: CloseTable) -> None:
    with pytest.raises(ValueError, match="read-only"):
        table.closes[0, 0] = 1.0
