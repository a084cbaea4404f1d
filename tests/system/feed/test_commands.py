"""``riskstream feed``: its sub-commands."""

from __future__ import annotations

from typer.testing import CliRunner

from system import cli


def test_it_lists_its_commands() -> None:
    told = CliRunner().invoke(cli.app, ["feed", "--help"], env={"COLUMNS": "200"}).output
    for name in ("check", "csv", "websocket"):
        assert f" {name} " in told
