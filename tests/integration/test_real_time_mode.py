"""Decision 0140 rests on what Spark's Real-Time Mode allows and refuses; its records come whole."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from system.bus.consumer import TopicEnds
from system.bus.producer import MessageProducer
from system.clock import SystemClock
from system.contracts.topics import WARM_UP
from system.places import PROJECT_DIR
from system.runtime.components.compiler import compiled_writer
from system.runtime.components.java import find_java
from system.settings import Connections, load_settings
from system.stream.spark.writer_class import DIGEST_ENTRY, source_digest
from tests.integration.processes import HANGS_S

pytestmark = pytest.mark.integration

ROUNDS = 150
RECORDS_PER_ROUND = 20

REFUSED = """
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

STREAMED = """
import json
import sys
import threading
from pathlib import Path

from system.clock import SystemClock
from system.settings import load_settings
from system.stream.engines import real_time
from system.stream.engines.engine import Subscription
from system.stream.engines.real_time import RealTimeEngine
from system.stream.spark.session import start_session

bootstrap, checkpoint, offsets, wanted = sys.argv[1:]
real_time.BATCH_DURATION = "5 seconds"  # as short as Spark takes: several batches
settings = load_settings().model_copy(update={"engine": "real-time"})
spark = start_session(settings, "local[4]", cores=4)
machine = spark.sparkContext._gateway.jvm
loader = machine.java.lang.Thread.currentThread().getContextClassLoader()
kind = loader.loadClass("riskstream.RecordWriter")
print(kind.getProtectionDomain().getCodeSource().getLocation().getPath(), flush=True)
rows, are_all = [], threading.Event()


def work(read):
    table = read()
    rows.extend(zip(table["partition"].to_pylist(), table["offset"].to_pylist(),
                    table["value"].to_pylist(), strict=True))
    if len(rows) >= int(wanted):
        are_all.set()


subscription = Subscription("q", spark, bootstrap, json.loads(offsets), Path(checkpoint))
running = RealTimeEngine("127.0.0.1", SystemClock()).start(subscription, work)
print("started", flush=True)
are_all.wait(200)
assert running.error() is None, running.error()
consumed = running.consumed()
running.stop()
print(json.dumps([consumed, [[at, offset, value.decode()] for at, offset, value in rows]]))
spark.stop()
"""


def run_program(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
        cwd=PROJECT_DIR,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_real_time_mode_still_refuses_a_sink_that_gets_whole_batches(tmp_path: Path) -> None:
    """With such a sink the driver would need no Java class of its own."""
    jars = sorted(load_settings().connector_jars_dir.glob("*.jar"))
    assert jars, "run `make setup`"
    said = run_program(REFUSED, ":".join(map(str, jars)), str(tmp_path / "checkpoint"))
    assert "STREAMING_REAL_TIME_MODE.OPERATOR_OR_SINK_NOT_IN_ALLOWLIST" in said
    assert "ForeachBatchSink" in said


def test_every_record_comes_in_order_across_the_batches_of_a_query(
    connections: Connections, tmp_path: Path
) -> None:
    """The class that sends them is compiled from the source of this checkout."""
    settings = load_settings()
    jar = compiled_writer(settings, find_java(settings.java_home, settings.search_path))
    with zipfile.ZipFile(jar) as archive:
        manifest = archive.read("META-INF/MANIFEST.MF").decode()
    assert f"{DIGEST_ENTRY}: {source_digest()}" in manifest
    bootstrap = connections.kafka_bootstrap_servers
    ends = TopicEnds(bootstrap, (WARM_UP,))
    offsets = ends.ask(10)
    wanted = ROUNDS * RECORDS_PER_ROUND
    program = (sys.executable, "-c", STREAMED, bootstrap, str(tmp_path / "checkpoint"))
    with subprocess.Popen(
        [*program, json.dumps(offsets), str(wanted)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT_DIR,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == str(jar)
        assert process.stdout.readline().strip() == "started"
        send(connections, wanted)
        said, log = process.communicate(timeout=HANGS_S)
    assert process.returncode == 0, log[-3000:]
    consumed, rows = json.loads(said)
    assert consumed == ends.ask(10)
    ends.close()
    assert sorted(int(value) for *_, value in rows) == list(range(wanted))
    for place, first in offsets.items():
        partition = int(place.rpartition(":")[2])
        read = [offset for at, offset, _ in rows if at == partition]
        assert read == list(range(first, consumed[place])), place


def send(connections: Connections, wanted: int) -> None:
    """Send records for some ten seconds, which is two batches of the query at least."""
    clock = SystemClock()
    with MessageProducer(connections.kafka_bootstrap_servers) as producer:
        for number in range(wanted):
            producer.send_bytes(WARM_UP, str(number % 7).encode(), str(number).encode())
            if number % RECORDS_PER_ROUND == 0:
                producer.flush()
                clock.sleep(0.08)
        producer.flush()
