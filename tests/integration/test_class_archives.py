"""The archive of the broker's classes: written by a real broker, and taken by a strict JVM."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from system.runtime.broker_training import write_broker_archive
from system.runtime.components.broker_program import broker_archive
from system.runtime.components.java import find_java
from system.settings import load_settings
from tests.integration.processes import HANGS_S

pytestmark = pytest.mark.integration


def test_a_broker_writes_an_archive_that_java_maps(tmp_path: Path) -> None:
    """With ``-Xshare:on`` a JVM ends with an error where it cannot map the archive."""
    settings = load_settings()
    java = find_java(settings.java_home, settings.search_path)
    file = tmp_path / "kafka.jsa"
    write_broker_archive(settings, java, file)
    done = subprocess.run(
        [
            str(java.executable),
            "-cp",
            broker_archive(settings, java).joined_path,
            "-Xshare:on",
            f"-XX:SharedArchiveFile={file}",
            "-Xlog:class+load",
            "kafka.tools.StorageTool",
            "random-uuid",
        ],
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "org.apache.kafka.common.Uuid source: shared objects file (top)" in done.stdout
