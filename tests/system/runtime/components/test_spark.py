"""The Spark cluster: its secret, its recovery folder, its archive of classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from system.runtime.components import spark
from system.runtime.components.spark import SparkMaster, SparkWorker
from system.settings import Connections
from system.stream.spark.class_archive import ClassArchive


def test_the_cluster_asks_for_its_secret(settings):
    spark.write_spark_conf(settings, "sparksecret")
    defaults = settings.spark_conf_dir / "spark-defaults.conf"
    assert "spark.authenticate          true" in defaults.read_text("utf-8")
    assert defaults.stat().st_mode & 0o777 == 0o600


def test_a_master_remembers_its_workers_and_drivers_until_the_next_stack(site):
    program = SparkMaster().prepare(site)
    [folder] = [
        Path(flag.partition("=")[2])
        for flag in program.environment["SPARK_MASTER_OPTS"].split()
        if flag.startswith("-Dspark.deploy.recoveryDirectory=")
    ]
    assert "-Dspark.deploy.recoveryMode=FILESYSTEM" in program.environment["SPARK_MASTER_OPTS"]
    assert folder.is_dir()
    (folder / "worker_of-an-earlier-stack").touch()
    SparkMaster().prepare(site)
    assert list(folder.iterdir()) == []


def test_master_and_worker_map_the_archive_of_classes_when_there_is_one(site, monkeypatch):
    plain = SparkMaster().prepare(site).environment
    assert "SPARK_DAEMON_CLASSPATH" not in plain
    archive = ClassArchive((Path("/jars/a.jar"), Path("/spark/b.jar")), Path("/c/s.jsa"))
    monkeypatch.setattr(spark, "found_archive", lambda settings, java_home: archive)
    for component in (SparkMaster(), SparkWorker()):
        mapped = component.prepare(site).environment
        assert mapped["SPARK_DAEMON_CLASSPATH"] == "/jars/a.jar:/spark/b.jar"
        assert mapped["SPARK_DAEMON_JAVA_OPTS"].endswith(" -XX:SharedArchiveFile=/c/s.jsa")


@pytest.mark.parametrize("component", [SparkMaster(), SparkWorker()])
def test_local_mode_has_no_cluster_to_ask(component):
    addresses = dict.fromkeys(("spark-master", "spark-worker"), "local[2]")
    component.check(Connections({}, Path("nowhere")), addresses)
