"""The archive of classes: found by what it was made from, and not otherwise."""

from __future__ import annotations

import os

import pytest

from system.errors import InputError
from system.settings import Settings
from system.stream.spark.class_archive import class_archive, found_archive, spark_home


@pytest.fixture
def settings(tmp_path) -> Settings:
    jars = tmp_path / "cache" / "jars" / "connector"
    jars.mkdir(parents=True)
    (jars / "connector.jar").write_bytes(b"a")
    return Settings(cache_dir=tmp_path / "cache")


@pytest.fixture
def java_home(tmp_path):
    home = tmp_path / "java"
    home.mkdir()
    (home / "release").write_text('JAVA_VERSION="17.0.15"')
    return home


def test_its_class_path_is_the_connector_and_then_all_of_spark(settings, java_home):
    class_path = class_archive(settings, java_home).class_path
    assert class_path[0] == settings.connector_jars_dir / "connector.jar"
    assert list(class_path[1:]) == sorted((spark_home() / "jars").glob("*.jar"))


def test_it_is_found_once_its_file_is_there(settings, java_home):
    assert found_archive(settings, java_home) is None
    archive = class_archive(settings, java_home)
    archive.file.parent.mkdir()
    archive.file.write_bytes(b"")
    assert found_archive(settings, java_home) == archive


def test_another_java_or_another_jar_has_another_archive(settings, java_home):
    first = class_archive(settings, java_home).file
    (java_home / "release").write_text('JAVA_VERSION="21.0.1"')
    second = class_archive(settings, java_home).file
    jar = settings.connector_jars_dir / "connector.jar"
    os.utime(jar, ns=(1, 1))
    third = class_archive(settings, java_home).file
    jar.write_bytes(b"ab")
    os.utime(jar, ns=(1, 1))
    assert len({first, second, third, class_archive(settings, java_home).file}) == 4


def test_nobody_has_one_without_java_or_jars(tmp_path, settings, java_home):
    assert found_archive(settings, None) is None
    empty = Settings(cache_dir=tmp_path / "nothing")
    assert found_archive(empty, java_home) is None
    with pytest.raises(InputError, match="run `make setup`"):
        class_archive(empty, java_home)
