"""Rows of a batch arrive alike in both ways that the product can fetch them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from system.places import PROJECT_DIR
from tests.integration.processes import HANGS_S

pytestmark = pytest.mark.integration

ATTEMPT = """
import datetime as dt
import gc

from py4j.finalizer import ThreadSafeFinalizer
from pyspark.sql import SparkSession
from system.stream.spark.fetched_rows import EMPTY, collected, rows_collected

spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.driver.memory", "512m")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .getOrCreate()
)
at = dt.datetime(2020, 3, 29, 1, 30, 0, 250, dt.UTC)
rows = [
    ("market_data", number % 2, number, b"\\x00%d" % number, at + dt.timedelta(hours=number))
    for number in range(40)
]
rows.append(("trades", 0, 2**40, None, at))
schema = "topic string, partition int, offset bigint, value binary, timestamp timestamp"
frame = spark.createDataFrame(rows, schema).repartition(3)
for one in (frame, frame.where("offset < 0")):
    found = [fetch(one._jdf) for fetch in (collected, rows_collected)]
    assert all(table.schema.names == EMPTY.schema.names for table in found), found
    first, second = (sorted(map(str, table.cast(EMPTY.schema).to_pylist())) for table in found)
    assert first == second, found
    print(len(first), "alike")
gc.disable()
held = len(ThreadSafeFinalizer.finalizers)
for _ in range(5):
    collected(frame._jdf)
print(len(ThreadSafeFinalizer.finalizers) - held, "held")
spark.stop()
"""


def test_pickled_rows_are_those_that_arrow_brings() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ATTEMPT],
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
        cwd=PROJECT_DIR,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["41 alike", "0 alike", "0 held"]
