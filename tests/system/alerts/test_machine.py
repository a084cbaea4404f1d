"""Transitions of alerts: once raised, once cleared, whatever the rows and however they are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.alerts.machine import limit_changes, stream_change, transitions
from system.contracts.api.alerts import AlertAction, AlertKind, Severity
from system.contracts.limits import LimitLevel
from system.store.alerts.news import News, Transition
from tests.system.alerts.samples import (
    BREACH,
    OK,
    WARNING,
    end_of_day,
    level,
    missing_mark,
    oracle_event,
)

RAISED, CLEARED = AlertAction.RAISED, AlertAction.CLEARED


def said(changes: list[Transition]) -> list[tuple[str, AlertAction]]:
    return [(change.key, change.action) for change in changes]


def news(open_keys=(), **rows) -> News:
    return News(frozenset(open_keys), **rows)


def test_a_breach_of_a_limit_raises_its_warning_level_too_and_leaving_it_clears_both():
    raised = transitions(news(levels=[level(BREACH)]))
    assert said(raised) == [("limit:P:var:warning", RAISED), ("limit:P:var:breach", RAISED)]
    assert [change.subject.severity for change in raised] == [Severity.WARNING, Severity.CRITICAL]
    keys = [change.key for change in raised]
    cleared = transitions(news(keys, levels=[level(OK, BREACH)]))
    assert said(cleared) == [("limit:P:var:breach", CLEARED), ("limit:P:var:warning", CLEARED)]
    assert cleared[0].subject.summary == (
        "VaR of P is 9.00% of NAV, no longer above its breach level of 8.00%"
    )


def test_a_fall_from_breach_to_warning_clears_the_breach_alone():
    keys = ["limit:P:var:warning", "limit:P:var:breach"]
    changes = transitions(news(keys, levels=[level(WARNING, BREACH)]))
    assert said(changes) == [("limit:P:var:breach", CLEARED)]


def test_a_level_that_is_unknown_changes_nothing():
    assert list(limit_changes(level(LimitLevel.UNKNOWN, BREACH))) == []


def test_a_breach_of_a_day_is_cleared_by_the_portfolios_next_day():
    first = transitions(news(ends_of_day=[end_of_day(5, breach=True)]))
    assert said(first) == [("breach:P:2020-03-05", RAISED)]
    assert first[0].subject.summary == (
        "P lost 1,234.50 EUR on 2020-03-05, more than the VaR of 1,000.00 of the day before"
    )
    keys = ["breach:P:2020-03-05"]
    assert transitions(news(keys, ends_of_day=[end_of_day(6, portfolio="Q")])) == []
    second = transitions(news(keys, ends_of_day=[end_of_day(6, breach=True)]))
    assert said(second) == [("breach:P:2020-03-05", CLEARED), ("breach:P:2020-03-06", RAISED)]


def test_the_name_of_one_portfolio_may_open_the_name_of_another():
    keys = ["breach:P:2020-03-05", "breach:P2:2020-03-05"]
    changes = transitions(news(keys, ends_of_day=[end_of_day(6)]))
    assert said(changes) == [("breach:P:2020-03-05", CLEARED)]


def test_a_difference_of_the_oracle_is_cleared_by_its_acknowledgement():
    assert said(transitions(news(oracle_events=[oracle_event(3)]))) == [("oracle:3", RAISED)]
    seen = transitions(news(["oracle:3"], oracle_events=[oracle_event(4, acknowledges=3)]))
    assert said(seen) == [("oracle:3", CLEARED)]


def test_marks_that_were_given_up_are_one_alert_until_a_day_is_closed():
    changes = transitions(news(missing_marks=[missing_mark(1), missing_mark(2)]))
    assert said(changes) == [("missing_mark", RAISED)]
    assert changes[0].subject.kind is AlertKind.MISSING_MARK
    assert said(transitions(news(["missing_mark"], ends_of_day=[end_of_day(6)]))) == [
        ("missing_mark", CLEARED)
    ]


def test_rows_are_judged_in_the_order_in_which_they_were_recorded():
    both = news(missing_marks=[missing_mark(7)], ends_of_day=[end_of_day(6)])
    assert said(transitions(both)) == [("missing_mark", RAISED)]


def test_the_streams_state_raises_once_and_clears_once():
    stale = stream_change(is_current=False, state="stale")
    assert said(transitions(news(), stale)) == [("stream", RAISED)]
    assert transitions(news(["stream"]), stale) == []
    current = stream_change(is_current=True, state="running")
    assert said(transitions(news(["stream"]), current)) == [("stream", CLEARED)]
    assert transitions(news(), current) == []


@st.composite
def histories(draw) -> list[News]:
    """Levels of two portfolios, ends of day, marks, and the oracle's trail, in rounds."""
    rows = []
    for number in range(1, draw(st.integers(1, 25)) + 1):
        portfolio = draw(st.sampled_from("PQ"))
        kind = draw(st.sampled_from(["level", "day", "mark", "difference", "seen"]))
        if kind == "level":
            after = draw(st.sampled_from(list(LimitLevel)))
            rows.append({"levels": [level(after, event_id=number, portfolio=portfolio)]})
        elif kind == "day":
            breach = draw(st.sampled_from([True, False, None]))
            day = end_of_day(number, breach=breach, portfolio=portfolio)
            rows.append({"ends_of_day": [day]})
        elif kind == "mark":
            rows.append({"missing_marks": [missing_mark(number)]})
        else:
            acknowledged = draw(st.integers(1, 3)) if kind == "seen" else None
            rows.append({"oracle_events": [oracle_event(number, acknowledged)]})
    return rows


def played(rows: list, cuts: set[int]) -> list[tuple[str, AlertAction]]:
    """Return what rows change, judged in rounds that end at the cuts."""
    is_open: set[str] = set()
    changes: list[tuple[str, AlertAction]] = []
    waiting: dict[str, list] = {}
    for number, row in enumerate(rows, start=1):
        for name, values in row.items():
            waiting.setdefault(name, []).extend(values)
        if number in cuts or number == len(rows):
            for change in transitions(news(is_open, **waiting)):
                changes.append((change.key, change.action))
                (is_open.add if change.action is RAISED else is_open.remove)(change.key)
            waiting = {}
    return changes


@given(histories(), st.sets(st.integers(1, 25)))
def test_each_key_is_raised_and_cleared_in_turn_however_rounds_are_cut(rows, cuts):
    changes = played(rows, cuts)
    assert changes == played(rows, set(range(26)))
    for key in {key for key, _ in changes}:
        actions = [action for name, action in changes if name == key]
        turns = itertools.cycle([RAISED, CLEARED])
        assert actions == list(itertools.islice(turns, len(actions)))


@pytest.mark.parametrize("after", [OK, WARNING, BREACH])
def test_the_same_row_twice_changes_nothing_the_second_time(after):
    row = level(after)
    changes = transitions(news(levels=[row]))
    keys = {change.key for change in changes if change.action is RAISED}
    assert transitions(news(keys, levels=[row])) == []
