"""Statistics of a book's own days."""

from __future__ import annotations

import datetime as dt

import pytest

from system.show.sheets import backtest as view

PROMISE = view.Promise(confidence="0.95", scenario_count=30, tail_rank=2)


def days(count: int, *, breaches: tuple[int, ...] = ()) -> tuple[view.JudgedDay, ...]:
    first = dt.date(2020, 1, 6)
    return tuple(
        view.JudgedDay(
            date=first + dt.timedelta(days=index),
            pnl=-150.0 if index in breaches else 20.0,
            var=100.0,
            breach=index in breaches,
        )
        for index in range(count)
    )


def test_without_a_judged_day_nothing_is_claimed() -> None:
    contents = (
        view.pnl_lines((), PROMISE),
        view.coverage_sheet((), PROMISE),
        view.zones_sheet((), PROMISE),
    )
    assert {content.empty for content in contents} == {"No day has been judged yet."}


def test_var_is_drawn_as_a_loss_and_breaches_are_points_on_the_pnl() -> None:
    lines = view.pnl_lines(days(40, breaches=(3, 7)), PROMISE)
    pnl, var, breach = lines.charts[0].series
    assert pnl.values[3] == breach.values[3] == -150.0
    assert breach.values[4] is None
    assert set(var.values) == {-100.0}
    assert lines.note == "2 breaches in 40 days"
    assert len(lines.x) == 40
    assert lines.x[1] - lines.x[0] == 86_400


def test_the_evidence_rises_with_breaches_and_rejects_at_twenty() -> None:
    many = view.pnl_lines(days(60, breaches=tuple(range(0, 60, 4))), PROMISE).charts[1]
    wealth, expected, level = many.series
    assert wealth.values[-1] is not None
    assert wealth.values[-1] > 20
    assert set(level.values) == {20.0}
    assert expected.dash
    assert many.log


def test_too_many_breaches_are_marked_in_tests_and_zone() -> None:
    sample = days(60, breaches=tuple(range(0, 60, 4)))
    kupiec = view.coverage_sheet(sample, PROMISE).rows[0]
    assert kupiec.kind == "bad"
    marked = [row for row in view.zones_sheet(sample, PROMISE).rows if row.kind]
    assert [(row.cells[0], row.kind) for row in marked] == [("red", "bad")]


def test_zones_follow_each_other_without_a_gap() -> None:
    green, yellow, red = (row.cells[1] for row in view.zones_sheet(days(250), PROMISE).rows)
    assert isinstance(green, str)
    assert isinstance(yellow, str)
    assert isinstance(red, str)
    assert int(yellow.split(" to ")[0]) == int(green.split(" to ")[1]) + 1
    assert int(red.split()[0]) == int(yellow.split(" to ")[1]) + 1


def test_the_expected_rate_is_that_of_the_rank() -> None:
    assert PROMISE.expected_rate == pytest.approx(2 / 31)
    assert view.Promise(confidence="0.95", scenario_count=0, tail_rank=0).expected_rate is None


def test_power_is_a_rate_of_each_test_and_the_same_each_time() -> None:
    rows = view.power_rows(40, PROMISE)
    assert rows == view.power_rows(40, PROMISE)
    sheet = view.power_sheet(rows, 40)
    assert len(sheet.rows) == len(rows)
    assert all(len(row.cells) == len(sheet.columns) for row in sheet.rows)
