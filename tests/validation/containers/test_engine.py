"""Docker command line: a failure is one sentence; where nothing answers, the reason is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from validation.containers.engine import ContainerError, Engine


def program(folder: Path, script: str) -> Engine:
    """Return an engine whose program is a script."""
    path = folder / "docker"
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)
    return Engine(str(path))


def test_a_machine_without_the_program_is_told_so() -> None:
    assert Engine("no-such-docker").missing() == "there is no program no-such-docker"


def test_an_engine_that_does_not_answer_is_named_with_its_own_words(tmp_path: Path) -> None:
    engine = program(tmp_path, "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    assert "Cannot connect to the Docker daemon" in engine.missing()


def test_an_image_that_is_missing_is_named_with_the_command_that_builds_it(tmp_path: Path) -> None:
    engine = program(tmp_path, 'case "$1 $5" in "image b:1") exit 1 ;; esac')
    assert engine.missing(["a:1"]) == ""
    assert engine.missing(["a:1", "b:1"]) == (
        "there is no image b:1: `make compose-images` builds or pulls it"
    )


def test_a_command_that_fails_quotes_the_end_of_its_output(tmp_path: Path) -> None:
    engine = program(tmp_path, "for i in 1 2 3 4 5; do echo line $i >&2; done; exit 7")
    with pytest.raises(ContainerError, match=r"docker ps: line 3 / line 4 / line 5$"):
        engine.run("ps")


def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    engine = program(tmp_path, "exec sleep 60")
    with pytest.raises(ContainerError, match="took more than 0 s"):
        engine.run("ps", bound_s=0.2)


def test_variables_and_folder_reach_the_program(tmp_path: Path) -> None:
    engine = program(tmp_path, 'echo "$WORD $(basename "$PWD")"')
    (tmp_path / "place").mkdir()
    said = engine.run("x", folder=tmp_path / "place", environment={"WORD": "hello"})
    assert said == "hello place\n"
