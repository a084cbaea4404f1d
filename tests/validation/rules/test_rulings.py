"""Fates: the written rules, and the same rulings as the fold on histories of any kind."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.book import Book
from system.book.state.events import Event, QuoteRow, Unreadable
from system.bus.consumer import Record
from system.contracts.codec import decode_topic, encode
from system.contracts.kept_values import kept_value
from system.contracts.messages import (
    AssetClass,
    CloseHistory,
    ClosePoint,
    Dividend,
    ExchangeSessions,
    FxRate,
    Instrument,
    Mark,
    Message,
    OpeningPosition,
    OptionRight,
    OptionTerms,
    Portfolio,
    RejectReason,
    ReturnType,
    SessionClose,
    Split,
    StressedHistory,
    Tick,
    Trade,
    TradeAction,
)
from system.contracts.topics import INPUT_TOPICS
from system.errors import MessageError
from validation.checkers.ledger import Outcome
from validation.rules.rulings import accepted_trades, rulings_of

DAY = dt.date(2020, 2, 3)
HOUR_NS = 3_600_000_000_000
MIDNIGHT_NS = int(dt.datetime(2020, 2, 3, tzinfo=dt.UTC).timestamp()) * 10**9
PARTITIONS = {"reference": 1, "market_data": 2, "fx_rates": 1, "trades": 1}
TOPICS = {topic.name: topic for topic in INPUT_TOPICS}

APPLE = Instrument(instrument="AAPL", asset_class=AssetClass.EQUITY, currency="USD")
EURO = Instrument(instrument="EUR", asset_class=AssetClass.FX, currency="EUR")
HISTORY = CloseHistory(series="AAPL", closes=(ClosePoint(date=dt.date(2020, 1, 31), value=77.0),))
BOOK = Portfolio(
    portfolio="long",
    positions=(OpeningPosition(instrument="AAPL", quantity=1.0, entry_price=70.0),),
)
YEN = CloseHistory(series="fx:JPY", closes=(ClosePoint(date=dt.date(2020, 1, 31), value=1.1),))
REFERENCE = (APPLE, EURO, HISTORY, YEN, BOOK)


def tick(
    sequence: int = 1,
    *,
    hour: float = 15.0,
    day: int = 0,
    ticker: str = "AAPL",
    price: float = 77.0,
) -> Tick:
    event_time_ns = MIDNIGHT_NS + round((day * 24 + hour) * HOUR_NS)
    return Tick(
        ticker=ticker,
        bid=price,
        ask=price,
        mid=price,
        volume=1,
        event_time_ns=event_time_ns,
        sequence=sequence,
    )


def rate(
    sequence: int = 1, *, currency: str = "USD", hour: float = 15.0, value: float = 1.1
) -> FxRate:
    return FxRate(
        currency=currency,
        rate=value,
        event_time_ns=MIDNIGHT_NS + round(hour * HOUR_NS),
        sequence=sequence,
    )


def trade(version: int = 0, action: TradeAction = TradeAction.NEW, **changes: object) -> Trade:
    basic = Trade(trade_id="t", portfolio="long", instrument="AAPL", quantity=1.0, price=77.0)
    return msgspec.structs.replace(basic, version=version, action=action, **changes)


def mark(day: int = 0) -> Mark:
    return Mark(
        date=DAY + dt.timedelta(days=day), event_time_ns=MIDNIGHT_NS + (day * 24 + 21) * HOUR_NS
    )


FAR_MARK = Mark(date=dt.date(9999, 12, 31), event_time_ns=MIDNIGHT_NS)


def records(topic: str, *messages: Message | bytes, partition: int = 0) -> list[Record]:
    return [
        Record(
            topic, partition, offset, b"", value if isinstance(value, bytes) else encode(value), 0
        )
        for offset, value in enumerate(messages)
    ]


def rulings(topic: str, *messages: Message | bytes) -> list[tuple[Outcome, str]]:
    ruled = rulings_of([*records("reference", *REFERENCE), *records(topic, *messages)])
    return [(ruling.outcome, ruling.reason) for ruling in ruled if ruling.topic == topic]


APPLIED = (Outcome.APPLIED, "")
DUPLICATE = (Outcome.DUPLICATE, "")
SUPERSEDED = (Outcome.SUPERSEDED, "")
MARKED = (Outcome.MARK, "")


def rejected(reason: str) -> tuple[Outcome, str]:
    return Outcome.REJECTED, reason


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ((tick(1), tick(2, hour=16)), [APPLIED, APPLIED]),
        ((tick(1), tick(1)), [APPLIED, DUPLICATE]),
        ((tick(2, hour=16), tick(1)), [APPLIED, SUPERSEDED]),
        ((tick(2, hour=16), tick(1), tick(1)), [APPLIED, SUPERSEDED, DUPLICATE]),
        ((b"garbage",), [rejected("not_json")]),
        ((b'{"type":"tick","mid":NaN}',), [rejected("not_finite")]),
        ((b'{"type":"tick"}',), [rejected("invalid")]),
        ((tick(ticker="NOPE"),), [rejected("unknown_instrument")]),
        ((tick(ticker="EUR"),), [rejected("invalid")]),
        ((tick(day=-3),), [rejected("late")]),
        ((tick(day=30),), [rejected("time_far_off")]),
        ((tick(1), mark(), tick(2, hour=20)), [APPLIED, MARKED, rejected("late")]),
        ((mark(), tick(1, hour=22)), [MARKED, APPLIED]),
        ((tick(1), mark(), tick(2, hour=22)), [APPLIED, MARKED, rejected("late")]),
        ((mark(), mark()), [MARKED, DUPLICATE]),
        ((tick(1, hour=16), tick(5_000), tick(1, hour=16)), [APPLIED, SUPERSEDED, DUPLICATE]),
        ((tick(1, day=9), mark(), tick(2, day=1)), [APPLIED, MARKED, APPLIED]),
        ((tick(5), tick(5, hour=16), tick(5)), [APPLIED, APPLIED, DUPLICATE]),
        ((tick(5), mark(), tick(1, day=1), tick(5, day=1)), [APPLIED, MARKED, APPLIED, APPLIED]),
        ((tick(1, day=9), mark(), tick(1, day=9)), [APPLIED, MARKED, DUPLICATE]),
        ((FAR_MARK, mark()), [rejected("time_far_off"), MARKED]),
    ],
)
def test_rules_for_ticks(messages, expected) -> None:
    assert rulings("market_data", *messages) == expected


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ((rate(1), rate(1)), [APPLIED, DUPLICATE]),
        ((rate(currency="EUR"),), [rejected("unknown_currency")]),
        ((rate(1, hour=15), mark(), rate(2, hour=16)), [APPLIED, MARKED, rejected("late")]),
        (
            (rate(1), mark(), rate(1, hour=39), rate(1)),
            [APPLIED, MARKED, APPLIED, rejected("late")],
        ),
        (
            tuple(rate(n, hour=n, value=value) for n, value in enumerate((120, 1.2, 120.1, 120.2))),
            [APPLIED, rejected("contradicted"), APPLIED, APPLIED],
        ),
        (
            (rate(1), rate(2, hour=16, value=1.3), mark(), rate(3, hour=39), rate(4, hour=40)),
            [APPLIED, APPLIED, MARKED, APPLIED, APPLIED],
        ),
    ],
)
def test_rules_for_rates(messages, expected) -> None:
    assert rulings("fx_rates", *messages) == expected


AMEND, CANCEL = TradeAction.AMEND, TradeAction.CANCEL


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ((trade(), trade()), [APPLIED, DUPLICATE]),
        ((trade(), trade(quantity=2.0)), [APPLIED, rejected("conflict")]),
        ((trade(), trade(1, AMEND), trade()), [APPLIED, APPLIED, DUPLICATE]),
        ((trade(), trade(2, AMEND)), [APPLIED, rejected("wrong_version")]),
        ((trade(1, AMEND),), [rejected("unknown_trade")]),
        (
            (trade(), trade(1, CANCEL), trade(2, AMEND)),
            [APPLIED, APPLIED, rejected("wrong_version")],
        ),
        ((trade(portfolio="other"),), [rejected("unknown_portfolio")]),
        ((trade(instrument="NOPE"),), [rejected("unknown_instrument")]),
    ],
)
def test_rules_for_trades(messages, expected) -> None:
    assert rulings("trades", *messages) == expected


CALL = Instrument(
    instrument="CALL",
    asset_class=AssetClass.OPTION,
    currency="USD",
    option=OptionTerms(
        underlying="AAPL", right=OptionRight.CALL, strike=80.0, expiry=DAY, volatility=0.25
    ),
)


OPEN = SessionClose(date=DAY, close_ns=1)
SESSIONS = ExchangeSessions(exchange="XNYS", first=DAY, last=DAY, version="1", sessions=(OPEN,))
LONGER = msgspec.structs.replace(SESSIONS, last=DAY + dt.timedelta(days=9), version="2")
OIL = Instrument(
    instrument="OIL", asset_class=AssetClass.FUTURE, currency="USD", return_type=ReturnType.ABSOLUTE
)
LOW = CloseHistory(series="OIL", closes=(ClosePoint(date=dt.date(2020, 1, 31), value=-3.0),))
SOLD = OpeningPosition(instrument="AAPL", quantity=1.0, entry_price=-1.0)


def split(ratio: float, *, day: int = 1, last: int = 0, instrument: str = "AAPL") -> Split:
    date = DAY + dt.timedelta(days=day)
    last_day = DAY + dt.timedelta(days=min(last, day - 1))
    return Split(instrument=instrument, date=date, last_day=last_day, ratio=ratio)


def dividend(amount: float, *, day: int = 1, last: int = 0, instrument: str = "AAPL") -> Dividend:
    date = DAY + dt.timedelta(days=day)
    last_day = DAY + dt.timedelta(days=min(last, day - 1))
    return Dividend(instrument=instrument, date=date, last_day=last_day, amount=amount)


CRISIS = StressedHistory(
    window="2008",
    first=dt.date(2008, 9, 2),
    last=dt.date(2008, 12, 31),
    version="v1",
    series="AAPL",
    closes=(*HISTORY.closes, ClosePoint(date=DAY, value=76.0)),
)
LATER = (ClosePoint(date=DAY, value=75.0),)


def on(underlying: str, **changes: object) -> Instrument:
    terms = msgspec.structs.replace(CALL.option, underlying=underlying)
    return msgspec.structs.replace(CALL, option=terms, **changes)


def as_of(days: int) -> Portfolio:
    """Return the book as of so many days after the first one's midnight."""
    return msgspec.structs.replace(BOOK, as_of_ns=MIDNIGHT_NS + (24 * days - 4) * HOUR_NS)


