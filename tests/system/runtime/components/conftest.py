"""A place to start components in: settings, passwords, ports, and steps that run nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from system.runtime.components.component import Site
from system.runtime.components.java import Java
from system.runtime.state import Secrets, opened_state_dir
from system.settings import Connections, Settings

SECRETS = Secrets(
    "pgsecret",
    "redissecret",
    "sparksecret",
    "tokensecret",
    "ownersecret",
    "writersecret",
    "readersecret",
    "oraclesecret",
    "alertssecret",
    "reportsecret",
)
FACTS = {
    "kafka_bootstrap_servers": "127.0.0.1:1",
    "spark_master": "spark://127.0.0.1:2",
    "database_url": "postgresql://riskstream:pgsecret@127.0.0.1:3/riskstream",
    "redis_url": "redis://:redissecret@127.0.0.1:4/0",
    "api_url": "http://127.0.0.1:5",
    "dashboard_url": "http://127.0.0.1:6",
    "api_token": "tokensecret",
}


@pytest.fixture
def settings(tmp_path):
    settings = Settings(state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")
    settings.broker_jars_dir.mkdir(parents=True)
    (settings.broker_jars_dir / "kafka.jar").touch()
    return settings


@pytest.fixture
def connections(settings):
    return Connections(FACTS, settings.state_dir)


@pytest.fixture
def site(settings, connections, monkeypatch):
    # Formatting and initdb need the real programs: the integration tests run them.
    monkeypatch.setattr("system.runtime.components.kafka.run_step", lambda program, scratch: None)
    monkeypatch.setattr("system.runtime.components.postgres.run_step", lambda *args, **kwargs: None)
    monkeypatch.setattr(
        "system.runtime.components.postgres.installed_dir", lambda: Path("/nowhere")
    )
    monkeypatch.setattr("system.runtime.components.postgres.is_root", lambda: False)
    monkeypatch.setattr("system.runtime.components.apps.compiled_writer", lambda *_: None)
    ports = {"broker": 20001, "controller": 20002, "server": 20003, "master": 20004, "ui": 20005}
    java = Java(Path("/jdk"), 17)
    return Site(settings, opened_state_dir(settings), SECRETS, ports, connections, java)


@pytest.fixture
def _data_folder(site):
    """Create the files that the skipped initdb would have made."""
    (site.state.folder("postgres", "data") / "pg_hba.conf").touch()
