"""`riskstream mcp`: the list of tools without any server, and a plain word without the extra."""

from __future__ import annotations

import json
import sys

import pytest
from typer.testing import CliRunner

from system import cli
from system.mcp_server.commands import McpMissingError
from system.mcp_server.tools import tool_names


def test_the_tools_are_listed_as_json():
    done = CliRunner().invoke(cli.app, ["mcp", "--list"])
    assert done.exit_code == 0
    assert [each["name"] for each in json.loads(done.output)] == [name for name, _ in tool_names()]


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "mcp", None)
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    monkeypatch.delitem(sys.modules, "system.mcp_server.server", raising=False)
    refused = CliRunner().invoke(cli.app, ["mcp"])
    assert isinstance(refused.exception, McpMissingError)
    assert "pip install 'riskstream[mcp]'" in str(refused.exception)
