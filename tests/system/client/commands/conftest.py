"""The API of commands in tests."""

from __future__ import annotations

import httpx
import pytest

from system.client.commands import change, decomposition, scenarios, what_if
from system.client.sync_client import RiskClient
from tests.system.client.commands.played_api import Api


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    played = Api()
    client = RiskClient("http://localhost", "token", transport=httpx.MockTransport(played.respond))
    for module in (change, decomposition, what_if, scenarios):
        monkeypatch.setattr(module, "connected_client", lambda: client)
    return played
