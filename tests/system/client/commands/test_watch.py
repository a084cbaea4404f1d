"""`riskstream watch`: now, live, and as JSON; it ends at Ctrl-C."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from msgspec.structs import asdict
from typer.testing import CliRunner

from system import cli
from system.client.commands import watch as command
from system.client.commands.board import Board
from system.client.errors import QuestionError
from system.client.events import GapEvent, SnapshotEvent, StatusEvent, StreamEvent
from system.client.sync_client import RiskClient
from system.clock import ManualClock
from system.contracts.api.portfolios import Portfolios
from system.contracts.api.risk import CurrentVar, StreamGap, StreamState, current_risk
from system.contracts.codec import encode
from system.contracts.oracle import OracleVerdict
from system.store.sample_snapshots import sample_snapshot
from tests.system.client.commands.test_board import STATUS

RISK = current_risk(sample_snapshot())
VAR = CurrentVar(
    **asdict(RISK), durable=True, stream=StreamState.RUNNING, oracle=OracleVerdict.AGREED
)
EVENTS: list[StreamEvent] = [
    StatusEvent(STATUS),
    SnapshotEvent("1-0", RISK),
    GapEvent(StreamGap(resumed_from="1-0", oldest_kept="9-0")),
    SnapshotEvent("9-1", RISK),
]


@pytest.fixture(autouse=True)
def _api(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "/v1/portfolios": Portfolios(portfolios=(), unvalued=(), stream=StreamState.LAGGING),
        f"/v1/portfolios/{RISK.portfolio}/var": VAR,
    }

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=encode(answers[request.url.path]))

    def stream(*words: object, **options: object) -> Iterator[StreamEvent]:
        yield from EVENTS
        raise KeyboardInterrupt

    def client() -> RiskClient:
        made = RiskClient("http://localhost", "token", transport=httpx.MockTransport(respond))
        monkeypatch.setattr(made, "stream", stream)
        return made

    monkeypatch.setattr(command, "connected_client", client)


def run(*words: str):
    return CliRunner().invoke(cli.app, ["watch", *words], env={"COLUMNS": "200"})


def test_the_risk_of_now_is_a_table_or_the_apis_answer():
    shown = run("--once")
    assert shown.exit_code == 0
    assert "stream lagging" in shown.output
    one = run(RISK.portfolio, "--once")
    assert "stream running, oracle agreed" in one.output
    assert RISK.snapshot_id in one.output
    answer = json.loads(run(RISK.portfolio, "--once", "--json").output)
    assert answer["snapshot_id"] == RISK.snapshot_id
    assert answer["oracle"] == "agreed"


def test_each_event_is_a_line_of_json_until_ctrl_c_which_is_no_failure():
    done = run("--json")
    assert done.exit_code == 0
    lines = [json.loads(line) for line in done.output.splitlines()]
    assert [line["event"] for line in lines] == ["status", "snapshot", "gap", "snapshot"]
    assert lines[1]["risk"]["snapshot_id"] == RISK.snapshot_id
    assert lines[3]["id"] == "9-1"


def test_a_screen_needs_a_terminal():
    refused = run()
    assert isinstance(refused.exception, QuestionError)
    assert "--once" in str(refused.exception)


def test_a_screen_shows_the_newest_and_is_given_back(capsys):
    board = Board(ManualClock())
    command._show_live(EVENTS, board, with_limits=True)
    text = capsys.readouterr().out
    assert RISK.snapshot_id in text
    assert [line.snapshot_id for line in board.lines(9)] == [RISK.snapshot_id]
