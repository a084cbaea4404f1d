"""The end-of-day history: breaches counted, and the heat map."""

from __future__ import annotations

import datetime as dt

import pytest

from system.contracts.api.risk import SnapshotPoint
from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.show.state.days import (
    HEAT_ROWS,
    MAX_DAYS,
    Day,
    DayHistory,
    breach_sentence,
    coverage_words,
)
from tests.system.show.market import replace_struct


def history_of(snapshots: tuple[RiskSnapshot, ...]) -> DayHistory:
    history = DayHistory()
    for snapshot in snapshots:
        history.add(Day.of_snapshot(snapshot))
    return history


def day(date: dt.date, **changes: object) -> Day:
    fields = {"pnl": -1.0, "var": 2.0, "breach": False, "bp_of_nav": {}, **changes}
    return Day(date=date, **fields)


def test_a_live_snapshot_is_no_day(long_short: RiskSnapshot) -> None:
    assert Day.of_snapshot(long_short) is None


def test_every_end_of_day_is_drawn_once_in_order(ends_of_day: tuple[RiskSnapshot, ...]) -> None:
    history = history_of(ends_of_day[::-1])
    version = history.version
    for snapshot in ends_of_day:
        history.add(Day.of_snapshot(snapshot))
    assert history.version == version, "the same day again changes nothing"
    drawn = history.view(30, 2, "0.95")
    assert [row.date for row in drawn.days] == [str(s.asof) for s in ends_of_day]


def test_the_day_before_the_first_var_is_not_judged(
    ends_of_day: tuple[RiskSnapshot, ...],
) -> None:
    drawn = history_of(ends_of_day).view(30, 2, "0.95")
    assert drawn.judged_count == len(ends_of_day) - 1
    assert drawn.days[0].pnl is None
    assert "not judged" in drawn.days[0].note


def test_breaches_are_counted_among_the_days_judged() -> None:
    history = DayHistory()
    start = dt.date(2020, 3, 2)
    for offset in range(10):
        history.add(day(start + dt.timedelta(offset), breach=offset in {3, 7}))
    history.add(day(start + dt.timedelta(10), breach=None))
    drawn = history.view(30, 2, "0.95")
    assert (drawn.breach_count, drawn.judged_count) == (2, 10)
    assert drawn.sentence == "2 breaches in 10 days (20.0\u202f%)"
    assert "6.5\u202f% of days (0.6 in 10)" in drawn.expectation
    assert "promises 5\u202f% (0.5)" in drawn.expectation


def test_without_a_judged_day_no_rate_is_claimed() -> None:
    assert breach_sentence(0, 0) == "No day has been judged yet"
    assert DayHistory().view(0, 0, "0.95").expectation == ""


def test_a_stored_point_and_its_snapshot_make_the_same_day(
    ends_of_day: tuple[RiskSnapshot, ...],
) -> None:
    snapshot = ends_of_day[-1]
    names = [name for name in SnapshotPoint.__struct_fields__ if name != "component_var"]
    point = SnapshotPoint(
        **{name: getattr(snapshot, name) for name in names},
        component_var={row.instrument: row.component_var for row in snapshot.positions},
    )
    assert Day.of_point(point) == Day.of_snapshot(snapshot)


def test_the_heat_map_is_in_basis_points_of_nav(ends_of_day: tuple[RiskSnapshot, ...]) -> None:
    snapshot = replace_struct(ends_of_day[-1], nav=1_000_000.0)
    drawn = history_of((snapshot,)).view(30, 2, "0.95")
    by_name = {row.instrument: row.cells[0] for row in drawn.heat_rows}
    for position in snapshot.positions:
        assert position.component_var is not None
        assert by_name[position.instrument] == pytest.approx(
            position.component_var / 100, abs=0.006
        )
    assert drawn.heat_scale == max(abs(cell or 0.0) for cell in by_name.values())


def test_a_nav_that_is_not_positive_leaves_the_heat_map_empty(
    ends_of_day: tuple[RiskSnapshot, ...],
) -> None:
    drawn = history_of((replace_struct(ends_of_day[-1], nav=0.0),)).view(30, 2, "0.95")
    assert drawn.heat_rows == ()


def test_a_position_not_held_on_a_day_is_a_hole_and_not_a_zero() -> None:
    history = DayHistory()
    history.add(day(dt.date(2020, 3, 2), bp_of_nav={"AAPL": 3.0}))
    history.add(day(dt.date(2020, 3, 3), bp_of_nav={"XOM": 1.0}))
    cells = {row.instrument: row.cells for row in history.view(30, 2, "0.95").heat_rows}
    assert cells == {"AAPL": (3.0, None), "XOM": (None, 1.0)}


def test_a_position_that_never_carried_risk_takes_no_row() -> None:
    history = DayHistory()
    history.add(day(dt.date(2020, 3, 2), bp_of_nav={"AAPL": 3.0, "cash:USD": 0.0}))
    assert [row.instrument for row in history.view(30, 2, "0.95").heat_rows] == ["AAPL"]


def test_the_heat_map_says_how_many_positions_it_leaves_out() -> None:
    history = DayHistory()
    history.add(day(dt.date(2020, 3, 2), bp_of_nav={f"N{i:02}": float(i) for i in range(1, 21)}))
    drawn = history.view(30, 2, "0.95")
    assert len(drawn.heat_rows) == HEAT_ROWS
    assert drawn.heat_rows[0].instrument == "N20"
    assert drawn.heat_left_out == 20 - HEAT_ROWS


def test_the_history_is_bounded_and_keeps_the_newest() -> None:
    history = DayHistory()
    for offset in range(MAX_DAYS + 5):
        history.add(day(dt.date(2019, 1, 1) + dt.timedelta(offset)))
    days = history.view(30, 2, "0.95").days
    assert len(days) == MAX_DAYS
    assert days[0].date == "2019-01-06"


def test_only_a_breach_is_marked(ends_of_day: tuple[RiskSnapshot, ...]) -> None:
    crashed = replace_struct(
        ends_of_day[-1],
        kind=SnapshotKind.END_OF_DAY,
        hypothetical_pnl=-10.0,
        previous_var=9.0,
        breach=True,
    )
    row = history_of((crashed,)).view(30, 2, "0.95").days[0]
    assert row.breach
    assert row.note.endswith("with the day's trades, VaR stated before 9: breach")
    assert "P&L \u221210 on unchanged positions" in row.note


def test_the_actual_pnl_stands_beside_the_hypothetical_one(
    ends_of_day: tuple[RiskSnapshot, ...],
) -> None:
    traded = replace_struct(ends_of_day[-1], hypothetical_pnl=-10.0, daily_pnl=25.0)
    row = history_of((traded,)).view(30, 2, "0.95").days[0]
    assert (row.pnl, row.actual) == (-10.0, 25.0)
    assert "+25 with the day's trades" in row.note


def test_live_evidence_stands_beside_what_a_correct_estimator_brings_about() -> None:
    calm = coverage_words([False] * 60, 30, 2, "0.95")
    assert "not rejected" in calm
    assert "a correct estimator is expected at 1.1" in calm
    every = coverage_words([True] * 10, 30, 2, "0.95")
    assert ", rejected (20 rejects" in every
    assert coverage_words([], 30, 2, "0.95") == coverage_words([True], 0, 0, "0.95") == ""
