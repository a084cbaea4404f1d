"""Event time now: the wall clock beside a stream of today, the newest event of one of the past."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import msgspec
import pytest

from system.book.state.market import NANOSECONDS_PER_DAY as DAY_NS
from system.book.state.market import midnight_after_ns
from system.book.state.rows import DayState, PartitionState
from system.contracts.messages import Portfolio
from system.serve.http.errors import InvalidRequestError
from system.serve.services.event_clock import READ_EVERY_NS, EventClock
from tests.system.serve.conftest import WALL_NS

PAST_NS = 1_580_000_000_000_000_000
BOOK = Portfolio(portfolio="P")


@pytest.fixture
def clock(world: Any) -> EventClock:
    return EventClock(world.client.app.state.services)


def now(clock: EventClock, known_ns: int = 0) -> int:
    return asyncio.run(clock.now_ns(known_ns=known_ns))


def dated(clock: EventClock, definition: Portfolio, last_close: dt.date | None = None) -> Portfolio:
    return asyncio.run(clock.with_moment(definition, last_close=last_close))


def stream_at(world: Any, newest_ns: int) -> None:
    row = PartitionState(newest_event_ns=newest_ns, session_start_ns=None)
    world.know(**{"partition__market_data:0": row})
    world.clock.advance_ns(READ_EVERY_NS + 1)


def test_before_any_event_it_is_the_wall_clock(clock: EventClock) -> None:
    first, second = now(clock), now(clock)
    assert WALL_NS < first < second < WALL_NS + 10


def test_beside_a_stream_of_today_it_is_the_wall_clock(world: Any, clock: EventClock) -> None:
    stream_at(world, WALL_NS - 3 * DAY_NS)
    first = now(clock)
    world.clock.advance_ns(50)
    assert WALL_NS < first < now(clock) < WALL_NS + DAY_NS


def test_a_mark_ahead_of_the_wall_clock_has_passed(world: Any, clock: EventClock) -> None:
    world.know(day=DayState(date=dt.date(2027, 1, 15), event_time_ns=WALL_NS + 60))
    assert now(clock) > WALL_NS + 60


def test_beside_a_replay_it_is_the_newest_event_and_grows(world: Any, clock: EventClock) -> None:
    stream_at(world, PAST_NS)
    first, second = now(clock), now(clock)
    assert PAST_NS < first < second < PAST_NS + 10
    stream_at(world, PAST_NS + 1_000)
    assert PAST_NS + 1_000 < now(clock) < PAST_NS + 1_010


def test_between_two_days_of_a_replay_it_is_after_the_first(world: Any, clock: EventClock) -> None:
    day = dt.date(2020, 1, 26)
    world.know(day=DayState(date=day, event_time_ns=PAST_NS))
    stream_at(world, PAST_NS)
    assert midnight_after_ns(day) < now(clock) < midnight_after_ns(day) + 10
    stream_at(world, PAST_NS + DAY_NS)
    assert PAST_NS + DAY_NS < now(clock) < PAST_NS + DAY_NS + 10


def test_what_is_known_of_the_stream_may_be_a_quarter_of_a_second_old(
    world: Any, clock: EventClock
) -> None:
    stream_at(world, PAST_NS)
    now(clock)
    row = PartitionState(newest_event_ns=PAST_NS + DAY_NS, session_start_ns=None)
    world.know(**{"partition__market_data:0": row})
    assert now(clock) < PAST_NS + 10
    world.clock.advance_ns(READ_EVERY_NS + 1)
    assert now(clock) > PAST_NS + DAY_NS


def test_another_stream_begins_with_its_own_time(world: Any, clock: EventClock) -> None:
    stream_at(world, PAST_NS)
    now(clock)
    stream_at(world, PAST_NS - 5 * DAY_NS)
    assert now(clock) < PAST_NS - 4 * DAY_NS


def test_before_the_first_event_of_a_replay_closes_say_when_it_is(clock: EventClock) -> None:
    last = dt.date(2020, 1, 31)
    stated = dated(clock, BOOK, last)
    assert midnight_after_ns(last) < stated.as_of_ns < midnight_after_ns(last) + 10
    assert stated.as_of_ns < now(clock) < midnight_after_ns(last) + 10, "also for what follows"


def test_closes_of_the_day_do_not_put_a_replay_forward(world: Any, clock: EventClock) -> None:
    stream_at(world, PAST_NS)
    assert dated(clock, BOOK, dt.date(2020, 1, 26)).as_of_ns < PAST_NS + 10


def test_closes_of_this_evening_do_not_put_the_clock_forward(clock: EventClock) -> None:
    today = dt.datetime.fromtimestamp(WALL_NS / 1e9, dt.UTC).date()
    assert dated(clock, BOOK, today).as_of_ns < WALL_NS + 10


def test_a_moment_that_is_given_stays(clock: EventClock) -> None:
    for given in ({"as_of_ns": 5}, {"as_of_day": dt.date(2020, 1, 31)}):
        asked = msgspec.structs.replace(BOOK, **given)
        assert dated(clock, asked, dt.date(2020, 2, 5)) == asked


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("as_of_ns", PAST_NS + 2 * DAY_NS),
        ("as_of_day", dt.date(2020, 1, 29)),
    ],
)
def test_a_moment_that_is_yet_to_come_is_refused(world: Any, clock: EventClock, field, value):
    stream_at(world, PAST_NS)  # 2020-01-26
    with pytest.raises(InvalidRequestError) as caught:
        dated(clock, msgspec.structs.replace(BOOK, **{field: value}))
    assert f"portfolio.{field}" in caught.value.detail
    assert "2020-01-26T00:53:20Z" in caught.value.detail
