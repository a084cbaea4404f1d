"""Moments as people write them: read exactly, refused with the right form, shown alike."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.client.moments import MomentError, moment_ns, shown_moment, statement_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:01+01:00", 1_000_000_000),
        ("1969-12-31T19:00:00.000001-05:00", 1_000),
    ],
)
def test_a_moment_is_read_with_its_offset_to_the_microsecond(text, moment):
    assert moment_ns(text) == moment


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yesterday", "is not a date-time like 2020-03-05T21:00:00Z"),
        ("2020-03-05T21:00:00", "write 2020-03-05T21:00:00Z for UTC"),
        ("1969-12-31T23:59:59Z", "is before 1970"),
    ],
)
def test_what_is_no_moment_is_refused_with_the_right_form(text, said):
    with pytest.raises(MomentError) as refused:
        moment_ns(text)
    assert text in str(refused.value)
    assert said in str(refused.value)


def test_a_date_states_positions_at_the_end_of_its_day():
    assert statement_moment("2020-03-05") == {"as_of_day": dt.date(2020, 3, 5)}
    assert statement_moment("1970-01-01T00:00:01Z") == {"as_of_ns": 1_000_000_000}
    with pytest.raises(MomentError, match="a date like 2020-03-05 is the end of that day"):
        statement_moment("noon")


@given(st.integers(0, 4_000_000_000_000_000))
def test_a_moment_that_is_shown_reads_back_equal(microseconds):
    shown = shown_moment(microseconds * 1_000, None)
    assert shown is not None
    assert moment_ns(shown) == microseconds * 1_000


def test_positions_without_a_moment_show_none():
    assert shown_moment(None, None) is None
    assert shown_moment(None, dt.date(2020, 3, 5)) == "2020-03-05"
