"""Folders of a checkout, of an environment with the wheel, and of a target folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from system import places
from system.places import NoCheckoutError, base_dir, require_checkout, shared_dir


def test_a_checkout_keeps_everything_below_itself(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    assert base_dir(tmp_path) == shared_dir(tmp_path) == tmp_path


def test_an_environment_shares_below_its_prefix_and_runs_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    packages = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    assert shared_dir(packages) == tmp_path / "venv" / "share" / "riskstream"
    assert base_dir(packages) == tmp_path


def test_a_target_folder_shares_below_itself(tmp_path: Path) -> None:
    shared = tmp_path / "share" / "riskstream"
    shared.mkdir(parents=True)
    assert shared_dir(tmp_path) == shared


def test_a_command_that_needs_the_sources_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    require_checkout("verify")
    monkeypatch.setattr(places, "is_checkout", lambda: False)
    with pytest.raises(NoCheckoutError, match="verify needs the sources and tests"):
        require_checkout("verify")