def on_day(days: int) -> Portfolio:
    return msgspec.structs.replace(BOOK, as_of_day=DAY + dt.timedelta(days=days))


STATED = msgspec.structs.replace(BOOK, positions=(), as_of_ns=MIDNIGHT_NS)
REFERENCE_RULES = [
    ((CALL, CALL), [APPLIED, DUPLICATE]),
    ((CALL, on("AAPL", multiplier=100.0)), [APPLIED, rejected("conflict")]),
    ((on("NOPE"), CALL), [rejected("unknown_instrument"), APPLIED]),
    ((on("CALL"),), [rejected("unknown_instrument")]),
    ((on("EUR"),), [rejected("invalid")]),
    ((on("AAPL", currency="EUR"),), [rejected("invalid")]),
    ((CALL, on("CALL", instrument="ON")), [APPLIED, rejected("invalid")]),
    ((CRISIS, CRISIS), [APPLIED, DUPLICATE]),
    ((CRISIS, msgspec.structs.replace(CRISIS, version="v2")), [APPLIED, rejected("conflict")]),
    (
        (CRISIS, msgspec.structs.replace(CRISIS, series="fx:USD", last=DAY)),
        [APPLIED, rejected("conflict")],
    ),
    (
        (CRISIS, msgspec.structs.replace(CRISIS, closes=CRISIS.closes[:1] + LATER)),
        [APPLIED, rejected("conflict")],
    ),
    ((CRISIS, msgspec.structs.replace(CRISIS, series="fx:USD")), [APPLIED, APPLIED]),
    ((OIL, LOW), [APPLIED, APPLIED]),
    ((SESSIONS, SESSIONS), [APPLIED, DUPLICATE]),
    ((SESSIONS, LONGER, SESSIONS), [APPLIED, APPLIED, rejected("conflict")]),
    ((LONGER, msgspec.structs.replace(LONGER, version="3")), [APPLIED, rejected("conflict")]),
    ((LOW, OIL), [rejected("invalid"), APPLIED]),
    ((OIL, on("OIL")), [APPLIED, rejected("invalid")]),
    ((msgspec.structs.replace(BOOK, positions=(SOLD,)),), [rejected("invalid")]),
    ((STATED, STATED), [APPLIED, DUPLICATE]),
    ((mark(), as_of(15), as_of(16)), [MARKED, APPLIED, rejected("time_far_off")]),
    ((mark(), on_day(13), on_day(14)), [MARKED, APPLIED, rejected("time_far_off")]),
    ((as_of(400), on_day(400)), [APPLIED, APPLIED]),
    ((split(4.0), split(4.0)), [APPLIED, DUPLICATE]),
    ((split(4.0), split(2.0)), [APPLIED, APPLIED]),
    ((split(4.0), dividend(2.0)), [APPLIED, APPLIED]),
    ((split(4.0, instrument="NOPE"),), [rejected("unknown_instrument")]),
    ((split(4.0, instrument="EUR"),), [rejected("invalid")]),
    (
        (split(4.0), mark(), split(4.0), split(2.0)),
        [APPLIED, MARKED, DUPLICATE, rejected("conflict")],
    ),
    ((mark(), split(4.0, day=0)), [MARKED, rejected("late")]),
    ((mark(), split(4.0), split(2.0)), [MARKED, APPLIED, APPLIED]),
    ((mark(), split(4.0), mark(1), split(2.0)), [MARKED, APPLIED, MARKED, rejected("late")]),
]


