"""Ends of day by the API: the marks that are sent, and the days that are refused."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.book import Book
from system.book.ingest.reference import Reference
from system.book.state.events import Event
from system.book.state.market import (
    NANOSECONDS_PER_DAY,
    Market,
    Staleness,
    midnight_after_ns,
    utc_date,
)
from system.book.state.rows import DayState, PartitionState
from system.contracts.messages import ExchangeSessions, Mark, SessionClose
from system.contracts.topics import INPUT_TOPICS, offset_key
from tests.system.serve.conftest import WALL_NS, World, opened_world

THURSDAY = dt.date(2020, 3, 5)
FRIDAY = dt.date(2020, 3, 6)
SATURDAY = dt.date(2020, 3, 7)
CLOSE_NS = midnight_after_ns(THURSDAY) - 3 * 3_600 * 10**9
HOUR_NS = 3_600 * 10**9
TICK_NS = CLOSE_NS + 22 * HOUR_NS
"""On Friday."""


def ticked(world: World, newest_ns: int, *, since_mark: bool = True) -> None:
    start = newest_ns if since_mark else None
    row = PartitionState(newest_event_ns=newest_ns, session_start_ns=start)
    world.know(**{"partition__market_data:0": row})


@pytest.fixture
def friday(world: World) -> World:
    """A replayed stream: Thursday is closed, and a tick of Friday has come."""
    world.know(day=DayState(date=THURSDAY, event_time_ns=CLOSE_NS))
    ticked(world, TICK_NS)
    return world


def test_the_day_of_the_newest_price_is_closed(friday: World) -> None:
    answer = friday.client.post("/v1/days", json={})
    assert answer.status_code == 202
    assert friday.bus.marks == [Mark(date=FRIDAY, event_time_ns=TICK_NS)]
    assert answer.json() == {
        "date": "2020-03-06",
        "event_time_ns": TICK_NS,
        "mark_count": len(INPUT_TOPICS),
        "closed": "2020-03-05",
        "dry_run": False,
    }


def test_a_dry_run_says_the_same_and_sends_nothing(friday: World) -> None:
    answer = friday.client.post("/v1/days?dry_run=true", json={"date": "2020-03-06"})
    assert (answer.status_code, friday.bus.marks) == (200, [])
    really = friday.client.post("/v1/days", json={"date": "2020-03-06"}).json()
    assert answer.json() == {**really, "dry_run": True}


@pytest.mark.parametrize("date", ["2020-03-05", "2020-03-04"])
def test_a_closed_day_is_not_closed_again(friday: World, date: str) -> None:
    answer = friday.client.post("/v1/days", json={"date": date})
    assert (answer.status_code, friday.bus.marks) == (409, [])
    assert f"date {date} is closed already: the last closed day is 2020-03-05" in answer.text


def test_a_day_that_a_replayed_stream_has_not_reached_is_refused(friday: World) -> None:
    answer = friday.client.post("/v1/days", json={"date": "2020-03-07"})
    assert (answer.status_code, friday.bus.marks) == (422, [])
    assert "date: 2020-03-07 is in the future of the stream, where it is 2020-03-06" in answer.text


def test_without_a_price_since_the_last_close_the_day_has_to_be_named(world: World) -> None:
    answer = world.client.post("/v1/days", json={})
    assert answer.status_code == 422
    assert "no price has come yet: name the day" in answer.text
    world.know(day=DayState(date=THURSDAY, event_time_ns=CLOSE_NS))
    ticked(world, CLOSE_NS, since_mark=False)
    answer = world.client.post("/v1/days", json={})
    assert answer.status_code == 422
    assert "no price has come since 2020-03-05 closed: name the day" in answer.text


def test_beside_a_live_stream_today_is_closed_now_and_tomorrow_is_refused(world: World) -> None:
    today = utc_date(WALL_NS)
    ticked(world, WALL_NS - HOUR_NS)
    assert world.client.post("/v1/days", json={"date": str(today)}).status_code == 202
    assert world.bus.marks == [Mark(date=today, event_time_ns=WALL_NS)]
    tomorrow = today + dt.timedelta(days=1)
    answer = world.client.post("/v1/days", json={"date": str(tomorrow)})
    assert answer.status_code == 422
    assert "in the future" in answer.text


def test_yesterday_is_closed_at_its_midnight_so_that_no_price_of_today_is_late(
    world: World,
) -> None:
    yesterday = utc_date(WALL_NS) - dt.timedelta(days=1)
    ticked(world, WALL_NS - HOUR_NS)
    assert world.client.post("/v1/days", json={"date": str(yesterday)}).status_code == 202
    assert world.bus.marks[0].event_time_ns == midnight_after_ns(yesterday) < WALL_NS


def calendar(exchange: str, *dates: dt.date) -> ExchangeSessions:
    sessions = tuple(SessionClose(date, midnight_after_ns(date) - HOUR_NS) for date in dates)
    first, last = THURSDAY, THURSDAY + dt.timedelta(days=30)
    return ExchangeSessions(
        exchange=exchange, first=first, last=last, version="1", sessions=sessions
    )


def test_a_day_without_a_session_of_a_known_calendar_is_refused(friday: World) -> None:
    ticked(friday, TICK_NS + 2 * NANOSECONDS_PER_DAY)
    friday.know(sessions__XNYS=calendar("XNYS", FRIDAY))
    answer = friday.client.post("/v1/days", json={"date": "2020-03-07"})
    assert (answer.status_code, friday.bus.marks) == (422, [])
    assert "2020-03-07 is a Saturday without a session of XNYS" in answer.text
    assert friday.client.post("/v1/days", json={"date": "2020-03-06"}).status_code == 202


def test_one_exchange_that_trades_is_enough(friday: World) -> None:
    ticked(friday, TICK_NS + 2 * NANOSECONDS_PER_DAY)
    friday.know(
        sessions__XNYS=calendar("XNYS", FRIDAY), sessions__XSAU=calendar("XSAU", FRIDAY, SATURDAY)
    )
    assert friday.client.post("/v1/days", json={"date": "2020-03-07"}).status_code == 202


def test_where_no_calendar_tells_a_weekend_can_be_closed(friday: World) -> None:
    ticked(friday, TICK_NS + 2 * NANOSECONDS_PER_DAY)
    assert friday.client.post("/v1/days", json={"date": "2020-03-07"}).status_code == 202


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"date":"soon"}', "date: "),
        (b'{"day":"2020-03-06"}', "unknown field"),
        (b'{"date":"2020-03-06","date":"2020-03-05"}', "field date stands twice"),
        (b"[]", "body: "),
    ],
)
def test_a_body_that_is_none_is_refused_by_name(friday: World, body: bytes, detail: str) -> None:
    answer = friday.client.post("/v1/days", content=body)
    assert (answer.status_code, friday.bus.marks) == (422, [])
    assert detail in answer.json()["detail"]


def test_a_silent_broker_is_named_and_the_request_can_be_sent_again(friday: World) -> None:
    friday.bus.silent = True
    assert friday.client.post("/v1/days", json={}).status_code == 503
    friday.bus.silent = False
    assert friday.client.post("/v1/days", json={}).status_code == 202


def test_the_last_closed_day_is_told(world: World) -> None:
    nothing = {"closed": None, "closed_event_time_ns": None, "newest_event_time_ns": None}
    assert world.client.get("/v1/days").json() == nothing
    world.know(day=DayState(date=THURSDAY, event_time_ns=CLOSE_NS))
    ticked(world, CLOSE_NS, since_mark=False)
    closed = {"closed": "2020-03-05", "closed_event_time_ns": CLOSE_NS}
    assert world.client.get("/v1/days").json() == {**nothing, **closed}
    ticked(world, TICK_NS)
    assert world.client.get("/v1/days").json()["newest_event_time_ns"] == TICK_NS


@settings(max_examples=20, deadline=None)
@given(
    newest_ns=st.integers(10**18, WALL_NS),
    days_before=st.integers(0, 400),
)
def test_the_stream_takes_every_mark_that_is_sent(newest_ns: int, days_before: int) -> None:
    date = utc_date(newest_ns) - dt.timedelta(days=days_before)
    with opened_world() as world:
        ticked(world, newest_ns)
        assert world.client.post("/v1/days", json={"date": str(date)}).status_code == 202
        (mark,) = world.bus.marks
    Reference(Market(Staleness(1))).check_mark(mark)
    places = [offset_key(topic.name, 0) for topic in INPUT_TOPICS]
    book = Book(dict.fromkeys(places, 0))
    fold = book.fold({place: [Event(0, mark, [], 0, 0)] for place in places}, fence=1, epoch=1)
    assert not fold.rejected
    assert msgspec.json.decode(fold.state["day"], type=DayState).date == date  # type: ignore[arg-type]
