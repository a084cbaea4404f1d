"""Decision 0043 rests on what Spark refuses; this fails when Spark stops refusing it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from system.settings import load_settings

pytestmark = pytest.mark.integration

ATTEMPT = """
import sys
from pyspark.sql import SparkSession

class_path, checkpoint = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.driver.extraClassPath", class_path)
    .config("spark.driver.memory", "512m")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .getOrCreate()
)
source = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", "127.0.0.1:1")
    .option("subscribe", "market_data")
    .load()
)
try:
    (
        source.writeStream.outputMode("update")
        .trigger(realTime="5 minutes")
        .option("checkpointLocation", checkpoint)
        .foreachBatch(lambda frame, epoch: None)
        .start()
        .stop()
    )
except Exception as error:
    print(error)
else:
    print("accepted")
spark.stop()
"""


def test_real_time_mode_still_refuses_a_sink_that_gets_whole_batches(tmp_path: Path) -> None:
    jars = sorted(load_settings().connector_jars_dir.glob("*.jar"))
    assert jars, "run `make setup`"
    done = subprocess.run(
        [sys.executable, "-c", ATTEMPT, ":".join(map(str, jars)), str(tmp_path / "checkpoint")],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
        cwd=tmp_path,
    )
    assert "STREAMING_REAL_TIME_MODE.OPERATOR_OR_SINK_NOT_IN_ALLOWLIST" in done.stdout
    assert "ForeachBatchSink" in done.stdout
