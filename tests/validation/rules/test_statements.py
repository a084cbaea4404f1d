"""Positions stated again: the exact second opinion, and the product against it over any history."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from system.book import closing
from system.bus.consumer import Record
from system.contracts.messages import (
    CloseHistory,
    Instrument,
    Portfolio,
    SnapshotKind,
    Tick,
    Trade,
    TradeAction,
)
from tests.system.book.feed import (
    MARKET,
    Sent,
    at_ns,
    date_of,
    holding,
    portfolio,
    rate,
    tick,
    trade,
)
from tests.system.book.state.test_adjustments import dividend, split
from tests.validation.oracle.recorded import RecordedFeed
from validation.checkers.end_of_day import check_end_of_day
from validation.oracle.history_check import check_recorded
from validation.oracle.snapshot_check import stated as stated_by
from validation.references.exact import ReferenceInputError
from validation.rules import closing as rules
from validation.rules.closing import DAY_NS, EPOCH
from validation.rules.corporate_actions import NO_ACTS
from validation.rules.rulings import read_message, rulings_of
from validation.rules.statements import BookHistory, Defined, SentTrade, holdings
from validation.run.read_back import expected_of
from validation.verdict import Verdict

QUOTES = (tick("A", 100.37), tick("B", 51.71), tick("C", 903.3), tick("D", 3_001.9))
RATES = (rate("USD", 1.1371), rate("GBP", 0.8539))
TRADED = ("A", "A", "B", "C", "D", "D", "E", "cash:GBP")
HELD = (*TRADED, "cash:USD")
hours = st.integers(8, 23).map(float)
quantities = st.integers(-12, 12).filter(bool).map(lambda n: n / 4)
prices = st.sampled_from([90.0, 100.0, 112.5])


@st.composite
def moments(draw: st.DrawFn) -> dict[str, object]:
    kind = draw(st.sampled_from(["none", "as_of_ns", "as_of_ns", "as_of_day"]))
    day = draw(st.integers(-1, 2))
    if kind == "none":
        return {}
    return {kind: at_ns(day, draw(hours)) if kind == "as_of_ns" else date_of(day)}


@st.composite
def statements(draw: st.DrawFn) -> Portfolio:
    held = draw(st.dictionaries(st.sampled_from(HELD), quantities, max_size=4))
    book = portfolio("P", *(holding(name, size, draw(prices)) for name, size in held.items()))
    return msgspec.structs.replace(book, **draw(moments()))


@st.composite
def trades(draw: st.DrawFn) -> Trade:
    action = draw(st.sampled_from([TradeAction.NEW, TradeAction.NEW, *TradeAction]))
    name = draw(st.sampled_from(TRADED))
    return trade(
        f"{draw(st.integers(1, 3))}-{name}",
        name,
        draw(quantities),
        draw(prices),
        version=0 if action is TradeAction.NEW else draw(st.integers(1, 2)),
        action=action,
        event_time_ns=draw(st.just(0) | st.builds(at_ns, st.integers(-1, 2), hours)),
    )


@st.composite
def days(draw: st.DrawFn) -> list[list[Sent]]:
    acts = [split(), dividend(), split("B", 0.5, day=2, last=1), dividend("C", 9.0, day=2, last=1)]
    count = draw(st.integers(1, 3))
    chosen = draw(st.lists(st.sampled_from(acts), unique=True, max_size=3))
    days = [draw(st.lists(trades() | trades() | statements(), max_size=6)) for _ in range(count)]
    days[0] = [*chosen, *days[0]]
    return days


@given(statements(), days(), st.booleans())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_product_holds_what_the_written_rules_say(opening, history, is_one_by_one) -> None:
    feed = RecordedFeed()
    assert feed.send(*MARKET, opening).rejected == ()
    feed.send(*RATES, *QUOTES)
    for day, messages in enumerate(history):
        for part in [[message] for message in messages] if is_one_by_one else [messages]:
            feed.send(*part)
        feed.close(day)
    feed.send(trade("last", "A", 1.0, 100.0), tick("A", 101.0, day=3))
    finding = check_recorded(feed.records, feed.announced)
    assert finding.verdict is Verdict.PASSED, finding.detail
    assert "not comparable" not in finding.detail


def counted(records: Sequence[Record]) -> dict[str, Counter[str]]:
    """Return what must become of the messages of each topic, counted."""
    counts: dict[str, Counter[str]] = {}
    for ruling in rulings_of(records):
        counts.setdefault(ruling.topic, Counter())[ruling.outcome.value] += 1
    return counts


@given(statements(), days(), st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_product_closes_trades_as_the_written_rules_say(opening, history, is_split) -> None:
    """Closed at the mark after that of their session here, so that three days are enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closing, "OPEN_SESSIONS", 1)
        patch.setattr(rules, "OPEN_MARKS", 1)
        feed = RecordedFeed()
        assert feed.send(*MARKET, opening).rejected == ()
        feed.send(*RATES, *QUOTES)
        for day, messages in enumerate([*history, []]):
            feed.send(*messages)
            feed.close(day)
            if is_split:
                feed.restart(feed.next_offsets)
        feed.send(trade("last", "A", 1.0, 100.0), tick("A", 101.0, day=3))
        for topic, outcomes in counted(feed.records).items():
            assert feed.counts(topic) == outcomes, topic
        finding = check_recorded(feed.records, feed.announced)
    assert finding.verdict is Verdict.PASSED, finding.detail
    assert "not comparable" not in finding.detail


