"""``riskstream close-day``: one day and every session of an exchange, over an API in memory."""

from __future__ import annotations

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest
from typer.testing import CliRunner, Result

from system import cli
from system.book.state.rows import DayState
from system.client.sync_client import RiskClient
from system.clock import ManualClock
from system.contracts.api.days import DayAccepted
from system.contracts.messages import Mark
from system.errors import InputError
from system.exits import ExitCode
from system.feed import close_day
from tests.system.serve.conftest import World
from tests.system.serve.conftest import world as world  # noqa: PLC0414 - a fixture
from tests.system.serve.routes.test_days import FRIDAY, THURSDAY, TICK_NS
from tests.system.serve.routes.test_days import friday as friday  # noqa: PLC0414 - a fixture

NEW_YORK = ZoneInfo("America/New_York")


def connected(monkeypatch: pytest.MonkeyPatch, world: World, *, closes: bool = True) -> None:
    """Let the command ask a world's API, whose stream closes a day as soon as it is marked."""

    def respond(request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        answer = world.client.request(request.method, path, content=request.content)
        if closes and world.bus.marks and request.method == "POST":
            mark = world.bus.marks[-1]
            world.know(day=DayState(date=mark.date, event_time_ns=mark.event_time_ns))
        return httpx.Response(answer.status_code, content=answer.content)

    def client() -> RiskClient:
        return RiskClient("http://localhost", "token", transport=httpx.MockTransport(respond))

    monkeypatch.setattr(close_day, "connected_client", client)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.app, ["close-day", *words], env={"COLUMNS": "200"})


def test_a_day_is_closed_and_waited_for(friday: World, monkeypatch) -> None:
    connected(monkeypatch, friday)
    result = run("2020-03-06")
    assert result.exit_code == ExitCode.PASSED
    assert friday.bus.marks == [Mark(date=FRIDAY, event_time_ns=TICK_NS)]
    assert "sent 4 end-of-day marks of 2020-03-06" in result.stdout
    assert "after 2020-03-05; the day is closed" in result.stdout


def test_a_dry_run_sends_nothing(friday: World, monkeypatch) -> None:
    connected(monkeypatch, friday)
    result = run("--dry-run")
    assert (result.exit_code, friday.bus.marks) == (ExitCode.PASSED, [])
    assert "would send 4 end-of-day marks of 2020-03-06" in result.stdout


def test_its_answer_as_json(friday: World, monkeypatch) -> None:
    connected(monkeypatch, friday)
    answer = msgspec.json.decode(run("--json").stdout, type=DayAccepted)
    assert (answer.date, answer.closed) == (FRIDAY, THURSDAY)


def test_a_refusal_is_the_sentence_of_the_api(friday: World, monkeypatch) -> None:
    connected(monkeypatch, friday)
    result = run("2020-03-05")
    assert isinstance(result.exception, InputError)
    assert "date 2020-03-05 is closed already" in str(result.exception)


def test_a_stream_that_does_not_close_the_day_is_no_success(friday: World, monkeypatch) -> None:
    connected(monkeypatch, friday, closes=False)
    result = run("--wait", "0.01")
    assert result.exit_code == ExitCode.INCOMPLETE
    assert "2020-03-06 is not closed after 0.01 s" in result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["soon"], "DATE 'soon' is not a day like 2020-03-05"),
        (["--at", "25:00", "--calendar", "XNYS"], "--at '25:00' is not a time of day"),
        (["--at", "16:20"], "--at needs --calendar XNYS"),
        (["--calendar", "XNYS"], "--calendar needs --at 16:20"),
        (["--sessions", "2"], "--sessions needs --at 16:20"),
        (["2020-03-06", "--at", "16:20", "--calendar", "XNYS"], "leave DATE and --dry-run out"),
        (["--at", "16:20", "--calendar", "NOPE"], "NOPE: no calendar of that market is known"),
    ],
)
def test_options_that_do_not_fit_are_named(friday: World, monkeypatch, words, sentence) -> None:
    connected(monkeypatch, friday)
    result = run(*words)
    assert isinstance(result.exception, InputError)
    assert sentence in str(result.exception)
    assert friday.bus.marks == []


def ns(*moment: int) -> int:
    return int(dt.datetime(*moment, tzinfo=NEW_YORK).timestamp()) * 10**9


def test_sessions_are_closed_at_local_time_over_weekend_holiday_and_half_day() -> None:
    now_ns = ns(2024, 11, 27, 16, 30)
    closings = close_day.closings_from("XNYS", dt.time(16, 20), now_ns)
    assert list(itertools.islice(closings, 2)) == [
        (dt.date(2024, 11, 29), ns(2024, 11, 29, 16, 20)),
        (dt.date(2024, 12, 2), ns(2024, 12, 2, 16, 20)),
    ]


def test_no_session_is_closed_before_its_close() -> None:
    closings = close_day.closings_from("XNYS", dt.time(9, 0), ns(2024, 7, 2, 8, 0))
    assert list(itertools.islice(closings, 2)) == [
        (dt.date(2024, 7, 2), ns(2024, 7, 2, 16, 0)),
        (dt.date(2024, 7, 3), ns(2024, 7, 3, 13, 0)),
    ]


def test_each_session_is_closed_when_it_is_due_and_a_refused_one_does_not_end_it(
    friday: World, monkeypatch, capsys
) -> None:
    connected(monkeypatch, friday)
    clock = ManualClock(wall_ns=TICK_NS)
    due = [close_day.Closing(THURSDAY, TICK_NS - 1), close_day.Closing(FRIDAY, TICK_NS + 10**12)]
    close_day.close_each(iter(due), 2, clock, wait_s=1.0)
    assert clock.wall_ns() >= TICK_NS + 10**12
    assert [mark.date for mark in friday.bus.marks] == [FRIDAY]
    assert "2020-03-05 was not closed" in capsys.readouterr().err
