"""The commands about limits: what they ask and what they tell."""

from __future__ import annotations

import sys
from typing import Any

import httpx
import msgspec
import pytest
from typer.testing import CliRunner, Result

from system import cli
from system.client.commands import limits
from system.client.sync_client import RiskClient
from system.contracts.codec import encode
from system.contracts.limits import (
    Acknowledgement,
    LimitLevel,
    LimitMeasure,
    Limits,
    TrailKind,
    TrailPage,
    TrailRow,
    limit_statuses,
)
from tests.system.book.valuation.test_limits import use

RAISED = TrailRow(
    event_id=4,
    kind=TrailKind.LEVEL,
    portfolio="alpha",
    measure=LimitMeasure.VAR,
    before=LimitLevel.OK,
    after=LimitLevel.BREACH,
    value=1.2,
    warning=0.8,
    breach=1.0,
    snapshot_id="alpha-1-7",
    event_time_ns=1,
    recorded_at_ns=1_600_000_000_000_000_000,
)
SEEN = msgspec.structs.replace(
    RAISED, event_id=5, kind=TrailKind.ACKNOWLEDGED, acknowledges=4, actor="J. Doe", note="hedged"
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, content=encode(_answer(request)))

    client = RiskClient("http://localhost", "token", transport=httpx.MockTransport(respond))
    monkeypatch.setattr(limits, "connected_client", lambda: client)
    return requests


def _answer(request: httpx.Request) -> Any:
    if request.method == "POST":
        return SEEN
    if request.url.path.endswith("/events"):
        return TrailPage(portfolio="alpha", rows=(SEEN, RAISED))
    limit = msgspec.structs.replace(use(1.2), raised=LimitLevel.BREACH)
    return Limits(
        portfolio="alpha",
        snapshot_id="alpha-1-7",
        event_time_ns=1,
        nav=1e6,
        base_currency="USD",
        limits=limit_statuses((limit,), (RAISED,)),
    )


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.app, ["limits", *words], env={"COLUMNS": "200"})


def test_limits_show_what_is_raised_and_that_nobody_has_seen_it(asked: list[httpx.Request]) -> None:
    result = run("show", "alpha")
    assert result.exit_code == 0, result.output
    for told in ("var", "120.000%", "breach", "nobody yet"):
        assert told in result.output


def test_events_show_levels_and_people(asked: list[httpx.Request]) -> None:
    result = run("events", "alpha", "--count", "5")
    assert asked[0].url.query == b"limit=5"
    for told in ("ok -> breach", "seen by J. Doe", "hedged", "2020-09-13 12:26:40"):
        assert told in result.output


def test_acknowledging_sends_who_and_what(asked: list[httpx.Request]) -> None:
    result = run("acknowledge", "alpha", "var", "--by", "J. Doe", "--note", "hedged")
    assert "breach of var in alpha (alpha-1-7): seen by J. Doe" in result.output
    assert asked[0].url.path == "/v1/portfolios/alpha/limits/var/acknowledge"
    said = msgspec.json.decode(asked[0].content, type=Acknowledgement)
    assert said == Acknowledgement(actor="J. Doe", note="hedged")


NOTES = (
    "approved by [risk committee], hedge tomorrow",
    "moved to folder [/eq/hedges]",
    "[bold]urgent[/bold] :warning:",
)


def test_notes_are_shown_as_they_were_written(
    asked: list[httpx.Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tuple(msgspec.structs.replace(SEEN, note=note, actor="R. [Desk]") for note in NOTES)
    page = TrailPage(portfolio="alpha", rows=rows)
    monkeypatch.setattr(sys.modules[__name__], "_answer", lambda _: page)
    result = run("events", "alpha")
    assert result.exit_code == 0, result.exception
    for note in NOTES:
        assert note in result.output
    assert result.output.count("seen by R. [Desk]") == len(NOTES)


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_note_from_before_the_rule_does_not_drive_the_terminal(
    asked: list[httpx.Request], monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    wild = msgspec.structs.replace(SEEN, note="\x1b[2J\x9b31m\u202egone", actor="\x1b]0;x\x07")
    page = TrailPage(portfolio="alpha", rows=(wild,))
    monkeypatch.setattr(sys.modules[__name__], "_answer", lambda _: page)
    result = run("events", "alpha", *flags)
    assert not set(result.stdout) & set("\x1b\x07\x9b\u202e")
    assert "gone" in result.stdout
    if flags:
        assert msgspec.json.decode(result.stdout, type=TrailPage) == page


@pytest.mark.parametrize("note", ["\x1b[2J", "\x9b2J", "a\u202eb"])
def test_a_note_that_drives_a_terminal_is_refused_before_it_is_sent(
    asked: list[httpx.Request], note: str
) -> None:
    result = run("acknowledge", "alpha", "var", "--by", "J. Doe", "--note", note)
    assert str(result.exception).startswith(f"note: {note!r} holds U+")
    assert asked == []


@pytest.mark.parametrize(("command", "kind"), [("show", Limits), ("events", TrailPage)])
def test_with_json_the_answer_is_printed(
    asked: list[httpx.Request], command: str, kind: type[Any]
) -> None:
    result = run(command, "alpha", "--json")
    assert msgspec.json.decode(result.stdout, type=kind) == _answer(asked[0])
