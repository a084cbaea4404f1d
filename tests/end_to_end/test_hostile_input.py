"""Garbage in the topics: the stream goes on, and accounts for every message."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import msgspec
import pytest

from system.bus.consumer import Record, read_topic
from system.bus.producer import MessageProducer
from system.contracts.codec import encode
from system.contracts.kept_values import kept_value
from system.contracts.messages import (
    FxRate,
    Mark,
    OpeningPosition,
    Portfolio,
    Rejected,
    RejectReason,
    Tick,
    Trade,
    TradeAction,
)
from system.contracts.topics import FX_RATES, MARKET_DATA, REJECTED, TRADES, Topic
from system.settings import Connections, Settings
from system.simulate.datasets import load_market
from system.simulate.replay import Replay, ReplaySpec, replayed_market
from system.simulate.timeline import DayPlan
from system.store.redis.latest import LatestStore
from validation.checkers.end_of_day import check_end_of_day
from validation.checkers.ledger import Acknowledged, Outcome, check_ledger
from validation.rules.rulings import rulings_of
from validation.run.read_back import (
    await_committed,
    expected_of,
    read_inputs,
    read_stated,
    real_closes,
)
from validation.verdict import Verdict

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

DAYS = (dt.date(2020, 3, 9), dt.date(2020, 3, 13))
NAMES = ("AAPL", "MSFT", "XOM")
TICKS_PER_DAY = 90
DRAIN_BOUND_S = 120.0
SLIPPED_INDEX = 33
"""Of a day's ticks, on which one is followed by a slip of the finger."""
HOUR_NS = 3_600_000_000_000
BOOK = Portfolio(
    portfolio="hostile",
    positions=tuple(
        OpeningPosition(instrument=name, quantity=100.0, entry_price=50.0) for name in NAMES
    ),
)
NEW_TRADE = Trade(trade_id="t-1", portfolio="hostile", instrument="AAPL", quantity=10.0, price=70.0)


def changed(tick: Tick, **fields: object) -> bytes:
    """Return a tick as JSON with fields that its type would refuse."""
    return msgspec.json.encode({**msgspec.to_builtins(tick), "type": "tick", **fields})


def bad_ticks(tick: Tick) -> Iterator[bytes]:
    """Yield bytes that are no tick of a known instrument, each wrong in its own way."""
    good = encode(tick).decode()
    yield from (b"", b"\xff\xfe\x00", b"not json", b"[]", b"null", b"{}", b'{"type":"tick"}')
    yield good.replace(f'"mid":{tick.mid!r}', '"mid":NaN').encode()
    yield good.replace(f'"mid":{tick.mid!r}', '"mid":Infinity').encode()
    yield good.replace(f'"mid":{tick.mid!r}', '"mid":1e999').encode()
    yield changed(tick, mid=None)
    yield changed(tick, mid=str(tick.mid))
    yield changed(tick, mid=-1.0, bid=-2.0, ask=3.0)
    yield changed(tick, bid=tick.ask * 2)
    yield changed(tick, volume=-1)
    yield changed(tick, sequence=1.5)
    yield changed(tick, surprise=1)
    yield changed(tick, message_version="2.0")
    yield changed(tick, ticker="NOPE")
    yield changed(tick, ticker="")
    yield changed(tick, event_time_ns=tick.event_time_ns - 30 * 24 * HOUR_NS)
    yield changed(tick, event_time_ns=tick.event_time_ns + 30 * 24 * HOUR_NS)
    yield encode(FxRate(currency="USD", rate=1.1, event_time_ns=tick.event_time_ns, sequence=1))
    yield (good + good).encode()
    yield (good + " ").encode()
    yield f'{good[:-1]},"bid" :{tick.bid!r}}}'.encode()


