"""The broker that runs once at set-up, so that Java keeps its classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from system.bus.errors import BusUnavailableError
from system.clock import SystemClock
from system.runtime import broker_training
from system.runtime.broker_training import write_broker_archive
from system.runtime.components.java import Java
from system.settings import Settings

JAVA = """#!/bin/sh
for word in "$@"; do
  case "$word" in
    -XX:ArchiveClassesAtExit=*) file="${word#*=}" ;;
    format) exit 0 ;;
  esac
done
trap 'echo classes > "$file"; exit 143' TERM
touch "$(dirname "$0")/is-up"
while :; do sleep 0.05; done
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")
    settings.broker_jars_dir.mkdir(parents=True)
    (settings.broker_jars_dir / "kafka.jar").touch()
    return settings


@pytest.fixture
def java(tmp_path: Path) -> Java:
    """A Java whose broker writes its archive when it is asked to end."""
    program = tmp_path / "java" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(JAVA, "utf-8")
    program.chmod(0o755)
    return Java(tmp_path / "java", 17)


def test_the_archive_is_written_once_the_topics_are_there(settings, java, tmp_path, monkeypatch):
    asked: list[str] = []
    clock = SystemClock()

    def create_topics(servers, *_, **__):
        asked.append(servers)
        deadline_ns = clock.monotonic_ns() + 60 * 10**9
        while not (java.executable.parent / "is-up").exists():
            assert clock.monotonic_ns() < deadline_ns
            clock.sleep(0.02)

    monkeypatch.setattr(broker_training, "create_topics", create_topics)
    write_broker_archive(settings, java, tmp_path / "kafka.jsa")
    assert (tmp_path / "kafka.jsa").read_text() == "classes\n"
    assert [server.partition(":")[0] for server in asked] == ["127.0.0.1"]


def test_a_broker_that_does_not_answer_is_ended(settings, java, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise BusUnavailableError("nobody answers")

    monkeypatch.setattr(broker_training, "create_topics", refuse)
    with pytest.raises(BusUnavailableError):
        write_broker_archive(settings, java, tmp_path / "kafka.jsa")
    assert not (tmp_path / "kafka.jsa").exists()
