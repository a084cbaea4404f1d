"""The tools over an API of this process: each names its snapshot, and none can change anything."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import httpx
import pytest

from system.client.errors import ApiRefusedError, QuestionError
from system.client.sync_client import RiskClient
from system.mcp_server.tools import RiskTools, tool_names
from tests.system.serve.conftest import TOKEN, streamed, world
from tests.system.serve.streamed import Streamed

__all__ = ["streamed", "world"]
BOOK = "P"
ASKING_PATHS = ("what-if", "scenarios")
"""Ends of paths that are posted to, and change nothing."""


@pytest.fixture
def requests() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def tools(streamed: Streamed, requests: list[tuple[str, str]]) -> Iterator[RiskTools]:
    def respond(request: httpx.Request) -> httpx.Response:
        requests.append((request.method, request.url.path))
        answer = streamed.world.client.request(
            request.method, request.url.raw_path.decode(), content=request.content
        )
        return httpx.Response(answer.status_code, content=answer.content)

    transport = httpx.MockTransport(respond)
    with RiskClient("http://localhost", TOKEN, transport=transport) as client:
        yield RiskTools(client)


def every_answer(tools: RiskTools) -> dict[str, dict]:
    [portfolio] = [line["portfolio"] for line in tools.list_portfolios()["answer"]["portfolios"]]
    arguments: dict[str, dict] = {
        "what_if": {"trades": ["A=-5@100"]},
        "scenario": {"shocks": ["all=-10%"]},
    }
    answers = {}
    for tool in tools.all():
        if tool.__name__ != "what_changed_var":  # needs an end of day
            named = arguments.get(tool.__name__, {})
            if "portfolio" in inspect.signature(tool).parameters:
                named["portfolio"] = portfolio
            answers[tool.__name__] = tool(**named)
    return answers


def test_every_answer_carries_snapshot_verdict_and_stream(tools):
    answers = every_answer(tools)
    assert len(answers) >= 10
    for name, answer in answers.items():
        assert set(answer) == {"snapshot_id", "oracle", "oracle_overall", "stream", "answer"}, name
    current = answers["current_var"]["snapshot_id"]
    assert current
    for name in ("attribution", "explain_var", "what_if", "scenario", "limits", "profit_and_loss"):
        assert answers[name]["snapshot_id"] == current, name


def test_no_tool_sends_anything(tools, requests, streamed):
    every_answer(tools)
    sent = {(method, path) for method, path in requests if method != "GET"}
    assert {method for method, _ in sent} == {"POST"}
    assert all(path.endswith(ASKING_PATHS) for _, path in sent)
    assert streamed.world.bus.sent == []


def test_what_changed_var_is_asked_with_its_snapshots(tools, requests):
    with pytest.raises(ApiRefusedError):
        tools.what_changed_var(BOOK, "a-1", "a-2")
    assert requests[-1][1].endswith("/var/change")


def test_an_unknown_portfolio_and_a_trade_that_cannot_be_read_are_refused(tools):
    with pytest.raises(ApiRefusedError, match="no portfolio 'nobody'"):
        tools.current_var("nobody")
    with pytest.raises(QuestionError):
        tools.what_if(BOOK, ["sell everything"])


def test_lists_are_bounded(tools):
    answer = tools.list_portfolios(rows=-5)["answer"]
    assert len(answer["portfolios"]) == 1
    assert len(tools.attribution(BOOK, rows=1)["answer"]["rows"]) == 1


def test_every_tool_is_listed_with_a_sentence(tools):
    listed = dict(tool_names())
    assert list(listed) == [tool.__name__ for tool in tools.all()]
    assert all(sentence.endswith(".") or sentence for sentence in listed.values())
