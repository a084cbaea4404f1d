"""The server over the protocol's own client: in this process, and over stdio."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.system.client.served import TOKEN, played
from tests.system.mcp_server.test_tools import BOOK, requests, streamed, tools, world

mcp = pytest.importorskip("mcp", reason="the extra mcp is not installed")

from mcp.client.stdio import StdioServerParameters  # noqa: E402

from system.mcp_server.server import made_server  # noqa: E402

__all__ = ["requests", "streamed", "tools", "world"]
PATHS = ("/v1/health", "/v1/portfolios", "/v1/portfolios/P/var")


def asked(server: Any, ask: Callable[[Any], Awaitable[Any]]) -> Any:
    """Return what a client of the protocol is answered."""

    async def session() -> Any:
        async with mcp.Client(server, read_timeout_seconds=120) as client:
            return await ask(client)

    return asyncio.run(session())


def test_every_tool_is_listed_as_one_that_only_reads(tools):
    listed = asked(made_server(tools._client), lambda client: client.list_tools()).tools
    assert [tool.name for tool in listed] == [tool.__name__ for tool in tools.all()]
    assert all(tool.annotations.read_only_hint for tool in listed)
    assert all(tool.description for tool in listed)
    trades = next(tool for tool in listed if tool.name == "what_if").input_schema
    assert trades["required"] == ["portfolio", "trades"]


def test_an_answer_arrives_with_its_snapshot_and_verdict(tools):
    expected = tools.current_var(BOOK)
    answer = asked(
        made_server(tools._client),
        lambda client: client.call_tool("current_var", {"portfolio": BOOK}),
    )
    assert not answer.is_error
    said = json.loads(answer.content[0].text)
    assert said == json.loads(json.dumps(expected))
    assert said["snapshot_id"]
    assert said["oracle"] == "not yet checked"


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("current_var", {"portfolio": "nobody"}, "nobody"),
        ("what_if", {"portfolio": BOOK, "trades": ["sell everything"]}, "sell everything"),
        ("current_var", {}, "portfolio"),
        ("send_trade", {}, "send_trade"),
    ],
)
def test_what_cannot_be_answered_is_an_error_that_says_why(tools, name, arguments, said):
    async def ask(client: Any) -> str:
        try:
            answer = await client.call_tool(name, arguments)
        except mcp.MCPError as error:
            return str(error)
        assert answer.is_error
        return str(answer.content[0].text)

    assert said in asked(made_server(tools._client), ask)


def test_the_command_answers_over_stdio(streamed, tmp_path):
    answers = {path: streamed.world.client.get(path).content for path in PATHS}

    async def ask(client: Any) -> list[dict[str, Any]]:
        listed = await client.call_tool("list_portfolios", {})
        current = await client.call_tool("current_var", {"portfolio": BOOK})
        return [json.loads(each.content[0].text) for each in (listed, current)]

    with played(answers) as url:
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "system.cli", "mcp"],
            env={
                **os.environ,
                "RISKSTREAM_API_URL": url,
                "RISKSTREAM_API_TOKEN": TOKEN,
                "RISKSTREAM_STATE_DIR": str(tmp_path),
            },
        )
        listed, current = asked(command, ask)
    assert [line["portfolio"] for line in listed["answer"]["portfolios"]] == [BOOK]
    assert current["snapshot_id"] == current["answer"]["snapshot_id"]
