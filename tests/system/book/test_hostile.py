"""Hostile but well-formed: one bad message never stops the stream, nor harms the others.

Everything here is accepted by the codec; it comes in as bytes, as it would from Kafka.
"""

from __future__ import annotations

import datetime as dt
import math
import warnings

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from system.contracts.codec import decode, decode_topic, encode
from system.contracts.messages import (
    PRICE_MIN,
    AssetClass,
    CloseHistory,
    Mark,
    Message,
    RejectReason,
    RiskSnapshot,
    Tick,
    Trade,
    TradeAction,
)
from system.contracts.topics import INPUT_TOPICS
from tests import message_strategies as messages
from tests.system.book.feed import (
    DAY,
    MARKET,
    WINDOW,
    Feed,
    at_ns,
    date_of,
    end_of_day,
    history,
    holding,
    instrument,
    live,
    mark,
    opened,
    portfolio,
    rate,
    reasons,
    tick,
    trade,
    walk,
)

HUGE = 9.9e14
ALTERNATING = [HUGE if index % 2 else PRICE_MIN for index in range(WINDOW + 2)]


def sane(snapshot: RiskSnapshot) -> None:
    """Check that a snapshot can be sent and read, and holds numbers or says why not."""
    assert decode(encode(snapshot), RiskSnapshot) == snapshot
    assert math.isfinite(snapshot.nav)
    assert (snapshot.var is None) == bool(snapshot.not_available)


def bystander(feed: Feed) -> bytes:
    """Return what a portfolio states that has nothing to do with what is hostile."""
    fold = feed.book.revalue(fence=1, epoch=10_000)
    snapshot = next(
        stated_snapshot
        for stated_snapshot in fold.snapshots
        if stated_snapshot.portfolio == "bystander"
    )
    stated = msgspec.to_builtins(snapshot)
    names = ("nav", "var", "expected_shortfall", "positions", "tail", "not_available")
    return msgspec.json.encode([stated[name] for name in names])


def world(*positions, **options) -> Feed:
    feed = opened(*positions, **options)
    fold = feed.send(
        instrument("S"), history("S", walk(77)), portfolio("bystander", holding("S", 3.0))
    )
    assert fold.rejected == ()
    return feed


@pytest.mark.parametrize("size", [5e-324, 1e-200, 1e-9, 9e14])
@pytest.mark.parametrize("name", ["A", "B", "C", "D", "E", "cash:EUR"])
def test_a_trade_of_any_size_and_its_opposite_leave_nothing(name: str, size: float) -> None:
    feed = world(holding("cash:USD", 1.0))
    before = bystander(feed)
    snapshot = live(feed.send(trade("t1", name, size, HUGE)))
    sane(snapshot)
    snapshot = live(feed.send(trade("t2", name, -size, HUGE)))
    sane(snapshot)
    assert name not in {position.instrument for position in snapshot.positions}
    assert bystander(feed) == before


@pytest.mark.parametrize("multiplier", [PRICE_MIN, HUGE])
@pytest.mark.parametrize("asset_class", [AssetClass.EQUITY, AssetClass.FUTURE])
@pytest.mark.parametrize("price", [PRICE_MIN, HUGE])
@pytest.mark.parametrize("base_currency", ["USD", "EUR"])
def test_absurd_prices_rates_and_multipliers_stay_within_the_range_of_numbers(
    base_currency: str, price: float, asset_class: AssetClass, multiplier: float
) -> None:
    feed = world(holding("cash:USD", 1.0))
    odd = instrument("X", asset_class, "GBp", multiplier)
    book = portfolio("Q", holding("X", 9e14, HUGE), base_currency=base_currency)
    feed.send(odd, history("X", ALTERNATING), book)
    for day in range(4):
        fold = feed.close(
            day,
            tick("X", price, day=day),
            rate("USD", PRICE_MIN if day % 2 else HUGE, day=day),
            rate("GBP", HUGE if day % 2 else PRICE_MIN, day=day),
            trade(f"t{day}", "X", -9e14, price, "Q"),
        )
        assert fold.rejected == ()
        for snapshot in fold.snapshots:
            sane(snapshot)
    assert end_of_day(fold, "Q").var is not None


