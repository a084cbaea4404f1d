"""Of Spark's messages the log leaves out the harmless ones, and no others of the same classes."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from system.places import PROJECT_DIR
from system.runtime.components.java import find_java
from system.runtime.components.spark import spark_environment, write_spark_conf
from tests.integration.conftest import private_settings
from tests.integration.processes import HANGS_S

pytestmark = pytest.mark.integration

PLANS = "org.apache.spark.sql.catalyst.util.StringUtils"
SHORTENED = "Truncated the string representation of a plan since it was too long."
ATTEMPT = f"""
from pyspark.java_gateway import launch_gateway

logs = launch_gateway().jvm.org.apache.logging.log4j.LogManager
logs.getLogger("{PLANS}").warn("{SHORTENED}\\nThe plan had length 192.")
logs.getLogger("{PLANS}").warn("another warning")
logs.getLogger("{PLANS}").info("another note")
sink = "org.apache.spark.sql.execution.datasources.v2.WriteToDataSourceV2Exec"
for end in ("is aborting.", "aborted.", "failed."):
    logs.getLogger(sink).error("Data source write support MicroBatchWrite[epoch: 0, w@1] " + end)
jobs = logs.getLogger("org.apache.spark.scheduler.DAGScheduler")
jobs.warn("Failed to cancel job group f4. Cannot find active jobs for it.")
tasks = logs.getLogger("org.apache.spark.scheduler.TaskSetManager")
tasks.warn("Lost task 3.0 (TID 5): TaskKilled (Stage cancelled: Query q [id = b] was stopped X)")
tasks.warn("Lost task 3.0 (TID 5): ExecutorLostFailure")
logs.getLogger("org.apache.spark.other").warn("{SHORTENED} Said elsewhere.")
"""


def test_only_harmless_messages_are_left_out(tmp_path) -> None:
    settings = private_settings(tmp_path / "state")
    write_spark_conf(settings, "secret")
    java = find_java(settings.java_home, settings.search_path)
    done = subprocess.run(
        [sys.executable, "-c", ATTEMPT],
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
        cwd=PROJECT_DIR,
        env={**os.environ, **spark_environment(settings, java.home)},
    )
    assert done.returncode == 0, done.stderr
    said = re.findall(r"(?:WARN|ERROR) (.*)", done.stderr)
    assert said == [
        "StringUtils another warning",
        "WriteToDataSourceV2Exec Data source write support MicroBatchWrite[epoch: 0, w@1] failed.",
        "TaskSetManager Lost task 3.0 (TID 5): ExecutorLostFailure",
        f"other {SHORTENED} Said elsewhere.",
    ]
    assert "another note" not in done.stderr
