"""Keeping classes: written once, whole or not at all, and no failure of set-up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from system.runtime import classes
from system.runtime.errors import StackError
from system.settings import Settings
from tests.system.runtime.installations import fake_java


@pytest.fixture
def settings(tmp_path) -> Settings:
    jars = tmp_path / "cache" / "jars" / "connector"
    jars.mkdir(parents=True)
    (jars / "connector.jar").write_bytes(b"a")
    broker_jars = tmp_path / "cache" / "jars" / "broker"
    broker_jars.mkdir()
    (broker_jars / "kafka.jar").write_bytes(b"a")
    java_home = fake_java(tmp_path / "java", "17.0.15")
    return Settings(cache_dir=tmp_path / "cache", state_dir=tmp_path / "state", java_home=java_home)


@pytest.fixture
def trained(monkeypatch) -> list[Path]:
    """The files that were asked for; each is written at once."""
    files: list[Path] = []

    def run(program, scratch, *, bound_s):
        assert program.environment["JAVA_HOME"]
        written(Path(program.command[-1]))

    def written(file: Path) -> None:
        files.append(file)
        file.write_bytes(b"classes")

    monkeypatch.setattr(classes, "run_step", run)
    monkeypatch.setattr(classes, "write_broker_archive", lambda _, __, file: written(file))
    monkeypatch.setattr(classes, "compiled_writer", lambda *_: None)
    return files


def test_archives_of_spark_and_of_the_broker_are_written_once_and_then_kept(settings, trained):
    archives = classes.keep_classes(settings)
    assert [archive.file.read_bytes() for archive in archives] == [b"classes"] * 2
    assert classes.keep_classes(settings) == archives
    assert [file.suffix for file in trained] == [".part"] * 2
    names = {archive.file.name for archive in archives}
    assert {file.name for file in (settings.cache_dir / "classes").iterdir()} == names
    assert {name.partition("-")[0] for name in names} == {"spark", "kafka"}


def test_only_the_newest_of_each_program_are_kept(settings, trained):
    folder = settings.cache_dir / "classes"
    folder.mkdir()
    for program in ("spark", "kafka"):
        for age, name in enumerate("abc", 1):
            (folder / f"{program}-{name}.jsa").write_bytes(b"old")
            os.utime(folder / f"{program}-{name}.jsa", ns=(age, age))
    names = {archive.file.name for archive in classes.keep_classes(settings)}
    assert {file.name for file in folder.iterdir()} == {*names, "spark-c.jsa", "kafka-c.jsa"}


@pytest.mark.usefixtures("trained")
def test_a_cache_that_cannot_be_written_is_said_and_no_more(settings, monkeypatch, capsys):
    (settings.cache_dir / "classes").write_text("no folder")
    monkeypatch.setattr(classes, "load_settings", lambda: settings)
    classes.main()
    assert "starts take longer" in capsys.readouterr().err


def test_a_training_that_fails_leaves_nothing_and_does_not_fail_the_set_up(
    settings, monkeypatch, capsys
):
    def run(program, scratch, *, bound_s):
        Path(program.command[-1]).write_bytes(b"half of it")
        raise StackError("java: no")

    monkeypatch.setattr(classes, "run_step", run)
    monkeypatch.setattr(classes, "compiled_writer", lambda *_: None)
    monkeypatch.setattr(classes, "load_settings", lambda: settings)
    classes.main()
    assert "java: no" in capsys.readouterr().err
    assert list((settings.cache_dir / "classes").iterdir()) == []


def test_a_class_of_the_stream_that_does_not_compile_is_named_as_what_it_is(
    settings, monkeypatch, capsys
):
    def fail(*_):
        raise StackError("no compiler")

    monkeypatch.setattr(classes, "compiled_writer", fail)
    monkeypatch.setattr(classes, "load_settings", lambda: settings)
    classes.main()
    said = " ".join(capsys.readouterr().err.split())
    assert "the engine real-time cannot run. no compiler" in said
    assert "all works" not in said
