"""Moments of time in queries: nanoseconds or ISO 8601, and nothing else."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.serve.http.errors import InvalidRequestError
from system.serve.http.parameters import moment_ns, snapshot_query, stream_of
from system.store.records import PageKey

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
moments = st.datetimes(EPOCH.replace(tzinfo=None), EPOCH.replace(year=2200, tzinfo=None))
offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: dt.timedelta(minutes=minutes))


@given(st.integers(0, 2**63 - 1))
def test_nanoseconds_are_taken_as_they_are(moment: int) -> None:
    assert moment_ns(str(moment), "from") == moment


@given(moments)
def test_a_time_without_an_offset_is_utc(moment: dt.datetime) -> None:
    microseconds = (moment.replace(tzinfo=dt.UTC) - EPOCH) // dt.timedelta(microseconds=1)
    assert moment_ns(moment.isoformat(), "from") == microseconds * 1_000


@given(moments, offsets)
def test_an_offset_names_the_same_moment(moment: dt.datetime, offset: dt.timedelta) -> None:
    aware = moment.replace(tzinfo=dt.UTC)
    local = aware.astimezone(dt.timezone(offset))
    assert moment_ns(local.isoformat(), "to") == moment_ns(aware.isoformat(), "to")


@pytest.mark.parametrize("text", ["", "yesterday", "-1", "2020-13-01", "1e9", "9" * 40])
def test_anything_else_is_refused_by_the_name_of_its_parameter(text: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^from: ") as caught:
        moment_ns(text, "from")
    assert caught.value.errors[0].field == "from"


def test_a_query_reads_its_moments_and_its_page_token() -> None:
    token = PageKey(5, 1, 2, "alpha-1-2").token()
    query = snapshot_query("alpha", from_="1970-01-02", to="7", after=token, limit=10)
    assert (query.from_ns, query.to_ns) == (86_400 * 10**9, 7)
    assert query.after == PageKey(5, 1, 2, "alpha-1-2")


def test_a_name_is_percent_encoded_in_the_address_of_its_stream() -> None:
    assert stream_of("a/b c&d") == "/v1/stream?portfolio=a%2Fb%20c%26d"
