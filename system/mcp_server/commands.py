"""``riskstream mcp``: the tools over stdio, for an assistant on this machine."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from system.client.sync_client import RiskClient
from system.console import terminal_json
from system.errors import InputError
from system.mcp_server.tools import tool_names
from system.settings import load_settings


class McpMissingError(InputError):
    """The extra ``mcp`` is not installed; the message says how to install it."""


def mcp(
    as_list: Annotated[
        bool, typer.Option("--list", help="Print the tools as JSON, and end.")
    ] = False,
) -> None:
    """Answer an assistant's questions about risk over stdin and stdout, until it ends.

    Eleven read-only tools of the Model Context Protocol; each answer names its snapshot and the
    oracle's verdict. Needs `pip install 'riskstream[mcp]'`.
    """
    if as_list:
        tools = [{"name": name, "description": sentence} for name, sentence in tool_names()]
        typer.echo(terminal_json(tools, indent=2))
        return
    try:
        from system.mcp_server.server import made_server  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in {"mcp", "mcp_types"}:
            raise
        raise McpMissingError(
            "`riskstream mcp` needs the library mcp, which is not installed; "
            "`pip install 'riskstream[mcp]'`"
        ) from None
    connections = load_settings().connections()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    with RiskClient(connections.api_url, connections.api_token) as client:
        made_server(client).run("stdio")
