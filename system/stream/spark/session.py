"""The Spark session of the driver: what makes a micro-batch take tens of milliseconds."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from pyspark.sql import SparkSession

from system.settings import LOOPBACK, Settings, TunedPart
from system.stream.spark.class_archive import connector_jars, found_archive

APP_NAME: Final = "riskstream"
DRIVER_MEMORY_MB: Final = 1024
DRIVER_YOUNG_MB: Final = 400
EXECUTOR_YOUNG_MB: Final = 256
SHUFFLE_PARTITIONS: Final = 2
KEPT_BATCHES: Final = 10
KEPT_OF_PAST_BATCHES: Final = 32
"""Jobs, stages, tasks of each, and executions that the driver remembers, for pages that are off."""
PLAN_STRING_LENGTH: Final = 200
"""Of the description of each batch's plan, which nobody reads."""

CHECKPOINT_MANAGER: Final = (
    "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
)
BARE_LOCAL_FS: Final = "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem"
"""Writes local files without forking ``chmod`` (50 ms, twice a batch)."""

NEEDED_JVM_FLAGS: Final = "-XX:-UsePerfData -Xss4m -Djava.net.preferIPv4Stack=true"
"""No mmapped counters; deep stacks, because Spark matches long error messages with recursive
patterns."""
TUNED_JVM_FLAGS: Final[Mapping[TunedPart, str]] = {
    "compiler": (
        "-XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=0.1 -XX:ReservedCodeCacheSize=128m"
    ),
    "collector": "-XX:+UseParallelGC -XX:-UseAdaptiveSizePolicy -XX:SurvivorRatio=6",
}
"""The first compiler only: a batch is planning and bookkeeping, not number crunching, and
on two cores the optimising compiler takes for minutes what the batches need (decision
0046). It compiles what was called 20 times instead of 200, which is 20 batches and not 200 for
much of a batch's code (decision 0113), and has room for it. Parallel collection: the shortest
total pauses at this heap; in generations of a fixed size, where a batch's objects die young: what
Java's own sizing let grow old had to be collected whole every other minute (decision 0085)."""

LATENCY_CONF: Final = {
    "spark.locality.wait": "0",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": str(SHUFFLE_PARTITIONS),
    "spark.sql.ui.explainMode": "simple",
    "spark.sql.maxPlanStringLength": str(PLAN_STRING_LENGTH),
    "spark.sql.streaming.checkpointFileManagerClass": CHECKPOINT_MANAGER,
    "spark.hadoop.fs.file.impl": BARE_LOCAL_FS,
    "spark.sql.streaming.minBatchesToRetain": str(KEPT_BATCHES),
    "spark.sql.streaming.metricsEnabled": "false",
    "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    "spark.sql.streaming.numRecentProgressUpdates": str(KEPT_OF_PAST_BATCHES),
    "spark.ui.retainedJobs": str(KEPT_OF_PAST_BATCHES),
    "spark.ui.retainedStages": str(KEPT_OF_PAST_BATCHES),
    "spark.ui.retainedTasks": str(KEPT_OF_PAST_BATCHES),
    "spark.sql.ui.retainedExecutions": str(KEPT_OF_PAST_BATCHES),
    "spark.task.reaper.enabled": "true",
    "spark.cleaner.referenceTracking.blocking": "false",
}
"""Settings with which a micro-batch takes tens of milliseconds (docs/architecture.md)."""