def bad_rates(event_time_ns: int) -> Iterator[bytes]:
    rate = FxRate(currency="EUR", rate=1.0, event_time_ns=event_time_ns, sequence=1)
    yield encode(rate)
    yield encode(msgspec.structs.replace(rate, currency="GBp"))
    yield msgspec.json.encode({"type": "fx", "currency": "usd", "rate": 1.0})


def trades() -> Iterator[bytes]:
    """Yield two trades that count, and messages that do not."""
    again = msgspec.structs.replace
    yield encode(NEW_TRADE)
    yield encode(NEW_TRADE)
    yield encode(again(NEW_TRADE, quantity=99.0))
    yield encode(again(NEW_TRADE, version=1, action=TradeAction.AMEND, quantity=-20.0))
    yield encode(again(NEW_TRADE, version=3, action=TradeAction.AMEND))
    yield encode(again(NEW_TRADE, trade_id="t-2", portfolio="nobody"))
    yield encode(again(NEW_TRADE, trade_id="t-3", instrument="NOPE"))
    yield encode(again(NEW_TRADE, trade_id="t-4", version=1, action=TradeAction.CANCEL))
    yield b'{"type":"trade","quantity":0}'


def place(one: Rejected | Record) -> tuple[str, int, int]:
    return one.topic, one.partition, one.offset


class HostileSource:
    """Sends a replay's days with everything between them that should not be there."""

    def __init__(self, producer: MessageProducer) -> None:
        self._producer = producer
        self.counts: dict[str, int] = {}

    def send_day(self, plan: DayPlan) -> None:
        messages = [planned.message for planned in plan.slots()]
        *quotes, mark = messages
        assert isinstance(mark, Mark)
        for index, message in enumerate(quotes):
            self.send(message)
            if isinstance(message, Tick) and index % 7 == 0:
                self.send(message)
            if isinstance(message, Tick) and index % 11 == 0:
                self.send(self._older(message))
            if isinstance(message, Tick) and index == SLIPPED_INDEX:
                self.send(self._slipped(message))
        last = [quote for quote in quotes if isinstance(quote, Tick)][-1]
        for raw in bad_ticks(last):
            self.send_bytes(MARKET_DATA, raw, key=last.ticker)
        for raw in bad_rates(last.event_time_ns):
            self.send_bytes(FX_RATES, raw, key="USD")
        self._producer.flush()
        self._producer.send_mark_everywhere(mark)
        self.send(msgspec.structs.replace(last, sequence=last.sequence + 10_000))
        self._producer.flush()

    def send(self, message: Tick | FxRate | Trade) -> None:
        self._producer.send(message)
        topic = FX_RATES if isinstance(message, FxRate) else MARKET_DATA
        self.counts[topic.name] = self.counts.get(topic.name, 0) + 1

    def send_bytes(self, topic: Topic, raw: bytes, *, key: str) -> None:
        self._producer.send_bytes(topic, key.encode(), raw)
        self.counts[topic.name] = self.counts.get(topic.name, 0) + 1

    @staticmethod
    def _slipped(tick: Tick) -> Tick:
        """Return a tick at ten times the price, which the ticks behind it contradict."""
        prices = {"bid": tick.bid * 10, "mid": tick.mid * 10, "ask": tick.ask * 10}
        return msgspec.structs.replace(
            tick, **prices, sequence=tick.sequence + 7_000, event_time_ns=tick.event_time_ns + 1
        )

    @staticmethod
    def _older(tick: Tick) -> Tick:
        """Return a tick of its own number that comes after a newer one."""
        return msgspec.structs.replace(
            tick, sequence=tick.sequence + 5_000, event_time_ns=tick.event_time_ns - 1
        )


