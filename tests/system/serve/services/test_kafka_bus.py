"""Bus behind the API: one producer for all requests, with bounds on each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from system.contracts.topics import INPUT_TOPICS, REFERENCE, TRADES
from system.serve.services import kafka_bus
from system.serve.services.kafka_bus import (
    DELIVERY_BOUND_S,
    LAG_BOUND_S,
    LINGER_MS,
    KafkaBus,
)

SERVERS = "kafka.example:9092"


class Producer:
    """Producer that notes what it is asked."""

    def __init__(self, servers, **options):
        self.options = {"servers": servers, **options}
        self.asked = []
        producers.append(self)

    def __getattr__(self, name):
        def ask(*arguments, **options):
            self.asked.append((name, *arguments, *options.values()))
            return name

        return ask


producers: list[Producer] = []


@pytest.fixture
def bus(monkeypatch) -> KafkaBus:
    producers.clear()
    monkeypatch.setattr(kafka_bus, "MessageProducer", Producer)
    return KafkaBus(SERVERS)


def test_nothing_is_connected_before_it_is_needed(bus):
    bus.deliver_all([])
    assert len(producers) == 1
    assert producers[0].asked == []
    assert producers[0].options["servers"] == SERVERS
    assert producers[0].options["linger_ms"] == LINGER_MS == 0


def test_a_message_is_waited_for_within_its_bound(bus):
    assert bus.deliver("trade") == "deliver"
    assert producers[0].asked == [("deliver", "trade", DELIVERY_BOUND_S)]


def test_messages_are_sent_in_order_and_flushed_once(bus):
    bus.deliver_all(["a", "b"])
    assert producers[0].asked == [("send", "a"), ("send", "b"), ("flush", DELIVERY_BOUND_S)]


def test_a_mark_goes_everywhere_and_is_flushed(bus):
    assert bus.close_day("mark") == "send_mark_everywhere"
    assert producers[0].asked == [("send_mark_everywhere", "mark"), ("flush", DELIVERY_BOUND_S)]


def test_a_warm_up_learns_the_topics_of_the_first_trade(bus):
    bus.warm_up()
    assert producers[0].asked == [("partition_count", TRADES), ("partition_count", REFERENCE)]


def test_requests_of_many_threads_share_one_producer(bus):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bus.deliver, range(50)))
    assert len(producers) == 1


def test_a_bus_that_was_closed_connects_anew(bus):
    bus.close()
    bus.deliver("a")
    bus.close()
    assert producers[0].asked[-1] == ("close", DELIVERY_BOUND_S)
    bus.deliver("b")
    assert len(producers) == 2


def test_ends_are_asked_within_a_bound(bus, monkeypatch):
    asked = []

    def end_offsets(*arguments, **options):
        asked.append((*arguments, options))
        return {"trades:0": 7}

    monkeypatch.setattr(kafka_bus, "end_offsets", end_offsets)
    assert bus.end_offsets() == {"trades:0": 7}
    assert asked == [(SERVERS, INPUT_TOPICS, {"timeout_seconds": LAG_BOUND_S})]
