"""Processes of the product: the settings that they see."""

from __future__ import annotations

from system.runtime.components.registry import COMPONENTS
from system.settings import load_settings


def test_a_process_of_ours_sees_the_stacks_settings_and_no_foreign_server(site, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody-elses/precious")
    environment = COMPONENTS["api"].prepare(site).environment
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    seen = load_settings()
    assert seen.state_dir == site.settings.state_dir
    assert seen.external() == {}
