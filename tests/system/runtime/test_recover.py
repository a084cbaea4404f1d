"""Words and exit codes of `riskstream recover`; the servers are played."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from system.cli import app, main
from system.exits import ExitCode
from system.runtime import recover
from system.runtime.recover import Diagnosis, Problem
from system.store.postgres.identity import LostRange, RecordedRecovery, Recovery

SENTENCE = "trades:0 begins at offset 60, and the state ends at 40: 20 messages are lost, unread"
GAP = Problem("gap", "trades:0", SENTENCE, "riskstream recover --case gap")
LOST = RecordedRecovery(
    dt.datetime(2026, 11, 30, tzinfo=dt.UTC), "Ada [1]", "why", (LostRange("trades:0", 4),)
)
PLAN = Recovery(
    {"trades:0": 40},
    {"trades:0": 60},
    (LostRange("trades:0", 40, 60),),
    ("P",),
    "why",
    {},
    "c",
    {},
    (),
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Contents of the servers, and what was written into them."""
    world: dict[str, Any] = {"diagnosis": Diagnosis(()), "written": []}

    class History:
        def __init__(self, _url: str) -> None: ...

        def __enter__(self) -> History:
            return self

        def __exit__(self, *_failure: object) -> None: ...

        def recover(self, recovery: Recovery, *, actor: str) -> None:
            world["written"].append((recovery, actor))

    @contextlib.contextmanager
    def servers(_settings: object) -> Any:
        class Nowhere:
            database_url = ""

        yield Nowhere()

    monkeypatch.setattr(recover, "_servers", servers)
    monkeypatch.setattr(recover, "RiskHistory", History)
    monkeypatch.setattr(recover, "diagnosis", lambda _: world["diagnosis"])
    monkeypatch.setattr(recover, "planned", lambda *_: PLAN)
    return world


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["recover", *arguments])


def test_a_state_that_can_go_on_is_said_to(asked):
    result = run()
    assert result.exit_code == 0
    assert "the stream can start" in result.output


def test_a_problem_is_a_sentence_and_a_command_in_lines_of_their_own(asked):
    asked["diagnosis"] = Diagnosis((GAP,), ("Redis is of another database",), {"P": "why"}, (LOST,))
    result = run()
    assert result.exit_code == ExitCode.NEEDS_RECOVERY
    lines = result.output.splitlines()
    assert f"{SENTENCE}." in lines
    assert "To continue without it: riskstream recover --case gap (first with --dry-run)" in lines
    assert "Note: Redis is of another database." in lines
    assert "Not available: P: why." in lines
    assert "Recovered 2026-11-30 00:00:00+00:00 by Ada [1]: why." in lines
    assert asked["written"] == []


def test_programs_get_all_of_it_as_json(asked):
    asked["diagnosis"] = Diagnosis((GAP,), recoveries=(LOST,))
    result = run("--json")
    assert result.exit_code == ExitCode.NEEDS_RECOVERY
    answer = json.loads(result.output)
    assert answer["problems"][0]["command"] == "riskstream recover --case gap"
    assert answer["recoveries"][0]["lost"] == [{"place": "trades:0", "first": 4, "end": None}]


def test_a_dry_run_writes_nothing(asked):
    result = run("--case", "gap", "--dry-run")
    assert result.exit_code == 0
    assert "20 messages of trades:0 (offsets 40 to 59): would be recorded as lost" in result.output
    assert "Nothing was changed." in result.output
    assert asked["written"] == []


def test_a_case_is_mended_in_the_name_of_who_decides(asked):
    result = run("--case", "gap", "--by", "Ada")
    assert result.exit_code == 0
    assert "P: no risk until its positions are stated again" in result.output
    assert asked["written"] == [(PLAN, "Ada")]


def test_without_a_name_it_is_the_login(asked):
    run("--case", "gap")
    [(_, actor)] = asked["written"]
    assert actor


def test_a_case_that_there_is_not_is_wrong_input(asked, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["riskstream", "recover", "--case", "everything"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert "there are topics, gap, database" in capsys.readouterr().err
