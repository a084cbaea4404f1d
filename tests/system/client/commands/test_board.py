"""The board of `riskstream watch`: newest lines, most urgent first, stale when nothing is heard."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from system.client.commands.board import (
    SILENCE_S,
    Board,
    limit_table,
    line_of,
    line_of_summary,
    line_table,
)
from system.clock import ManualClock
from system.console import PlainConsole
from system.contracts.api.portfolios import PortfolioSummary
from system.contracts.api.risk import CurrentRisk, StreamState, StreamStatus, current_risk
from system.contracts.limits import LimitLevel, LimitMeasure, LimitUse
from system.contracts.oracle import OracleStatus
from system.store.sample_snapshots import sample_snapshot

STATUS = StreamStatus(
    state=StreamState.RUNNING,
    heartbeat_age_ms=1,
    fence=1,
    epoch=1,
    durable_fence=1,
    durable_epoch=1,
    published_ns=1,
    oracle=OracleStatus(running=True, samples_per_s=1.0, checked=1, agreed=1),
)


def use(used: float | None, raised: LimitLevel | None) -> LimitUse:
    return LimitUse(
        measure=LimitMeasure.VAR,
        value=0.01,
        warning=0.016,
        breach=0.02,
        used=used,
        level=LimitLevel.OK,
        raised=raised,
    )


def risk(name: str = "alpha", *uses: LimitUse) -> CurrentRisk:
    return replace(current_risk(sample_snapshot(portfolio=name)), limits=uses)


def printed(table: object, capsys: pytest.CaptureFixture[str]) -> str:
    PlainConsole(width=200).print(table)
    return capsys.readouterr().out


def test_the_line_of_a_portfolio_is_its_newest_snapshot_with_its_worst_limit():
    line = line_of(risk("alpha", use(0.3, LimitLevel.OK), use(1.2, LimitLevel.BREACH)))
    assert (line.limit_used, line.raised) == (1.2, LimitLevel.BREACH)
    board = Board(ManualClock())
    board.put(risk("alpha", use(0.3, LimitLevel.OK)))
    board.put(risk("alpha", use(0.9, LimitLevel.WARNING)))
    assert [each.limit_used for each in board.lines(9)] == [0.9]


def test_those_closest_to_a_limit_come_first_and_those_without_one_last():
    board = Board(ManualClock())
    for name, used in (("b", 0.5), ("a", 0.5), ("c", None), ("d", 1.1)):
        board.put(replace(risk(name, use(used, None)), limit_used=None))
    assert [line.portfolio for line in board.lines(9)] == ["d", "a", "b", "c"]
    assert [line.portfolio for line in board.lines(2)] == ["d", "a"]
    assert "2 more below" in board.title(2)


def test_the_head_names_the_stream_and_the_oracle_and_silence_is_stale():
    clock = ManualClock()
    board = Board(clock)
    assert board.title(9) == "stream connecting, oracle not running"
    board.put_status(STATUS)
    assert board.title(9) == "stream running, oracle agreed"
    clock.sleep(SILENCE_S + 1)
    assert board.title(9) == "stream stale: no word of the API for 4 s, oracle agreed"
    board.put_status(replace(STATUS, oracle=None))
    assert board.title(9) == "stream running, oracle not running"


def test_after_a_gap_only_what_follows_is_shown():
    board = Board(ManualClock())
    board.put(risk())
    board.clear()
    assert board.lines(9) == []


def test_a_name_is_shown_as_it_is_and_drives_no_terminal(capsys):
    table = line_table([line_of(risk("[red]x\x1b[2J"))], title="stream [b]running")
    text = printed(table, capsys)
    assert "[red]x" in text
    assert "[b]running" in text
    assert "\x1b[2J" not in text


def test_a_listed_portfolio_has_the_same_line():
    summary = PortfolioSummary(
        portfolio="alpha",
        snapshot_id="alpha-1.2",
        event_time_ns=0,
        base_currency="USD",
        nav=1e6,
        var=None,
        var_fraction=None,
        var_limit_fraction=0.02,
        over_limit=None,
        complete=False,
        durable=True,
        limit_used=0.5,
        raised=LimitLevel.WARNING,
    )
    line = line_of_summary(summary)
    assert (line.limit_used, line.raised, line.is_complete) == (0.5, LimitLevel.WARNING, False)


def test_limits_are_fractions_of_nav(capsys):
    text = printed(limit_table(risk("alpha", use(0.5, LimitLevel.OK), use(None, None))), capsys)
    assert "1.60%" in text
    assert "50%" in text
