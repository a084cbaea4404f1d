"""The Spark session: where its driver listens and what it asks of the cluster."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from system.errors import InputError
from system.settings import Settings
from system.stream.spark.class_archive import ClassArchive
from system.stream.spark.session import (
    LATENCY_CONF,
    TUNED_JVM_FLAGS,
    spark_conf,
    start_session,
)

JARS = [Path("/jars/connector.jar"), Path("/jars/local-fs.jar")]


def test_the_driver_listens_on_loopback_unless_it_is_told_otherwise():
    conf = spark_conf(JARS, executor_memory_mb=512, cores=2)
    assert conf["spark.driver.host"] == conf["spark.driver.bindAddress"] == "127.0.0.1"


def test_a_driver_in_a_container_listens_under_the_name_that_its_executor_calls():
    conf = spark_conf(JARS, executor_memory_mb=512, cores=2, driver_host="stream")
    assert conf["spark.driver.host"] == conf["spark.driver.bindAddress"] == "stream"


def test_one_executor_gets_every_core_that_is_asked_for():
    conf = spark_conf(JARS, executor_memory_mb=512, cores=3)
    assert conf["spark.executor.cores"] == conf["spark.cores.max"] == "3"


def test_driver_and_executor_load_the_same_jars_from_their_start():
    conf = spark_conf(JARS, executor_memory_mb=512, cores=2)
    assert conf["spark.driver.extraClassPath"] == "/jars/connector.jar:/jars/local-fs.jar"
    assert conf["spark.executor.extraClassPath"] == conf["spark.driver.extraClassPath"]


def test_both_jvms_map_the_archive_when_there_is_one_and_begin_with_its_class_path():
    archive = ClassArchive((Path("/jars/connector.jar"), Path("/spark/a.jar")), Path("/c/s.jsa"))
    conf = spark_conf(
        archive.class_path, executor_memory_mb=512, cores=2, archive_flag=archive.use_flag
    )
    plain = spark_conf(JARS, executor_memory_mb=512, cores=2)
    for process in ("driver", "executor"):
        assert conf[f"spark.{process}.extraClassPath"] == "/jars/connector.jar:/spark/a.jar"
        options = f"spark.{process}.extraJavaOptions"
        assert conf[options] == f"{plain[options]} -XX:SharedArchiveFile=/c/s.jsa"


def test_what_is_left_at_its_default_is_not_set_and_the_rest_is():
    whole = spark_conf(JARS, executor_memory_mb=512, cores=2)
    sizes = {"spark.driver.extraJavaOptions": 1024, "spark.executor.extraJavaOptions": 512}
    for part, flag in TUNED_JVM_FLAGS.items():
        conf = spark_conf(JARS, executor_memory_mb=512, cores=2, untuned={part})
        for options, memory_mb in sizes.items():
            left = whole[options].replace(f"{flag} ", "")
            young = re.findall(r"-Xmn\d+m ", left)[0]
            without_sizes = left.replace(f"-Xms{memory_mb}m {young}", "")
            assert conf.pop(options) == (without_sizes if part == "collector" else left)
        assert conf == {name: value for name, value in whole.items() if name in conf}
    plain = spark_conf(JARS, executor_memory_mb=512, cores=2, untuned={"session"})
    assert {name: whole[name] for name in set(whole) - set(plain)} == LATENCY_CONF


def test_half_of_the_smallest_heap_at_most_is_young():
    least = next(bound.ge for bound in Settings.model_fields["executor_memory_mb"].metadata)
    conf = spark_conf(JARS, executor_memory_mb=least, cores=2)
    for process in ("driver", "executor"):
        options = conf[f"spark.{process}.extraJavaOptions"]
        heap_mb, young_mb = map(int, re.findall(r"-Xm[sn](\d+)m", options))
        assert f"{heap_mb}m" == conf[f"spark.{process}.memory"]
        assert young_mb <= heap_mb / 2


def test_missing_jars_are_refused_with_what_to_run(tmp_path):
    with pytest.raises(InputError, match="run `make setup`"):
        start_session(Settings(cache_dir=tmp_path), "local[1]", cores=1)