@pytest.mark.parametrize("messages", [messages for messages, _ in REFERENCE_RULES])
def test_the_fold_rules_on_reference_data_in_the_same_way(messages) -> None:
    agree(messages)


def agree(messages) -> None:
    sent = records("reference", *REFERENCE, *messages)
    marks = [message for message in messages if isinstance(message, Mark)]
    for place in ("market_data:0", "market_data:1", "fx_rates:0", "trades:0"):
        topic, _, partition = place.partition(":")
        sent += records(topic, *marks, partition=int(partition))
    agree_on(sent)


def agree_on(stored: list[Record]) -> None:
    counts, places = folded(stored)
    ruled = rulings_of(stored)
    assert Counter((ruling.topic, ruling.outcome.value) for ruling in ruled) == counts
    assert {
        (*ruling.place, ruling.reason) for ruling in ruled if ruling.outcome is Outcome.REJECTED
    } == places


@pytest.mark.parametrize(("messages", "expected"), REFERENCE_RULES)
def test_rules_for_options_and_stressed_closes(messages, expected) -> None:
    ruled = rulings_of(records("reference", *REFERENCE, *messages))[len(REFERENCE) :]
    assert [(ruling.outcome, ruling.reason) for ruling in ruled] == expected


adjustments = st.builds(
    lambda build, size, day, last, name: build(size, day=day, last=last, instrument=name),
    st.sampled_from([split, dividend]),
    st.sampled_from([0.5, 2.0, 4.0]),
    st.integers(0, 3),
    st.integers(-1, 2),
    st.sampled_from(["AAPL", "AAPL", "AAPL", "NOPE", "EUR"]),
)


