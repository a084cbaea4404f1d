"""Messages that would take the stream down: megabytes of nothing, and one that kills its reader."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from system.bus.producer import MessageProducer
from system.contracts.messages import AssetClass, Instrument, OpeningPosition, Portfolio
from system.contracts.topics import INPUT_TOPICS, TRADES
from system.runtime.registry import SERVERS
from system.runtime.stack import EmbeddedStack
from system.settings import Connections, Settings
from validation.gathering import await_committed

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

RECORDS = 120
"""Of 1,000,000 bytes each: 0.7 GB as JSON."""
DRAIN_BOUND_S = 120.0
DRIVER_MB = 900
"""The driver's Python holds some 250 MB without any of it."""
CASH = Portfolio(
    portfolio="cash",
    positions=(OpeningPosition(instrument="cash:USD", quantity=1.0, entry_price=1.0),),
)


def highest_mb(pid: int) -> float:
    """Return the most memory that a process has had at once, MB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    [peak] = [line for line in lines if line.startswith("VmHWM")]
    return int(peak.split()[1]) / 1024


def kept(connections: Connections) -> list[tuple[int, int]]:
    with psycopg.connect(connections.database_url) as connection:
        return connection.execute(
            "SELECT size_bytes, octet_length(payload) FROM rejected_message"
        ).fetchall()


def test_megabytes_of_nul_are_kept_with_their_reasons_by_the_driver_that_read_them(
    stack_settings: Settings,
) -> None:
    with EmbeddedStack(stack_settings, components=(*SERVERS, "stream")) as stack:
        connections = stack.connections
        with MessageProducer(connections.kafka_bootstrap_servers) as producer:
            producer.deliver(CASH)
            assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
            pid = stack.running.pid("stream")
            for topic in INPUT_TOPICS:
                producer.send_bytes(topic, b"\xff\x00", b"\xff" * 900_000)
            for _ in range(RECORDS):
                producer.send_bytes(TRADES, b"", bytes(1_000_000))
            producer.deliver(
                Instrument(instrument="A", asset_class=AssetClass.EQUITY, currency="USD")
            )
            assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
        rows = kept(connections)
        assert len(rows) == RECORDS + len(INPUT_TOPICS)
        assert {size for size, _ in rows} == {900_000, 1_000_000}
        assert max(payload for _, payload in rows) < 6_000
        assert stack.running.pid("stream") == pid, "the driver was started again"
        assert highest_mb(pid) < DRIVER_MB
