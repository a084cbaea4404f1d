"""Of Spark's warnings the log leaves out one: that the text of a plan was shortened."""

from __future__ import annotations

import os
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
logs.getLogger("org.apache.spark.other").warn("{SHORTENED} Said elsewhere.")
"""


def test_only_the_warning_of_a_shortened_plan_is_left_out(tmp_path) -> None:
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
    said = [line.partition("WARN ")[2] for line in done.stderr.splitlines() if " WARN " in line]
    assert said == ["StringUtils another warning", f"other {SHORTENED} Said elsewhere."]
    assert "another note" not in done.stderr