def test_a_price_that_collapses_is_no_split_and_no_crash() -> None:
    feed = world(holding("A", 1e6))
    for day, price in enumerate([1e12, PRICE_MIN, 1e12, 5.0]):
        snapshot = end_of_day(feed.close(day, tick("A", price, day=day)))
        sane(snapshot)
    assert len(snapshot.suspect) == 4


def test_prices_that_move_against_their_currency_cancel_to_nothing() -> None:
    """A euro book of funds that hold euros and are quoted in dollars."""
    dollars = walk(5, start=1.1)
    names = [f"M{index}" for index in range(7)]
    feed = Feed()
    feed.send(history("fx:USD", dollars), *(instrument(name) for name in names))
    for index, name in enumerate(names):
        feed.send(history(name, [value * (index + 1) / 3 for value in dollars]))
    book = portfolio(
        "P",
        *(holding(name, 1e7 / 3 * (-1) ** i) for i, name in enumerate(names)),
        base_currency="EUR",
    )
    snapshot = live(feed.send(book))
    sane(snapshot)
    assert abs(snapshot.var) < 1e-6


def test_a_currency_that_nobody_quotes_takes_the_number_and_says_so() -> None:
    feed = world(holding("A", 1.0))
    snapshot = live(feed.send(trade("t", "cash:ZZZ", 5.0, 1.0)))
    assert snapshot.not_available == "no price or rate yet for cash:ZZZ"
    cancelled = trade("t", "cash:ZZZ", 5.0, 1.0, version=1, action="cancel")
    assert live(feed.send(cancelled)).var is not None


@pytest.mark.parametrize("sequence", [0, 62, 63, 64, 2**62 - 1, 2**62])
def test_sequence_numbers_may_jump_to_their_bound_and_back(sequence: int) -> None:
    feed = world(holding("A", 1.0))
    for hour, number in enumerate([5, sequence, 6, sequence, 7]):
        fold = feed.send(tick("A", 100.0 + hour, hour=10.0 + hour, sequence=number))
        for row in fold.state.values():
            msgspec.json.decode(row)
    assert feed.book.market.quotes["A"].sequence == 7
    feed.restart(fold.offsets)
    assert feed.book.market.quotes["A"].price == 104.0


def test_a_clock_that_runs_ahead_costs_its_ticker_a_day_and_nobody_else_anything() -> None:
    feed = world(holding("A", 1.0))
    feed.close(0, tick("A", 100.0))
    fold = feed.send(tick("A", 55.0, day=14, hour=20.0))
    assert fold.rejected == ()
    fold = feed.close(1, tick("A", 101.0, day=1))
    assert end_of_day(fold).positions[0].price == 55.0
    fold = feed.close(2, tick("A", 102.0, day=2))
    assert end_of_day(fold).positions[0].price == 102.0
    assert feed.book.market.closes["A"].values[-3:] == (100.0, 55.0, 102.0)


def test_before_any_close_is_known_even_the_last_century_ends_with_the_day() -> None:
    feed = Feed()
    feed.send(instrument("N"), portfolio("P", holding("N", 1.0)))
    feed.send(Tick(ticker="N", bid=9, mid=9, ask=9, volume=0, event_time_ns=2**62, sequence=2**62))
    feed.close(0)
    assert end_of_day(feed.close(1, tick("N", 10.0, day=1))).nav == 10.0


def test_closes_of_the_future_give_nobody_a_look_ahead_or_another_date() -> None:
    feed = world(holding("A", 1.0))
    ahead = history("N", walk(3), last=dt.date(9999, 12, 31))
    feed.send(instrument("N"), ahead, portfolio("Q", holding("N", 1.0)))
    ids = []
    for day in range(2):
        fold = feed.close(day, tick("A", 100.0, day=day), tick("N", 5.0, day=day))
        ids += [snapshot.snapshot_id for snapshot in fold.snapshots if snapshot.portfolio == "P"]
        assert reasons(fold) == [RejectReason.LATE]
    assert ids == ["P-eod-2020-02-03", "P-eod-2020-02-04"]
    far = history("M", walk(3), last=date_of(2))
    assert reasons(feed.send(far)) == [RejectReason.TIME_FAR_OFF]


