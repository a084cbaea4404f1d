"""``python -m system.stream.spark.training FILE``: a JVM that runs what the stream's do, and ends.

As it ends it writes the archive of the classes that it has used (``class_archive``).
No server is asked: its batches are made up of a rate of numbers, in a process of its own.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from system.clock import Clock, SystemClock
from system.settings import LOOPBACK, load_settings
from system.stream.spark.class_archive import ClassArchive, class_archive
from system.stream.spark.fetched_rows import with_each_batch
from system.stream.spark.session import spark_conf

BATCHES: Final = 5
BATCHES_BOUND_S: Final = 60.0
EXIT_BOUND_S: Final = 120.0
POLL_S: Final = 0.05
ANSWER_MS: Final = 300
CLUSTER_CLASSES: Final = (
    "org.apache.spark.deploy.client.StandaloneAppClient",
    "org.apache.spark.deploy.master.Master",
    "org.apache.spark.deploy.master.ui.MasterWebUI",
    "org.apache.spark.deploy.worker.Worker",
    "org.apache.spark.deploy.worker.ExecutorRunner",
    "org.apache.spark.deploy.worker.ui.WorkerWebUI",
    "org.apache.spark.executor.CoarseGrainedExecutorBackend",
    "org.apache.spark.scheduler.cluster.StandaloneSchedulerBackend",
    "org.apache.spark.sql.execution.LogicalRDD",
    "org.apache.spark.sql.execution.RDDScanExec",
    "org.apache.spark.sql.execution.streaming.runtime.StreamingExecutionRelation",
    "org.apache.spark.sql.kafka010.KafkaSourceProvider",
    "org.apache.spark.sql.kafka010.KafkaSource",
    "org.apache.spark.sql.kafka010.KafkaSourceRDD",
    "org.apache.spark.sql.kafka010.KafkaOffsetReaderConsumer",
    "org.apache.spark.sql.kafka010.consumer.KafkaDataConsumer",
    "org.apache.spark.sql.kafka010.KafkaMicroBatchStream",
    "org.apache.spark.sql.kafka010.KafkaBatchPartitionReader",
    "org.apache.spark.sql.kafka010.KafkaOffsetReaderAdmin",
    "org.apache.spark.sql.execution.datasources.v2.RealTimeStreamScanExec",
    "org.apache.spark.sql.execution.datasources.v2.WriteToDataSourceV2Exec",
    "org.apache.spark.sql.execution.streaming.sources.ForeachWriterTable",
    "riskstream.RecordWriter",
)
"""Loaded by name: what a session without a cluster does not come to."""
_LOG: Final = logging.getLogger(__name__)


def train(archive: ClassArchive, *, clock: Clock) -> None:
    """Run a few batches and let the JVM write the archive; return when it has ended.

    Parameters
    ----------
    archive : ClassArchive
        Its file's folder is there.
    clock : Clock
        Bounds the time.
    """
    conf = spark_conf(
        archive.class_path, executor_memory_mb=512, cores=1, archive_flag=archive.make_flag
    )
    builder = SparkSession.builder.appName("riskstream-training").master("local[1]")
    for name, value in conf.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    with tempfile.TemporaryDirectory() as checkpoint:
        _run_batches(spark, Path(checkpoint), clock)
    gateway = cast(Any, spark.sparkContext._gateway)
    _dial_nobody(gateway.jvm)
    for name in CLUSTER_CLASSES:
        with suppress(Py4JJavaError):
            gateway.jvm.org.apache.spark.util.Utils.classForName(name, False, False)
    process = gateway.proc
    spark.stop()
    process.stdin.close()
    process.wait(EXIT_BOUND_S)


def _run_batches(spark: SparkSession, checkpoint: Path, clock: Clock) -> None:
    rows: list[int] = []
    rate = spark.readStream.format("rate").option("rowsPerSecond", 100).load()
    writer = rate.writeStream.option("checkpointLocation", str(checkpoint))
    writer = writer.trigger(processingTime="0 seconds")
    query = with_each_batch(spark, writer, lambda read: rows.append(read().num_rows)).start()
    deadline_ns = clock.monotonic_ns() + round(BATCHES_BOUND_S * 1e9)
    while len(rows) < BATCHES and query.isActive and clock.monotonic_ns() < deadline_ns:
        clock.sleep(POLL_S)
    query.stop()
    _LOG.info("%d batches", len(rows))


def _dial_nobody(machine: Any) -> None:  # noqa: ANN401 - py4j's view of a JVM
    """Make Kafka's clients as Spark does; nothing listens on port 1, so they find no broker."""
    words = machine.java.util.HashMap()
    for side in ("key", "value"):
        deserializer = "org.apache.kafka.common.serialization.ByteArrayDeserializer"
        words.put(f"{side}.deserializer", deserializer)
    words.put("bootstrap.servers", f"{LOOPBACK}:1")
    words.put("group.id", "training")
    with suppress(Py4JJavaError):
        consumer = machine.org.apache.kafka.clients.consumer.KafkaConsumer(words)
        place = machine.org.apache.kafka.common.TopicPartition("nowhere", 0)
        consumer.assign([place])
        consumer.seek(place, 0)
        consumer.poll(machine.java.time.Duration.ofMillis(ANSWER_MS))
        consumer.close(machine.java.time.Duration.ofMillis(ANSWER_MS))
    with suppress(Py4JJavaError):
        admin = machine.org.apache.kafka.clients.admin.Admin.create(words)
        admin.close(machine.java.time.Duration.ofMillis(ANSWER_MS))


def main() -> int:
    """Write an archive of this installation; 0 when the file is there afterwards."""
    logging.basicConfig(level="WARNING", stream=sys.stderr)
    settings = load_settings()
    if settings.java_home is None or len(sys.argv) != 2:
        _LOG.error("needs JAVA_HOME and the file to write")
        return 2
    archive = replace(class_archive(settings, settings.java_home), file=Path(sys.argv[1]))
    train(archive, clock=SystemClock())
    return 0 if archive.is_there else 1


if __name__ == "__main__":
    sys.exit(main())
