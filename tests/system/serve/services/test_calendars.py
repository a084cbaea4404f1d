"""Sessions from the library, sent with the first book that names an exchange."""

from __future__ import annotations

import datetime as dt

import exchange_calendars
import msgspec
import pytest

from system.book.state.sessions import goes_on
from system.contracts.messages import ExchangeSessions, Instrument, SessionClose, Split
from system.serve.http.errors import InvalidRequestError
from system.serve.routes.adjustments import session_before
from system.serve.services.calendars import SEGMENTS, exchange_sessions
from tests.system.serve.conftest import World

FIRST, LAST = dt.date(2020, 1, 2), dt.date(2020, 6, 30)


def closing(table: ExchangeSessions, date: dt.date) -> str:
    (ns,) = (session.close_ns for session in table.sessions if session.date == date)
    return f"{dt.datetime.fromtimestamp(ns // 10**9, dt.UTC):%H:%M}"


def test_closes_lie_hours_apart_and_follow_daylight_saving() -> None:
    new_york = exchange_sessions("XNYS", first=FIRST, last=LAST)
    tokyo = exchange_sessions("XTKS", first=FIRST, last=LAST)
    assert closing(new_york, dt.date(2020, 3, 6)) == "21:00"
    assert closing(new_york, dt.date(2020, 3, 9)) == "20:00"
    assert closing(tokyo, dt.date(2020, 3, 9)) == "06:00"
    assert new_york.version.startswith("exchange_calendars ")


def test_holidays_and_early_closes_are_those_of_the_exchange() -> None:
    table = exchange_sessions("XNYS", first=FIRST, last=dt.date(2020, 12, 31))
    days = {session.date for session in table.sessions}
    assert dt.date(2020, 4, 10) not in days
    assert dt.date(2020, 4, 13) in days
    assert closing(table, dt.date(2020, 11, 27)) == "18:00"


def test_an_unknown_exchange_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequestError, match="XXXX: no calendar"):
        exchange_sessions("XXXX", first=FIRST, last=LAST)


def test_a_table_begins_where_the_library_does() -> None:
    table = exchange_sessions("XTKS", first=dt.date(1980, 1, 1), last=dt.date(1998, 1, 30))
    assert table.first == dt.date(1997, 1, 1)


BOOK = {
    "portfolio": {
        "portfolio": "beta",
        "window": 20,
        "positions": [{"instrument": "T", "quantity": 1, "entry_price": 100}],
    },
    "instruments": [
        {"type": "instrument", "instrument": "T", "asset_class": "equity", "currency": "USD",
         "exchange": "XTKS"}
    ],
    "histories": [
        {
            "type": "history",
            "series": "T",
            "closes": [[f"2020-01-{day:02}", 100 + day] for day in range(6, 31)],
        }
    ],
}  # fmt: skip


def test_a_book_that_names_an_exchange_brings_its_sessions_once(world: World) -> None:
    answer = world.client.post("/v1/portfolios", content=msgspec.json.encode(BOOK))
    assert answer.status_code == 202, answer.text
    (table,) = (message for message in world.bus.sent if isinstance(message, ExchangeSessions))
    assert (table.exchange, table.first) == ("XTKS", dt.date(2020, 1, 6))
    assert table.last == dt.date(2020, 1, 30) + dt.timedelta(days=400)
    world.bus.sent.clear()
    world.know(sessions__XTKS=table)
    world.client.post("/v1/portfolios", content=msgspec.json.encode(BOOK))
    assert not [message for message in world.bus.sent if isinstance(message, ExchangeSessions)]


def sent_by(world: World, history: dict[str, object]) -> list[ExchangeSessions]:
    """Return the tables that the import of a book with another history sends."""
    world.bus.sent.clear()
    share = {**BOOK["instruments"][0], "instrument": "U"}
    book = {
        "portfolio": {
            **BOOK["portfolio"],
            "positions": [{"instrument": "U", "quantity": 1, "entry_price": 1}],
        },
        "instruments": [share],
        "histories": [{**history, "series": "U", "type": "history"}],
    }
    answer = world.client.post("/v1/portfolios", content=msgspec.json.encode(book))
    assert answer.status_code == 202, answer.text
    return [message for message in world.bus.sent if isinstance(message, ExchangeSessions)]


def test_a_table_is_sent_again_where_closes_reach_beyond_it(world: World) -> None:
    """A holiday before the first day of a table would else be taken for a session."""
    known = exchange_sessions("XTKS", first=dt.date(2020, 1, 6), last=dt.date(2021, 3, 5))
    world.know(sessions__XTKS=known)
    within = [[f"2020-01-{day:02}", 100 + day] for day in range(6, 31)]
    assert sent_by(world, {"closes": within}) == []
    (longer,) = sent_by(world, {"closes": [["2019-04-26", 100], *within]})
    assert longer.first == dt.date(2019, 4, 26)
    assert goes_on(known, longer)
    assert dt.date(2019, 4, 29) not in {session.date for session in longer.sessions}
    (later,) = sent_by(world, {"closes": [*within, ["2021-02-01", 100]]})
    assert later.last == dt.date(2021, 2, 1) + dt.timedelta(days=400)


def test_an_adjustment_takes_effect_at_the_session_before_its_date(world: World) -> None:
    table = exchange_sessions("XNYS", first=FIRST, last=LAST)
    share = BOOK["instruments"][0] | {"exchange": "XNYS"}
    world.know(instrument__T=msgspec.convert(share, type=Instrument), sessions__XNYS=table)
    asked = {"instrument": "T", "date": "2020-04-13", "ratio": 2}
    assert world.client.post("/v1/adjustments/splits", json=asked).status_code == 202
    (sent,) = world.bus.sent
    assert isinstance(sent, Split)
    assert sent.last_day == dt.date(2020, 4, 9)


def test_beyond_its_table_a_session_is_a_weekday() -> None:
    table = ExchangeSessions(
        exchange="XNYS",
        first=FIRST,
        last=LAST,
        version="test",
        sessions=(SessionClose(date=dt.date(2020, 6, 1), close_ns=1),),
    )
    assert session_before(dt.date(2020, 6, 5), table) == dt.date(2020, 6, 1)
    assert session_before(dt.date(2020, 7, 6), table) == dt.date(2020, 7, 3)
    assert session_before(dt.date(2020, 7, 6), None) == dt.date(2020, 7, 3)


@pytest.mark.parametrize("code", ["XNAS", "ARCX", "BATS", "XASE", "XNGS", "IEXG"])
def test_a_market_or_segment_of_new_york_keeps_its_calendar(code: str) -> None:
    new_york = exchange_sessions("XNYS", first=FIRST, last=LAST)
    table = exchange_sessions(code, first=FIRST, last=LAST)
    assert table.exchange == code
    assert (table.first, table.last, table.sessions) == (
        new_york.first,
        new_york.last,
        new_york.sessions,
    )


def test_every_segment_keeps_a_calendar_that_the_library_has() -> None:
    calendars = set(exchange_calendars.get_calendar_names(include_aliases=False))
    aliases = set(exchange_calendars.get_calendar_names(include_aliases=True))
    assert set(SEGMENTS.values()) <= calendars
    assert not SEGMENTS.keys() & aliases


def test_an_unknown_exchange_is_answered_with_what_to_write() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        exchange_sessions("XNAZ", first=FIRST, last=LAST)
    said = str(caught.value)
    assert "XNAZ: no calendar of that market is known (near: " in said
    assert "XNAS" in said
    assert "write the MIC of a market with the same holidays, or leave it out" in said