def test_a_closed_trade_is_contained_whatever_time_it_states() -> None:
    days = [date_of(day) for day in range(12)]
    odd = trade("odd", "A", 7.0, 3.0, event_time_ns=at_ns(300))
    again = msgspec.structs.replace(portfolio("P", holding("A", 2.0)), as_of_ns=at_ns(12))
    instruments = {
        message.instrument: message for message in MARKET if isinstance(message, Instrument)
    }
    for last, quantity in ((9, 9), (10, 2)):
        history = BookHistory(
            [Defined(portfolio("P")), Defined(again, days[last])],
            [SentTrade(odd)],
            {day: at_ns(number, 21.0) for number, day in enumerate(days[: last + 1])},
        )
        assert holdings(history, instruments, NO_ACTS).quantity["A"] == quantity


def test_money_that_is_closed_in_another_base_currency_is_not_compared() -> None:
    days = [date_of(day) for day in range(12)]
    bought = [SentTrade(trade("t", "E", 7.0, 1.1))]
    books = [Defined(portfolio("P")), Defined(portfolio("P", base_currency="EUR"), days[1])]
    instruments = {
        message.instrument: message for message in MARKET if isinstance(message, Instrument)
    }
    marks = {day: at_ns(number, 21.0) for number, day in enumerate(days)}
    holdings(BookHistory(books, bought, dict(list(marks.items())[:9])), instruments, NO_ACTS)
    with pytest.raises(ReferenceInputError, match="E was traded in one of EUR, USD"):
        holdings(BookHistory(books, bought, marks), instruments, NO_ACTS)


def closes_of(feed: RecordedFeed) -> dict[str, dict[dt.date, float]]:
    """Return the closes of a feed whose every day has one tick of each series at most."""
    closes: dict[str, dict[dt.date, float]] = {}
    for record in feed.records:
        message = read_message(record)
        if isinstance(message, CloseHistory):
            closes[message.series] = {point.date: point.value for point in message.closes}
        if isinstance(message, Tick):
            day = EPOCH + dt.timedelta(days=message.event_time_ns // DAY_NS)
            closes[message.ticker][day] = message.mid
    return closes


def test_every_end_of_day_of_a_restated_book_is_expected() -> None:
    feed = RecordedFeed()
    opening = portfolio("P", holding("A", 10.0), confidence="0.75")
    feed.send(*MARKET, opening, trade("t1", "A", 5.0, 99.0))
    feed.close(0, tick("A", 101.0))
    again = portfolio("P", holding("A", 30.0), window=6, confidence="0.75")
    feed.send(trade("t2", "A", -2.0, 99.0), again)
    feed.close(1, tick("A", 60.0, day=1))
    now = msgspec.structs.replace(again, positions=(holding("A", 7.0),), as_of_ns=at_ns(2, 10.0))
    feed.send(trade("t3", "A", 4.0, 99.0, event_time_ns=at_ns(2, 11.0)), now)
    feed.close(2, tick("A", 61.0, day=2))
    feed.close(3, tick("A", 50.0, day=3))
    days = [date_of(day) for day in range(4)]
    closes = closes_of(feed)
    expected = expected_of(feed.records, closes, calendar=sorted(closes["A"]), days=days)
    ends = [end for end in feed.announced if end.kind is SnapshotKind.END_OF_DAY]
    stated = {
        (end.portfolio, end.asof): msgspec.structs.replace(
            stated_by(end), hypothetical_pnl=end.hypothetical_pnl, breach=end.breach
        )
        for end in ends
    }
    finding = check_end_of_day("restated", stated, expected)
    assert finding.verdict is Verdict.PASSED, finding.detail
    assert [end.positions[0].quantity for end in ends] == [15, 30, 11, 11]
    assert [end.window for end in ends] == [5, 5, 6, 6]


def test_cash_and_costs_are_exact_where_floats_are_not() -> None:
    """Ten times a tenth, half of it contained in a statement that names no cash."""
    bought = [SentTrade(trade(f"b{n}", "A", 0.1, 3.0, event_time_ns=n + 1)) for n in range(10)]
    again = msgspec.structs.replace(portfolio("P", holding("A", 2.0)), as_of_ns=5)
    history = BookHistory([Defined(portfolio("P")), Defined(again)], bought)
    instruments = {
        message.instrument: message for message in MARKET if isinstance(message, Instrument)
    }
    held = holdings(history, instruments, NO_ACTS)
    assert held.quantity == {"A": 2 + 5 * Fraction(0.1), "cash:USD": -30 * Fraction(0.1)}