@pytest.fixture(scope="module")
def source(
    connections: Connections, stack_settings: Settings, producer: MessageProducer
) -> HostileSource:
    """A source that has sent five days of hostile input, all of it committed."""
    market = replayed_market(
        load_market(stack_settings.wheels_dir), instruments=NAMES, currencies=("USD",)
    )
    spec = ReplaySpec(first_day=DAYS[0], last_day=DAYS[1], ticks_per_day=TICKS_PER_DAY)
    replay = Replay(market, spec)
    for message in (*replay.reference_messages(), BOOK):
        producer.send(message)
    producer.flush()
    hostile = HostileSource(producer)
    plans = list(replay.day_plans())
    hostile.send_day(plans[0])
    for raw in trades():
        hostile.send_bytes(TRADES, raw, key=BOOK.portfolio)
    for plan in plans[1:]:
        hostile.send_day(plan)
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S), "the stream is behind"
    return hostile


def test_every_message_is_accounted_for_as_the_rules_say(
    source: HostileSource, connections: Connections
) -> None:
    stated = read_stated(connections.database_url)
    ruled = rulings_of(read_inputs(connections.kafka_bootstrap_servers))
    sent = [Acknowledged(topics=(topic,), count=count) for topic, count in source.counts.items()]
    findings = check_ledger(
        ruled, stated.counters, stated.rejected, covered=stated.covered, acknowledged=sent
    )
    assert {
        finding.check: finding.detail
        for finding in findings
        if finding.verdict is not Verdict.PASSED
    } == {}


def test_each_way_of_being_wrong_has_occurred(connections: Connections, source) -> None:
    ruled = rulings_of(read_inputs(connections.kafka_bootstrap_servers))
    assert {ruling.outcome for ruling in ruled} == set(Outcome)
    reasons = {ruling.reason for ruling in ruled if ruling.outcome is Outcome.REJECTED}
    assert reasons == {reason.value for reason in RejectReason} - {
        "wrong_topic",
        "quarantined",
        "incomplete_mark",  # after a minute of the broker's time: scenarios with a stray mark
    }


def test_the_rejected_topic_holds_each_rejected_message_with_its_bytes(
    connections: Connections, source
) -> None:
    stated = read_stated(connections.database_url)
    bootstrap_servers = connections.kafka_bootstrap_servers
    told = [record.message() for record in read_topic(bootstrap_servers, REJECTED)]
    places = {
        (rejection.topic, rejection.partition, rejection.offset): rejection
        for rejection in told
        if isinstance(rejection, Rejected)
    }
    inputs = {
        (sent.topic, sent.partition, sent.offset): sent for sent in read_inputs(bootstrap_servers)
    }
    assert set(places) == {ruling.place for ruling in stated.rejected}
    for at, rejected in places.items():
        kept = kept_value(inputs[at].value)
        assert (rejected.value, rejected.size_bytes, rejected.sha256) == kept


def test_the_numbers_are_those_of_the_clean_messages(
    connections: Connections, stack_settings: Settings, source
) -> None:
    closes = real_closes(stack_settings.wheels_dir)
    stated = read_stated(connections.database_url)
    records = read_inputs(connections.kafka_bootstrap_servers)
    days = sorted({day for _, day in stated.days})
    expected = expected_of(records, closes, calendar=closes["AAPL"], days=days)
    finding = check_end_of_day("hostile", stated.days, expected)
    assert (finding.verdict, len(days)) == (Verdict.PASSED, 5), finding.detail


def test_the_stream_goes_on_after_all_of_it(
    connections: Connections, producer: MessageProducer, source
) -> None:
    with LatestStore(connections.redis_url) as store:
        before = store.latest("hostile")
        assert before is not None
        price = before.snapshot.positions[0].price
        tick = Tick(
            ticker=before.snapshot.positions[0].instrument,
            bid=price,
            ask=price * 1.1,
            mid=price * 1.1,
            volume=1.0,
            event_time_ns=before.snapshot.event_time_ns + 72 * HOUR_NS,
            sequence=1_000_000,
        )
        producer.deliver(tick)
        assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
        after = store.latest("hostile")
    assert after is not None
    assert after.snapshot.positions[0].price == tick.mid
    assert after.snapshot.nav > before.snapshot.nav
