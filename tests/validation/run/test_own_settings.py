"""Settings of a run's own stack: nothing of the servers that the shell names."""

from __future__ import annotations

from pathlib import Path

import pytest

from system.connections import EXTERNAL_VARIABLES
from system.settings import load_settings
from validation.run.own_settings import settings_of_own


def test_servers_that_the_shell_names_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in EXTERNAL_VARIABLES.values():
        monkeypatch.setenv(variable, "http://somebody.example:1")
    assert load_settings().external()
    assert settings_of_own("run").external() == {}


def test_the_folder_stands_beside_the_usual_one_or_where_it_is_said(tmp_path: Path) -> None:
    usual = load_settings().state_dir
    assert settings_of_own("run").state_dir == usual.with_name(f"{usual.name}-run")
    assert settings_of_own(tmp_path).state_dir == tmp_path


def test_a_change_is_made_last() -> None:
    assert settings_of_own("run", spark_master="local[2]").spark_master == "local[2]"
