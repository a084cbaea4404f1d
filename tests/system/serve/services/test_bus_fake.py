"""The bus in memory: offsets grow by topic, and it fails as a silent broker does."""

from __future__ import annotations

import datetime as dt

import pytest

from system.contracts.messages import Instrument, Mark, Trade
from system.contracts.topics import REFERENCE, TRADES, offset_key
from system.errors import UnavailableError
from system.serve.services.bus_fake import MemoryBus

TRADE = Trade(trade_id="t", portfolio="P", instrument="A", quantity=1.0, price=2.0)
SHARE = Instrument(instrument="A", asset_class="equity", currency="USD")


def test_each_topic_counts_its_own_messages() -> None:
    bus = MemoryBus()
    places = [bus.deliver(message) for message in (TRADE, SHARE, TRADE)]
    assert [(place.topic, place.offset) for place in places] == [
        (TRADES.name, 0),
        (REFERENCE.name, 0),
        (TRADES.name, 1),
    ]
    assert bus.end_offsets()[offset_key(TRADES.name, 0)] == 2


def test_a_mark_is_in_every_topic() -> None:
    bus = MemoryBus()
    mark = Mark(date=dt.date(2020, 3, 5), event_time_ns=1)
    assert bus.close_day(mark) == len(bus.end_offsets())
    assert (bus.marks, set(bus.end_offsets().values())) == ([mark], {1})


def test_a_silent_bus_keeps_nothing() -> None:
    bus = MemoryBus(silent=True)
    for call in (bus.warm_up, bus.end_offsets, lambda: bus.deliver_all([TRADE])):
        with pytest.raises(UnavailableError):
            call()
    assert bus.sent == []


def test_a_bus_that_loses_its_answers_keeps_the_message() -> None:
    bus = MemoryBus(loses_answers=True)
    with pytest.raises(UnavailableError):
        bus.deliver(TRADE)
    assert bus.sent == [TRADE]