@given(st.lists(adjustments, max_size=5), st.lists(adjustments, max_size=5))
@settings(max_examples=100, deadline=None)
def test_the_fold_and_the_written_rules_agree_on_splits_and_dividends(early, late) -> None:
    agree((*early, mark(), *late, mark(1), *early))


def test_a_sequence_number_is_remembered_for_63_and_then_superseded() -> None:
    newest = tick(64, hour=16)
    assert rulings("market_data", tick(2), newest, tick(2))[-1] == DUPLICATE
    assert rulings("market_data", tick(1), newest, tick(1))[-1] == SUPERSEDED


def test_a_trade_sent_again_with_another_time_is_a_duplicate() -> None:
    again = trade(event_time_ns=5, intended_monotonic_ns=6)
    assert rulings("trades", trade(), again) == [APPLIED, DUPLICATE]


def test_accepted_trades_belong_to_the_first_mark_behind_them() -> None:
    other = trade(trade_id="u")
    trades = accepted_trades(
        [
            *records("reference", *REFERENCE),
            *records("trades", trade(), trade(), mark(), other, trade(portfolio="x"), mark(1)),
        ]
    )
    assert trades == [(trade(), DAY), (other, DAY + dt.timedelta(days=1))]


def test_a_trade_behind_the_last_mark_has_no_day() -> None:
    trades = accepted_trades([*records("reference", *REFERENCE), *records("trades", trade())])
    assert trades == [(trade(), None)]


