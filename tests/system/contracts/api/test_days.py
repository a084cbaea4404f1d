"""Requests for an end of day: a date or none, and nothing else."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from system.contracts.api.days import DayAccepted, DayRequest


def test_a_request_names_a_day_or_none() -> None:
    assert msgspec.json.decode("{}", type=DayRequest).date is None
    request = msgspec.json.decode('{"date":"2020-03-05"}', type=DayRequest)
    assert request.date == dt.date(2020, 3, 5)


@pytest.mark.parametrize("body", ['{"date":"soon"}', '{"date":20200305}', '{"day":"2020-03-05"}'])
def test_anything_else_is_refused(body: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=DayRequest)


def test_an_answer_says_whether_anything_was_sent() -> None:
    accepted = DayAccepted(
        date=dt.date(2020, 3, 5), event_time_ns=1, mark_count=5, closed=None, dry_run=True
    )
    assert msgspec.json.decode(msgspec.json.encode(accepted), type=DayAccepted) == accepted