@pytest.mark.parametrize(
    "bad",
    [
        Mark(date=dt.date(9999, 12, 31), event_time_ns=at_ns()),
        Mark(date=dt.date(1, 1, 1), event_time_ns=0),
        Mark(date=DAY, event_time_ns=2**62),
        mark(300),
        mark(-300),
    ],
)
@pytest.mark.parametrize("home", ["market_data:0", "trades:0", "reference:0"])
def test_a_bad_mark_in_one_partition_costs_nobody_a_day(bad: Mark, home: str) -> None:
    feed, plain = world(holding("A", 1.0)), world(holding("A", 1.0))
    for twin in (feed, plain):
        twin.close(0, tick("A", 100.0))
    feed.fold({home: [bad]})
    for day in (1, 2):
        end = end_of_day(feed.close(day, tick("A", 100.0 + day, day=day)))
        expected = end_of_day(plain.close(day, tick("A", 100.0 + day, day=day)))
        assert (end.nav, end.var, end.asof) == (expected.nav, expected.var, expected.asof)


def test_an_empty_history_is_no_history() -> None:
    feed = world(holding("A", 1.0))
    feed.send(instrument("N"), CloseHistory(series="N", closes=()))
    snapshot = live(feed.send(portfolio("Q", holding("N", 1.0))), "Q")
    assert snapshot.not_available == "no price or rate yet for N"
    snapshot = live(feed.send(tick("N", 5.0)), "Q")
    assert snapshot.not_available.startswith("no history of N: load its daily closes")
    assert snapshot.nav == 5.0


def test_a_book_of_five_thousand_positions_is_valued() -> None:
    feed = Feed()
    names = [f"I{index:04d}" for index in range(5_000)]
    closes = [10.0, 11.0, 10.5, 10.0, 10.2, 10.1]
    feed.send(*(message for name in names for message in (instrument(name), history(name, closes))))
    book = portfolio("P", *(holding(name, 1.0) for name in names))
    snapshot = live(feed.send(book))
    sane(snapshot)
    assert len(snapshot.positions) == 5_000


KNOWN = ("A", "B", "C", "D", "E", "X", "cash:EUR", "cash:ZZZ")


def renamed(message: Message, name: str, book: str) -> Message:
    """Return a message that is about something known, so that it is not just refused."""
    known = {
        "ticker": name,
        "instrument": name,
        "series": name,
        "portfolio": book,
        "trade_id": f"t{len(name)}",
        "currency": "USD",
    }
    fields = set(type(message).__struct_fields__) & known.keys()
    try:
        return msgspec.structs.replace(message, **{field: known[field] for field in fields})
    except ValueError:
        return message


@st.composite
def hostile(draw: st.DrawFn) -> Message:
    message = draw(messages.input_messages)
    if draw(st.booleans()):
        return message
    named = renamed(message, draw(st.sampled_from(KNOWN)), draw(st.sampled_from("PQ")))
    times = st.sampled_from([at_ns(), at_ns(0, 16.0), at_ns(1), at_ns(9), 2**62, 0])
    if "event_time_ns" in type(named).__struct_fields__ and draw(st.booleans()):
        named = msgspec.structs.replace(named, event_time_ns=draw(times))
    if isinstance(named, Trade):
        named = msgspec.structs.replace(named, version=0, action=TradeAction.NEW)
    return named


@given(st.lists(hostile(), max_size=25), st.integers(0, 3))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_message_that_the_codec_accepts_stops_the_fold(found: list[Message], every: int) -> None:
    feed = Feed()
    feed.send(*MARKET, instrument("X", AssetClass.EQUITY, "CHF"))
    feed.send(portfolio("P", holding("A", 1.0)), portfolio("Q", base_currency="EUR"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for index, message in enumerate(found):
            topic = next(topic for topic in INPUT_TOPICS if isinstance(message, topic.messages))
            fold = feed.send(decode_topic(encode(message), topic))
            for snapshot in fold.snapshots:
                sane(snapshot)
            if every and index % (every * 4) == 3:
                feed.close(index // 4)
        fold = feed.close(30)
    for snapshot in fold.snapshots:
        sane(snapshot)
    handled = sum(sum(feed.counts(topic.name).values()) for topic in INPUT_TOPICS)
    assert handled == sum(fold.offsets.values())
    feed.restart(fold.offsets)
    feed.book.revalue(fence=2, epoch=0)