ticks = st.builds(
    tick,
    st.integers(1, 70) | st.just(5_000),
    hour=st.sampled_from([1.0, 15.0, 15.0, 16.5, 20.9, 21.0, 23.0]),
    day=st.sampled_from([-3, -2, 0, 0, 1, 2, 5, 14, 15, 16, 40]),
    ticker=st.sampled_from(["AAPL", "AAPL", "AAPL", "EUR", "NOPE"]),
    price=st.sampled_from([77.0, 76.0, 40.0, 150.0]),
)
flickering = st.lists(st.sampled_from([77.0, 76.0, 40.0, 150.0, 19.0]), max_size=12)
rates = st.builds(
    rate,
    st.integers(1, 70),
    currency=st.sampled_from(["USD", "USD", "JPY", "EUR", "GBp"]),
    hour=st.sampled_from([-9.0, 15.0, 16.0, 22.0, 30.0]),
    value=st.sampled_from([1.1, 1.15, 0.9, 110.0]),
)
trades = st.one_of(
    st.builds(
        trade,
        trade_id=st.sampled_from(["t", "u"]),
        quantity=st.sampled_from([1.0, 2.0]),
        portfolio=st.sampled_from(["long", "long", "other"]),
        instrument=st.sampled_from(["AAPL", "AAPL", "EUR", "NOPE", "cash:USD", "cash:foo"]),
    ),
    st.builds(
        trade,
        version=st.integers(1, 3),
        action=st.sampled_from([AMEND, CANCEL]),
        trade_id=st.sampled_from(["t", "u"]),
        quantity=st.sampled_from([1.0, 2.0]),
    ),
)
garbage = st.sampled_from([b"", b"garbage", b"{}", b'{"type":"tick","mid":NaN}', b"\xff\xfe"])


@st.composite
def partitions(draw: st.DrawFn) -> list[Record]:
    days = draw(st.integers(0, 2))
    acts = [draw(st.lists(adjustments, max_size=2)) for _ in range(days)]
    sent = [message for day, some in enumerate(acts) for message in (*some, mark(day))]
    stored = records("reference", *REFERENCE, *sent)
    sources = [("market_data", 0, ticks), ("market_data", 1, ticks), ("fx_rates", 0, rates)]
    for topic, partition, source in [*sources, ("trades", 0, trades)]:
        parts = [
            draw(st.lists(st.one_of(source, source, source, garbage), max_size=6))
            for _ in range(days + 1)
        ]
        messages = list(parts[0])
        for index, part in enumerate(parts[1:]):
            messages += [mark(index), *part]
        stored += records(topic, *messages, partition=partition)
    return stored


@given(flickering, flickering, st.lists(adjustments, max_size=2))
@settings(max_examples=200, deadline=None)
def test_the_fold_and_the_written_rules_agree_on_isolated_ticks(first, second, acts) -> None:
    today = [tick(n + 1, hour=14 + n / 10, price=price) for n, price in enumerate(first)]
    later = [tick(n + 50, hour=14 + n / 10, day=1, price=price) for n, price in enumerate(second)]
    stored = records("reference", *REFERENCE, *acts, mark())
    stored += records("market_data", *today, mark(), *later)
    stored += records(
        "fx_rates",
        *(rate(tick.sequence, hour=_hour(tick), value=tick.mid / 60) for tick in today),
        mark(),
        *(rate(tick.sequence, hour=_hour(tick), value=tick.mid / 60) for tick in later),
    )
    for topic, partition in (("market_data", 1), ("trades", 0)):
        stored += records(topic, mark(), partition=partition)
    agree_on(stored)


def _hour(tick: Tick) -> float:
    return (tick.event_time_ns - MIDNIGHT_NS) / HOUR_NS


def test_a_tick_that_two_following_ones_contradict_is_rejected_after_all() -> None:
    prices = (77.0, 7.0, 77.0, 78.0)
    sent = [tick(n + 1, hour=14 + n, price=price) for n, price in enumerate(prices)]
    verdicts = rulings("market_data", *sent)
    assert verdicts == [APPLIED, rejected("contradicted"), APPLIED, APPLIED]


def test_the_first_quote_is_compared_with_the_last_close() -> None:
    sent = [tick(n, hour=14 + n, price=price) for n, price in enumerate((7.0, 77.0, 78.0))]
    assert rulings("market_data", *sent) == [rejected("contradicted"), APPLIED, APPLIED]
    wrong = [rate(n, hour=14 + n, currency="JPY", value=v) for n, v in enumerate((0.9, 1.1, 1.1))]
    assert rulings("fx_rates", *wrong) == [rejected("contradicted"), APPLIED, APPLIED]


def payload(record: Record):
    try:
        message = decode_topic(record.value, TOPICS[record.topic])
    except MessageError as error:
        return Unreadable(error.reason, error.detail)
    if isinstance(message, Tick):
        return QuoteRow(
            message.ticker, message.mid, message.event_time_ns, message.sequence, 0, message.bid
        )
    if isinstance(message, FxRate):
        return QuoteRow(message.currency, message.rate, message.event_time_ns, message.sequence, 0)
    return message


