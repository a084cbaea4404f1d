import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.cluster import ClusterMetadata
from kafka.partitioner import DefaultPartitioner

from system.bus.errors import UnroutableMessageError
from system.bus.routing import partition_of, topic_of
from system.contracts.messages import (
    AssetClass,
    CloseHistory,
    ClosePoint,
    FxRate,
    Instrument,
    Mark,
    Portfolio,
    Rejected,
    RejectReason,
    Tick,
    Trade,
)
from system.contracts.topics import FX_RATES, MARKET_DATA, REFERENCE, REJECTED, TRADES

DAY = dt.date(2020, 2, 3)
ROUTES = [
    (
        Tick(ticker="A", bid=1.0, ask=1.0, mid=1.0, volume=1.0, event_time_ns=1, sequence=1),
        MARKET_DATA,
    ),
    (FxRate(currency="USD", rate=1.1, event_time_ns=1, sequence=1), FX_RATES),
    (Trade(trade_id="t", portfolio="p", instrument="A", quantity=1.0, price=1.0), TRADES),
    (Instrument(instrument="A", asset_class=AssetClass.EQUITY, currency="USD"), REFERENCE),
    (CloseHistory(series="A", closes=(ClosePoint(DAY, 1.0),)), REFERENCE),
    (Portfolio(portfolio="p"), REFERENCE),
    (
        Rejected(
            topic="trades",
            partition=0,
            offset=1,
            reason=RejectReason.INVALID,
            detail="",
            value="",
        ),
        REJECTED,
    ),
]


@pytest.mark.parametrize(("message", "topic"), ROUTES, ids=lambda x: type(x).__name__)
def test_every_message_has_its_topic(message, topic):
    assert topic_of(message) is topic


def test_a_mark_has_no_single_topic():
    with pytest.raises(UnroutableMessageError, match="send_mark_everywhere"):
        topic_of(Mark(date=DAY, event_time_ns=1))


class _Cluster(ClusterMetadata):
    def __init__(self, partition_count: int) -> None:
        self.partition_count = partition_count

    def topics(self, exclude_internal_topics: bool = True) -> set[str]:
        return {"market_data"}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(self.partition_count))

    available_partitions_for_topic = partitions_for_topic


@given(key=st.binary(max_size=40), partition_count=st.integers(1, 64))
def test_a_key_goes_where_kafkas_own_partitioner_sends_it(key, partition_count):
    theirs = DefaultPartitioner().partition(
        "market_data", key, key, b"", b"", _Cluster(partition_count)
    )
    assert partition_of(key, partition_count) == theirs


@pytest.mark.parametrize(
    ("key", "hashed"),
    # From Kafka's own UtilsTest: signed 32-bit results of its murmur2.
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_partitions_agree_with_published_hashes_of_the_java_client(key, hashed):
    for partition_count in (1, 2, 3, 7, 64):
        assert partition_of(key, partition_count) == (hashed & 0x7FFFFFFF) % partition_count
