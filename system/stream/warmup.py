"""Warming up: a short query of the same plan on a private topic, before saying *ready*.

A cold JVM parses, plans and collects several times slower than a warm one. The messages
here are well-formed and mean nothing; nothing of them reaches a state or a store.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from pyspark.sql import SparkSession

from system.bus.consumer import end_offsets
from system.bus.producer import MessageProducer
from system.clock import Clock
from system.contracts.codec import encode
from system.contracts.messages import Tick
from system.contracts.topics import WARM_UP
from system.stream.batches import Read, with_each_batch
from system.stream.query import records

BATCH_BOUND: Final = 60
TICKS_PER_ROUND: Final = 50
ROUND_SECONDS: Final = 0.05
QUERY_NAME: Final = "warm-up"
_LOG: Final = logging.getLogger(__name__)


def warm_up(
    spark: SparkSession,
    bootstrap_servers: str,
    checkpoint: Path,
    *,
    clock: Clock,
    seconds: float,
) -> int:
    """Run the stream's plan on a private topic, bounded in time and in batches.

    Parameters
    ----------
    spark : SparkSession
        Of the driver.
    bootstrap_servers : str
        The brokers.
    checkpoint : Path
        A folder that is not there yet.
    clock : Clock
        Bounds the time.
    seconds : float
        At most so long.

    Returns
    -------
    int
        Batches that were run.
    """
    batches: list[int] = []

    def on_batch(read: Read) -> None:
        batches.append(read().num_rows)

    ends = end_offsets(bootstrap_servers, (WARM_UP,))
    writer = (
        records(spark, bootstrap_servers, ends)
        .writeStream.queryName(QUERY_NAME)
        .option("checkpointLocation", str(checkpoint))
        .trigger(processingTime="0 seconds")
    )
    query = with_each_batch(spark, writer, on_batch).start()
    deadline_ns = clock.monotonic_ns() + round(seconds * 1e9)
    try:
        with MessageProducer(bootstrap_servers) as producer:
            while clock.monotonic_ns() < deadline_ns and len(batches) < BATCH_BOUND:
                _send_round(producer)
                clock.sleep(ROUND_SECONDS)
    finally:
        query.stop()
    _LOG.info("warm after %d batches", len(batches))
    return len(batches)


def _send_round(producer: MessageProducer) -> None:
    for sequence in range(TICKS_PER_ROUND):
        tick = Tick(
            ticker=f"WARM{sequence}",
            bid=1.0,
            mid=1.0,
            ask=1.0,
            volume=0.0,
            event_time_ns=1,
            sequence=sequence,
        )
        producer.send_bytes(WARM_UP, tick.ticker.encode(), encode(tick))
