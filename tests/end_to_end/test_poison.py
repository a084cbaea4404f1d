"""Messages that would take the stream down: megabytes of nothing, and one that kills its reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from system.bus.consumer import end_offsets
from system.bus.producer import MessageProducer
from system.contracts.messages import (
    AssetClass,
    Instrument,
    OpeningPosition,
    Portfolio,
    RejectReason,
    Trade,
)
from system.contracts.topics import INPUT_TOPICS, RISK_SNAPSHOTS, TRADES, WARM_UP
from system.runtime.components.registry import SERVERS
from system.runtime.stack import EmbeddedStack
from system.settings import Connections, Settings
from system.stream.batch.quarantine import ENDED_DRIVERS, FATAL_DEATHS, Attempt, Step
from validation.run.read_back import await_committed

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.timeout(300),
    pytest.mark.pipeline(own_stack=True),
]

RECORDS = 120
"""Of 1,000,000 bytes each: 0.7 GB as JSON."""
DRAIN_BOUND_S = 120.0
DRIVER_MB = 900
"""The driver's Python holds some 250 MB without any of it."""
SHARE = Instrument(instrument="A", asset_class=AssetClass.EQUITY, currency="USD")
BOOK = Portfolio(
    portfolio="cash",
    positions=(OpeningPosition(instrument="cash:USD", quantity=1.0, entry_price=1.0),),
)


@pytest.fixture(scope="module")
def stack(stack_settings: Settings) -> Iterator[EmbeddedStack]:
    with EmbeddedStack(stack_settings, components=(*SERVERS, "stream")) as started:
        yield started


@pytest.fixture(scope="module")
def connections(stack: EmbeddedStack) -> Connections:
    return stack.connections


def highest_mb(pid: int) -> float:
    """Return the most memory that a process has had at once, MB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    [peak] = [line for line in lines if line.startswith("VmHWM")]
    return int(peak.split()[1]) / 1024


def rows(connections: Connections, statement: str) -> list[tuple]:
    with psycopg.connect(connections.database_url) as connection:
        return connection.execute(statement).fetchall()


def write_attempt(connections: Connections, attempt: Attempt) -> None:
    """Write down what drivers that were killed would have left."""
    text = msgspec.json.encode(attempt).decode()
    with psycopg.connect(connections.database_url) as connection:
        connection.execute("DELETE FROM stream_attempt")
        connection.execute("INSERT INTO stream_attempt (attempt) VALUES (%s)", (text,))


def trades(first: int, count: int) -> list[Trade]:
    return [
        Trade(trade_id=f"t{at}", portfolio="cash", instrument="A", quantity=1.0, price=100.0)
        for at in range(first, first + count)
    ]


def test_megabytes_of_nul_are_kept_with_their_reasons_by_the_driver_that_read_them(
    stack: EmbeddedStack, connections: Connections, producer: MessageProducer
) -> None:
    for message in (SHARE, BOOK):
        producer.deliver(message)
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
    pid = stack.running.pid("stream")
    for topic in (*INPUT_TOPICS, WARM_UP, RISK_SNAPSHOTS):
        producer.send_bytes(topic, b"\xff\x00", b"\xff" * 900_000)
    for _ in range(RECORDS):
        producer.send_bytes(TRADES, b"", bytes(1_000_000))
    producer.flush()
    for trade in trades(0, 1):
        producer.deliver(trade)
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
    kept = rows(connections, "SELECT size_bytes, octet_length(payload) FROM rejected_message")
    assert len(kept) == RECORDS + len(INPUT_TOPICS)
    assert {size for size, _ in kept} == {900_000, 1_000_000}
    assert max(payload for _, payload in kept) < 6_000
    assert stack.running.pid("stream") == pid, "the driver was started again"
    assert highest_mb(pid) < DRIVER_MB, highest_mb(pid)


def test_the_record_that_two_killed_drivers_had_in_hand_is_set_aside_and_all_others_count(
    stack: EmbeddedStack, connections: Connections, producer: MessageProducer
) -> None:
    stack.running.stop_component("stream")
    committed = dict(rows(connections, "SELECT partition_key, next_offset FROM stream_offset"))
    killer = committed["trades:0"] + 3
    for trade in trades(1, 8):
        producer.deliver(trade)
    ends = end_offsets(connections.kafka_bootstrap_servers, INPUT_TOPICS)
    step = Step(place="trades:0", first=killer, count=1, deaths=FATAL_DEATHS - 1)
    write_attempt(
        connections, Attempt(offsets=committed, until=ends, drivers=ENDED_DRIVERS + 2, step=step)
    )
    stack.running.restart("stream")
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
    aside = [
        (topic, offset)
        for topic, offset, reason in rows(
            connections, 'SELECT topic, "offset", reason FROM rejected_message'
        )
        if reason == RejectReason.QUARANTINED
    ]
    assert aside == [("trades", killer)]
    applied = {key for (key,) in rows(connections, "SELECT key FROM book_state")}
    assert {f"trade:t{at}" for at in range(9) if at != 4} <= applied
    assert "trade:t4" not in applied
    [(attempt,)] = rows(connections, "SELECT attempt FROM stream_attempt")
    left = msgspec.json.decode(attempt, type=Attempt)
    assert (left.drivers, left.step) == (1, None)


def test_a_driver_that_ends_well_leaves_no_attempt_and_a_garbage_warm_up_topic_stops_none(
    stack: EmbeddedStack, connections: Connections, producer: MessageProducer
) -> None:
    stack.running.stop_component("stream")
    assert rows(connections, "SELECT attempt FROM stream_attempt") == []
    for value in (b"garbage", b"", b"\xff\xfe", bytes(100_000)):
        producer.send_bytes(WARM_UP, b"\xff", value)
        producer.send_bytes(RISK_SNAPSHOTS, b"\xff", value)
    producer.flush()
    stack.running.restart("stream")
    for trade in trades(9, 1):
        producer.deliver(trade)
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
    assert ("trade:t9",) in rows(connections, "SELECT key FROM book_state")