def spark_conf(
    jars: Sequence[Path],
    *,
    executor_memory_mb: int,
    cores: int,
    driver_host: str = LOOPBACK,
    gc_log_dir: Path | None = None,
    untuned: Collection[TunedPart] = (),
    archive_flag: str = "",
) -> dict[str, str]:
    """Return the Spark settings of the stream.

    Parameters
    ----------
    jars : sequence of Path
        The Kafka connector and the bare local file system; on the class path of driver
        and executor from their start.
    executor_memory_mb : int
        Heap of the one executor.
    cores : int
        Cores of the one executor.
    driver_host : str
        Address of this machine that the driver listens on and the executor calls.
    gc_log_dir : Path, optional
        Folder in which both JVMs log their collections; none by default.
    untuned : collection of str
        Parts of what makes a micro-batch short that stay as they are by default, to compare with.
    archive_flag : str
        How both JVMs treat an archive of Spark's classes; ``jars`` is then its class path.
    """
    class_path = ":".join(map(str, jars))
    tuned = [flag for part, flag in TUNED_JVM_FLAGS.items() if part not in untuned]
    sized = {"driver": "", "executor": ""}
    if "collector" not in untuned:
        sized["driver"] = heap_flags(DRIVER_MEMORY_MB, DRIVER_YOUNG_MB)
        sized["executor"] = heap_flags(executor_memory_mb, EXECUTOR_YOUNG_MB)
    flags = {
        process: " ".join(filter(None, (*tuned, heap, NEEDED_JVM_FLAGS, archive_flag)))
        for process, heap in sized.items()
    }
    needed = {
        "spark.driver.extraClassPath": class_path,
        "spark.executor.extraClassPath": class_path,
        "spark.driver.memory": f"{DRIVER_MEMORY_MB}m",
        "spark.executor.memory": f"{executor_memory_mb}m",
        "spark.executor.cores": str(cores),
        "spark.cores.max": str(cores),
        "spark.driver.extraJavaOptions": jvm_flags("driver", gc_log_dir, flags["driver"]),
        "spark.executor.extraJavaOptions": jvm_flags("executor", gc_log_dir, flags["executor"]),
        "spark.driver.host": driver_host,
        "spark.driver.bindAddress": driver_host,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.eventLog.enabled": "false",
    }
    session = {} if "session" in untuned else LATENCY_CONF
    return {**needed, **session}


def heap_flags(memory_mb: int, young_mb: int) -> str:
    """Return the flags of a heap that has all its memory from the start, so much of it young."""
    return f"-Xms{memory_mb}m -Xmn{young_mb}m"


def jvm_flags(process: str, gc_log_dir: Path | None, flags: str) -> str:
    """Return the flags of a JVM; with a folder, its collections are logged there.

    Each line of ``gc-PROCESS-PID.log`` begins with CLOCK_MONOTONIC in nanoseconds.
    """
    if gc_log_dir is None:
        return flags
    log = gc_log_dir / f"gc-{process}-%p.log"
    return f"{flags} -Xlog:gc:file={log}:timenanos:filecount=0"


def start_session(settings: Settings, master: str, *, cores: int) -> SparkSession:
    """Start the driver's JVM and its session.

    Parameters
    ----------
    settings : Settings
        Names the jars, the executor's memory and the driver's address.
    master : str
        ``spark://host:port``, or ``local[n]``.
    cores : int
        Cores to ask the cluster for.

    Raises
    ------
    InputError
        If the connector's jars are not there; says what to run.
    """
    builder = SparkSession.builder.appName(APP_NAME).master(master)
    archive = None if "classes" in settings.untuned else found_archive(settings, settings.java_home)
    conf = spark_conf(
        connector_jars(settings) if archive is None else archive.class_path,
        executor_memory_mb=settings.executor_memory_mb,
        cores=cores,
        driver_host=settings.spark_driver_host,
        gc_log_dir=settings.gc_log_dir,
        untuned=settings.untuned,
        archive_flag="" if archive is None else archive.use_flag,
    )
    for name, value in conf.items():
        builder = builder.config(name, value)
    spark = builder.config("spark.pyspark.python", sys.executable).getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    return spark


class SessionSource(Protocol):
    """Gives a driver the Spark session of one life, and takes it back at the end."""

    def start(self, settings: Settings, master: str, *, cores: int) -> SparkSession:
        """Return a session, as `start_session`."""

    def stop(self, spark: SparkSession) -> None:
        """Take a session back; its query has ended."""


class OwnSession:
    """A session for one life of the driver, with a JVM and an executor of its own."""

    def start(self, settings: Settings, master: str, *, cores: int) -> SparkSession:
        """Start the session; parameters and errors as `start_session`.

        Raises
        ------
        InputError
            If the connector's jars are not there; says what to run.
        """
        return start_session(settings, master, cores=cores)

    def stop(self, spark: SparkSession) -> None:
        """Stop the session and its executor."""
        spark.stop()
