"""PostgreSQL: its user and its data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from system.runtime.components import postgres
from system.runtime.errors import StackError


def test_postgres_runs_as_ourselves_unless_we_are_root(monkeypatch):
    monkeypatch.setattr("system.runtime.components.postgres.is_root", lambda: False)
    assert postgres.service_user("nobody") is None
    monkeypatch.setattr("system.runtime.components.postgres.is_root", lambda: True)
    assert postgres.service_user("nobody") == "nobody"
    with pytest.raises(StackError, match="RISKSTREAM_SERVICE_USER"):
        postgres.service_user("no-such-user")


def test_a_service_user_is_given_the_data_folder_as_the_current_one():
    command = postgres.server_command(Path("/pg"), Path("/somewhere/data"), "nobody", 1)
    assert command[1:3] == ("-D", "/proc/self/cwd")
    command = postgres.server_command(Path("/pg"), Path("/somewhere/data"), None, 1)
    assert command[1:3] == ("-D", "/somewhere/data")
