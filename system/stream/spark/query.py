"""The query's plan: Kafka records as they are, in as few expressions as can be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from system.contracts.topics import offset_key, split_offset_key

FETCH_CONF: Final = {"kafka.fetch.max.wait.ms": 10, "kafka.max.poll.records": 10_000}
"""By Kafka's defaults every few batches wait 500 ms for the broker; and a poll gives 500 records at
most, after each of which Spark asks for both ends of the partition."""
SOURCE_CONF: Final = {
    "spark.sql.streaming.disabledV2MicroBatchReaders": (
        "org.apache.spark.sql.kafka010.KafkaSourceProvider"
    ),
    "spark.sql.streaming.kafka.useDeprecatedOffsetFetching": "true",
}
"""Spark's first reader of Kafka, which has less to plan and to start than its second; and ends
asked by a consumer, in one request where the admin client takes three (decision 0085)."""
INLINE_BYTES: Final = 1_024
"""Longest value that a batch carries whole: ticks, rates and trades have some 200 bytes. Of a
longer one its beginning comes, and `system.stream.batch.decode` fetches it alone, so that a batch
is bounded in bytes, whatever is on the topics."""
COLUMNS: Final = ("topic", "partition", "offset", "value", "timestamp")
_EXPRESSIONS: Final = tuple(
    f"substring(value, 1, {INLINE_BYTES + 1}) AS value" if name == "value" else name
    for name in COLUMNS
)
"""One byte more than is carried whole: a value that has it is cut."""


def records(
    spark: SparkSession,
    bootstrap_servers: str,
    next_offsets: Mapping[str, int],
    *,
    tuned_fetch: bool = True,
    max_batch_records: int | None = None,
) -> DataFrame:
    """Return the stream of records of some partitions.

    Parameters
    ----------
    spark : SparkSession
        Of the driver.
    bootstrap_servers : str
        The brokers.
    next_offsets : mapping of str to int
        ``topic:partition`` to where to begin, exactly there: what the topic's retention let go
        below ends the query.
    tuned_fetch : bool
        Without, the reader fetches as Kafka's own defaults say: right for a real-time query, which
        waits for records and asks for nothing else; otherwise to compare with.
    max_batch_records : int, optional
        Bounds a batch after a pause: the memory of driver and executor. None: no bound.

    Returns
    -------
    DataFrame
        ``COLUMNS``, rows in their order; values are bytes, for the codec, at most
        ``INLINE_BYTES + 1`` of each. A plan of few expressions is planned anew for each batch
        in a fraction of the time.
    """
    bound = {} if max_batch_records is None else {"maxOffsetsPerTrigger": max_batch_records}
    fetch = FETCH_CONF if tuned_fetch else {}
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap_servers)
        .option("assign", json.dumps(_assignment(next_offsets)))
        .option("startingOffsets", json.dumps(_starting(next_offsets)))
        .options(**bound, **fetch)
        .option("failOnDataLoss", "true")
        .load()
        .selectExpr(*_EXPRESSIONS)
    )


def choose_first_reader(spark: SparkSession, *, is_wanted: bool) -> None:
    """Let queries that start from now on read Kafka with Spark's first reader, or its second one.

    A query keeps the reader that was chosen when it began; a real-time query needs the second.
    """
    for name, value in SOURCE_CONF.items():
        if is_wanted:
            spark.conf.set(name, value)
        else:
            spark.conf.unset(name)


def consumed_offsets(query: StreamingQuery | None) -> dict[str, int]:
    """Return where the batches that the query has finished end in each partition.

    It passes offsets that hold no record: batches themselves see records only.

    Parameters
    ----------
    query : StreamingQuery or None
        That of `records`; None before it is started.

    Returns
    -------
    dict of str to int
        ``topic:partition`` to the first offset that no finished batch has asked for; empty
        before the first batch.
    """
    progress = None if query is None else query.lastProgress
    if progress is None:
        return {}
    ends: dict[str, int] = {}
    for source in progress.sources:
        for topic, partitions in (json.loads(source.endOffset) or {}).items():
            ends |= {offset_key(topic, int(index)): end for index, end in partitions.items()}
    return ends


def _assignment(next_offsets: Mapping[str, int]) -> dict[str, list[int]]:
    assignment: dict[str, list[int]] = {}
    for name in sorted(next_offsets):
        topic, partition = split_offset_key(name)
        assignment.setdefault(topic, []).append(partition)
    return assignment


def _starting(next_offsets: Mapping[str, int]) -> dict[str, dict[str, int]]:
    starting: dict[str, dict[str, int]] = {}
    for name, offset in sorted(next_offsets.items()):
        topic, partition = split_offset_key(name)
        starting.setdefault(topic, {})[str(partition)] = offset
    return starting
