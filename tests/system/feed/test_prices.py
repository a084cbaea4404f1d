"""Prices as messages: fields that are missing, numbers, rates, and times of every form."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.codec import decode_topic
from system.contracts.messages import FxRate, Tick
from system.contracts.topics import FX_RATES, MARKET_DATA
from system.feed.field_map import FieldMap
from system.feed.prices import PriceMaker, Quote, TimeError, time_ns_of
from system.feed.rulings import topic_of_bytes

SECOND = 10**9
MOMENT = dt.datetime(2020, 3, 5, 20, 59, 59, tzinfo=dt.UTC)
MOMENT_NS = int(MOMENT.timestamp()) * SECOND


def ticks(*quotes: Quote, field_map: FieldMap | None = None) -> list[Tick]:
    maker = PriceMaker(field_map or FieldMap())
    made = [decode_topic(maker.message("line", quote).value, MARKET_DATA) for quote in quotes]
    assert all(isinstance(tick, Tick) for tick in made)
    return made  # type: ignore[return-value]


def test_a_mid_alone_is_bid_and_ask_too() -> None:
    (tick,) = ticks(Quote("A", MOMENT_NS, mid=2.5))
    assert (tick.bid, tick.mid, tick.ask, tick.volume) == (2.5, 2.5, 2.5, 0.0)


@pytest.mark.parametrize("name", ["A", "fx:USD"])
def test_a_price_goes_to_the_topic_of_its_type(name: str) -> None:
    price = PriceMaker(FieldMap()).message("line", Quote(name, MOMENT_NS, mid=2.5))
    assert price.topic is topic_of_bytes(price.value)


def test_bid_and_ask_alone_make_the_mid() -> None:
    (tick,) = ticks(Quote("A", MOMENT_NS, bid=2.0, ask=3.0, volume=7.0, sequence=42))
    assert (tick.bid, tick.mid, tick.ask, tick.volume, tick.sequence) == (2.0, 2.5, 3.0, 7.0, 42)


def test_numbers_grow_by_instrument_under_the_name_that_the_map_gives_it() -> None:
    quotes = [Quote("A.N", MOMENT_NS, mid=1.0), Quote("B", MOMENT_NS, mid=1.0)]
    quotes.append(Quote("A.OQ", MOMENT_NS, mid=1.0))
    named = FieldMap(tickers={"A.N": "A", "A.OQ": "A"})
    made = ticks(*quotes, field_map=named)
    assert [(tick.ticker, tick.sequence) for tick in made] == [("A", 1), ("B", 1), ("A", 2)]


def test_a_name_of_a_currency_is_its_rate() -> None:
    message = PriceMaker(FieldMap()).message("line", Quote("fx:USD", MOMENT_NS, mid=1.1))
    expected = FxRate(currency="USD", rate=1.1, event_time_ns=MOMENT_NS, sequence=1)
    assert decode_topic(message.value, FX_RATES) == expected


def test_a_session_date_is_that_of_the_zone() -> None:
    late_ns = MOMENT_NS + 5 * 3_600 * SECOND
    dates = [
        PriceMaker(FieldMap(zone=zone)).date_of(late_ns)
        for zone in ("America/New_York", "UTC", "Asia/Tokyo")
    ]
    assert dates == [dt.date(2020, 3, 5), dt.date(2020, 3, 6), dt.date(2020, 3, 6)]


@pytest.mark.parametrize(
    ("text", "field_map", "expected"),
    [
        ("2020-03-05T20:59:59Z", FieldMap(), MOMENT_NS),
        ("2020-03-05 15:59:59-05:00", FieldMap(), MOMENT_NS),
        ("2020-03-05T15:59:59", FieldMap(), MOMENT_NS),
        ("2020-03-05T20:59:59", FieldMap(zone="UTC"), MOMENT_NS),
        ("2020-03-05T20:59:59.25Z", FieldMap(), MOMENT_NS + SECOND // 4),
        ("2020-03-05T20:59:59.123456789Z", FieldMap(), MOMENT_NS + 123_456_789),
        ("2020-03-05", FieldMap(), MOMENT_NS + SECOND),
        ("20200305", FieldMap(), MOMENT_NS + SECOND),
        ("2020-03-05", FieldMap(zone="Europe/London", close="20:59"), MOMENT_NS - 59 * SECOND),
        (str(MOMENT_NS), FieldMap(time_unit="ns"), MOMENT_NS),
        (str(MOMENT_NS // 10**3), FieldMap(time_unit="us"), MOMENT_NS),
        (str(MOMENT_NS // 10**6), FieldMap(time_unit="ms"), MOMENT_NS),
        (str(MOMENT_NS // 10**9), FieldMap(time_unit="s"), MOMENT_NS),
        ("1583441999.123456789", FieldMap(time_unit="s"), MOMENT_NS + 123_456_789),
    ],
)
def test_a_time_of_every_form_is_read_to_the_nanosecond(text, field_map, expected) -> None:
    assert time_ns_of(text, field_map) == expected


@pytest.mark.parametrize(
    ("text", "field_map", "sentence"),
    [
        ("soon", FieldMap(), "'soon' is not a time: write 2020-03-05T15:30:00Z"),
        ("", FieldMap(), "'' is not a time"),
        ("05.03.2020", FieldMap(), "is not a time"),
        ("1583441999", FieldMap(), "is a number: name its unit in the map"),
        ("1583441999.5", FieldMap(), "is a number: name its unit in the map"),
        (str(MOMENT_NS), FieldMap(time_unit="s"), "is not between 1970 and 2116"),
        ("1969-12-31T00:00:00Z", FieldMap(), "is not between 1970 and 2116"),
        ("3000-01-01", FieldMap(), "is not between 1970 and 2116"),
    ],
)
def test_what_is_no_time_is_refused_with_its_value(text, field_map, sentence) -> None:
    with pytest.raises(TimeError, match=sentence.replace("'", "'")):
        time_ns_of(text, field_map)


@given(st.integers(0, 2**62))
def test_a_moment_written_in_nanoseconds_comes_back(time_ns: int) -> None:
    seconds, rest = divmod(time_ns, SECOND)
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
    text = f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
    assert time_ns_of(text, FieldMap()) == time_ns