def folded(stored: list[Record]) -> tuple[Counter[tuple[str, str]], set[tuple[str, int, int, str]]]:
    names = [f"{topic}:{index}" for topic, count in PARTITIONS.items() for index in range(count)]
    book = Book(dict.fromkeys(names, 0))
    events: dict[str, list[Event]] = {name: [] for name in names}
    for record in stored:
        kept = [kept_value(record.value)]
        events[f"{record.topic}:{record.partition}"].append(
            Event(record.offset, payload(record), kept, 0)
        )
    fold = book.fold(events, fence=1, epoch=0)
    assert fold.waiting_for == ()
    counts = {
        (topic, outcome): count
        for topic, row in book.ledger.topics().items()
        for outcome, count in msgspec.to_builtins(row).items()
        if count
    }
    places = {
        (rejected.topic, rejected.partition, rejected.offset, str(rejected.reason))
        for rejected in fold.rejected
    }
    return Counter(counts), places


def one_owner(stored: list[Record]) -> list[Record]:
    """Return records in which each ticker lives in one partition, as keys make sure of."""
    return [
        record
        for record in stored
        if not (record.topic == "market_data" and record.partition == 1 and b"AAPL" in record.value)
    ]


def renumbered(stored: list[Record]) -> list[Record]:
    offsets: Counter[tuple[str, int]] = Counter()
    result = []
    for record in stored:
        at = (record.topic, record.partition)
        result.append(Record(*at, offsets[at], record.key, record.value, record.appended_at_ms))
        offsets[at] += 1
    return result


@given(partitions())
@settings(max_examples=200, deadline=None)
def test_the_fold_and_the_written_rules_agree_on_every_message(stored: list[Record]) -> None:
    history = renumbered(one_owner(stored))
    ruled = rulings_of(history)
    counts, rejected_places = folded(history)
    assert Counter((ruling.topic, ruling.outcome.value) for ruling in ruled) == counts
    assert {
        (*ruling.place, ruling.reason) for ruling in ruled if ruling.outcome is Outcome.REJECTED
    } == rejected_places


@pytest.mark.parametrize(
    ("confidence", "window", "outcome"),
    [
        ("0.99", 30, Outcome.REJECTED),
        ("0.99", 99, Outcome.REJECTED),
        ("0.99", 100, Outcome.APPLIED),
        ("0.95", 20, Outcome.APPLIED),
        ("0.95", 19, Outcome.REJECTED),
        ("0.4", 30, Outcome.REJECTED),
        ("0.5", 30, Outcome.REJECTED),
    ],
)
def test_a_book_whose_tail_holds_no_day_is_invalid(
    confidence: str, window: int, outcome: Outcome
) -> None:
    book = msgspec.structs.replace(BOOK, confidence=confidence, window=window)
    (verdict,) = referred(book)
    assert verdict[0] is outcome
    assert verdict[1] == (RejectReason.INVALID if outcome is Outcome.REJECTED else "")


def referred(*messages: Message) -> list[tuple[Outcome, str]]:
    """Return the rulings on reference data that comes after what the tests know."""
    ruled = rulings_of(records("reference", *REFERENCE, *messages))
    return [(ruling.outcome, ruling.reason) for ruling in ruled[-len(messages) :]]


def test_pence_in_another_spelling_are_the_same_instrument() -> None:
    london = Instrument(instrument="EZJ.L", asset_class=AssetClass.EQUITY, currency="GBp")
    spelled, pounds, dearer = (
        msgspec.structs.replace(london, currency="GBX"),
        msgspec.structs.replace(london, currency="GBP"),
        msgspec.structs.replace(london, currency="GBX", multiplier=2.0),
    )
    applied, same, *others = referred(london, spelled, pounds, dearer)
    assert (applied[0], same[0]) == (Outcome.APPLIED, Outcome.DUPLICATE)
    assert [other[1] for other in others] == [RejectReason.CONFLICT] * 2


@pytest.mark.parametrize("unit", ["GBp", "GBX", "ILA", "KWF"])
def test_a_rate_of_a_minor_unit_is_rejected(unit: str) -> None:
    (verdict,) = rulings("fx_rates", rate(currency=unit))
    assert verdict == (Outcome.REJECTED, RejectReason.UNKNOWN_CURRENCY)
