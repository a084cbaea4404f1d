"""The commands: what they send and what they tell, over an API that is played."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from typer.testing import CliRunner, Result

from system.client.commands import portfolios as commands
from system.client.commands import push_watch
from system.client.commands.portfolios import portfolio_app, trade_app
from system.client.errors import ApiUnavailableError, PortfolioFileError
from system.client.sync_client import RiskClient
from system.clock import ManualClock
from system.contracts.api.portfolios import Portfolios, PortfolioSummary
from system.contracts.api.risk import (
    CurrentRisk,
    Health,
    PortfolioAccepted,
    PortfolioImport,
    PositionDifference,
    Reconciliation,
    RejectedPage,
    RejectedRow,
    StreamState,
    TradeAccepted,
    TradeRequest,
    current_risk,
)
from system.contracts.codec import encode
from system.contracts.messages import RejectReason, TradeAction
from system.errors import InputError
from system.serve.services.hub import NO_STATUS, framed, status_frame
from system.store.sample_snapshots import sample_snapshot

RUNNING = msgspec.structs.replace(NO_STATUS, state=StreamState.RUNNING)
ACCEPTED = TradeAccepted(
    trade_id="t1",
    version=0,
    action=TradeAction.NEW,
    portfolio="alpha",
    instrument="EQ000",
    quantity=-5.0,
    price=2.0,
    topic="trades",
    partition=0,
    offset=7,
    watch="",
)


def risk(offset: int, var: float | None, *trade_ids: str) -> CurrentRisk:
    snapshot = sample_snapshot(
        offsets={"trades:0": offset}, var=var, var_fraction=0.0125, trade_ids=trade_ids
    )
    return current_risk(snapshot)


class Api:
    """An API that plays what it is given and remembers what it was sent."""

    def __init__(self) -> None:
        self.pushed: list[CurrentRisk] = []
        self.rejected: tuple[RejectedRow, ...] = ()
        self.bodies: list[bytes] = []
        self.status = RUNNING
        self.watermark = 0
        self.reconciliation: Reconciliation | None = None

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(request.content)
        path = request.url.path
        if path == "/v1/stream":
            headers = {"content-type": "text/event-stream"}
            return httpx.Response(200, headers=headers, content=self._frames())
        if path == "/v1/portfolios":
            return httpx.Response(200, content=encode(self._portfolios(request)))
        if path == "/v1/health":
            return httpx.Response(200, content=encode(self._health()))
        rejected = RejectedPage(rows=self.rejected, counts={})
        return httpx.Response(200, content=encode(rejected if "rejected" in path else ACCEPTED))

    def _frames(self) -> Iterator[bytes]:
        yield status_frame(self.status, 0)
        for number, pushed in enumerate(self.pushed):
            yield framed("snapshot", encode(pushed), f"{number}-0")
        yield status_frame(self.status, 0)

    def _health(self) -> Health:
        offsets = {"trades:0": self.watermark}
        return Health(
            ok=True, stream=self.status, components=(), offsets=offsets, lag=None, version="0"
        )

    def _portfolios(self, request: httpx.Request) -> msgspec.Struct:
        if request.method == "POST":
            book = msgspec.json.decode(request.content, type=PortfolioImport)
            return PortfolioAccepted(
                portfolio=book.portfolio.portfolio,
                position_count=len(book.portfolio.positions),
                instrument_count=len(book.instruments),
                history_count=len(book.histories),
                topic="reference",
                partition=0,
                offset=1,
                watch="",
                as_of_ns=book.portfolio.as_of_ns,
                as_of_day=book.portfolio.as_of_day,
                dry_run="dry_run=true" in str(request.url),
                reconciliation=self.reconciliation,
            )
        line = PortfolioSummary(
            portfolio="alpha",
            snapshot_id="s",
            event_time_ns=1,
            base_currency="USD",
            nav=1e6,
            var=12_500.0,
            var_fraction=0.0125,
            var_limit_fraction=0.01,
            over_limit=True,
            complete=False,
            durable=True,
        )
        return Portfolios(portfolios=(line,), unvalued=("new",), stream=StreamState.RUNNING)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    played = Api()
    transport = httpx.MockTransport(played.answer)
    clock = ManualClock()
    client = RiskClient("http://localhost", "token", transport=transport, clock=clock)
    monkeypatch.setattr(commands, "connected_client", lambda: client)
    monkeypatch.setattr(push_watch, "SystemClock", lambda: clock)
    return played


def run(app: Any, *words: str) -> Result:
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})


SEND = ("send", "alpha", "EQ000", "--quantity", "-5", "--price", "2")


def test_a_trade_shows_the_var_before_and_after(api: Api) -> None:
    api.pushed = [risk(3, 900.0), risk(7, 1_000.0), risk(8, 1_250.5, "t1")]
    result = run(trade_app, *SEND)
    assert result.exit_code == 0, result.output
    assert "VaR 1,000.00 USD (1.250% of NAV) -> 1,250.50 USD (1.250% of NAV)" in result.output
    sent = msgspec.json.decode(api.bodies[1], type=TradeRequest)
    assert (sent.portfolio, sent.instrument, sent.quantity, sent.price) == (
        "alpha",
        "EQ000",
        -5.0,
        2.0,
    )


def test_a_trade_that_the_stream_rejects_fails_with_its_reason(api: Api) -> None:
    api.pushed = [risk(8, 1_000.0)]
    api.rejected = (
        RejectedRow(
            topic="trades",
            partition=0,
            offset=7,
            reason=RejectReason.CONFLICT,
            detail="version 0 was another message before",
            value="{}",
        ),
    )
    result = run(trade_app, *SEND)
    assert result.exit_code == 1
    assert "rejected by the stream: conflict: version 0 was another message" in result.output


def test_without_waiting_only_the_acceptance_is_told(api: Api) -> None:
    result = run(trade_app, *SEND, "--no-wait", "--id", "t1")
    assert result.exit_code == 0
    assert "new t1 (version 0): -5 EQ000 at 2 in alpha, kept as trades:0 offset 7" in result.output
    assert len(api.bodies) == 1


def test_a_stale_stream_says_that_the_trade_is_kept(api: Api) -> None:
    api.status = NO_STATUS
    result = run(trade_app, *SEND)
    assert isinstance(result.exception, ApiUnavailableError)
    assert "is kept and counts once it runs again" in str(result.exception)


def test_a_trade_that_was_there_already_is_told_so(api: Api) -> None:
    api.pushed = [risk(3, 900.0)]
    api.watermark = 8
    result = run(trade_app, *SEND)
    assert result.exit_code == 0
    assert "It was there already: nothing changes." in result.output


def test_a_trade_that_the_stream_has_not_read_in_time_is_told_so(api: Api) -> None:
    result = run(trade_app, *SEND)
    assert result.exit_code == 0
    assert "No snapshot covers it yet" in result.output


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("amend", "t1", "--quantity", "3", "--price", "4"), b'"quantity":3.0,"price":4.0'),
        (("cancel", "t1", "--version", "2"), b""),
    ],
)
def test_amending_and_cancelling_are_watched_too(
    api: Api, words: tuple[str, ...], body: bytes
) -> None:
    api.pushed = [risk(7, None), risk(8, 10.0, "t1")]
    result = run(trade_app, *words)
    assert result.exit_code == 0, result.output
    assert "VaR not available -> 10.00 USD" in result.output
    assert body in api.bodies[1]


def test_a_book_is_imported_with_prices_and_settings(api: Api, tmp_path: Path) -> None:
    book, prices = tmp_path / "mine.csv", tmp_path / "prices.csv"
    book.write_text("instrument,quantity,entry_price,asset_class\nA,1,2,equity\n")
    prices.write_text("date,A\n2020-01-02,1\n2020-01-03,2\n")
    api.pushed = [risk(1, 10.0)]
    words = ("import", str(book), "--prices", str(prices), "--set", "window=60")
    result = run(portfolio_app, *words, "--until", "2020-01-02")
    assert result.exit_code == 0, result.output
    assert "mine: 1 positions, 1 instruments and 1 price histories" in result.output
    assert "mine: VaR 10.00 USD" in result.output
    sent = msgspec.json.decode(api.bodies[0], type=PortfolioImport)
    assert (sent.portfolio.window, len(sent.histories[0].closes)) == (60, 1)


def reconciliation(**changes: Any) -> Reconciliation:
    rows = (
        PositionDifference(instrument="[red]A[/]", before=1500.0, stated=0.0, difference=-1500.0),
        PositionDifference(instrument="B", before=0.1, stated=0.35, difference=0.25),
    )
    plain = Reconciliation(
        opens=False,
        equal_count=3,
        different_count=2,
        rows=rows,
        cash_stated=False,
        trades_on_top=4,
        current=True,
    )
    return msgspec.structs.replace(plain, **changes)


@pytest.fixture
def mine(tmp_path: Path) -> str:
    book = tmp_path / "mine.csv"
    book.write_text("instrument,quantity,entry_price\nA,5,10\n")
    return str(book)


def test_an_import_shows_what_it_changes(api: Api, mine: str) -> None:
    api.reconciliation = reconciliation()
    api.pushed = [covering(msgspec.structs.replace(risk(0, 10.0), portfolio="mine"))]
    result = run(portfolio_app, "import", mine, "--as-of", "2020-03-05T21:00:00+01:00")
    assert result.exit_code == 0, result.output
    assert "Positions as of 2020-03-05T20:00:00Z." in result.output
    rows = [line.split() for line in result.output.splitlines() if "│" in line]
    assert [[word for word in row if word != "│"] for row in rows] == [
        ["[red]A[/]", "1,500", "0", "-1,500"],
        ["B", "0.1", "0.35", "+0.25"],
    ]
    assert "2 of 5 instruments differ; cash is not stated and stays" in result.output
    assert "4 trades after that moment come on top" in result.output
    assert "mine: VaR 10.00 USD" in result.output


def test_a_dry_run_sends_nothing_and_waits_for_nothing(api: Api, mine: str) -> None:
    api.reconciliation = reconciliation(rows=(), different_count=0, cash_stated=True, current=False)
    result = run(portfolio_app, "import", mine, "--as-of", "2020-03-05", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "would be sent (a dry run: nothing was)" in result.output
    assert "Positions as of the end of 2020-03-05." in result.output
    assert "0 of 3 instruments differ; 4 trades" in result.output
    assert "may lack the newest trades" in result.output
    assert len(api.bodies) == 1


def test_an_import_is_printed_as_json(api: Api, mine: str) -> None:
    api.reconciliation = reconciliation()
    result = run(portfolio_app, "import", mine, "--json")
    told = msgspec.json.decode(result.stdout, type=PortfolioAccepted)
    assert told.reconciliation == api.reconciliation
    assert len(api.bodies) == 1


def test_an_import_that_the_stream_rejects_says_why(api: Api, mine: str) -> None:
    api.rejected = (
        RejectedRow(
            topic="reference",
            partition=0,
            offset=1,
            reason=RejectReason.TIME_FAR_OFF,
            detail="positions as of 2100",
            value="",
        ),
    )
    result = run(portfolio_app, "import", mine)
    assert result.exit_code == 1
    assert "rejected by the stream: time_far_off: positions as of 2100" in result.output


def covering(pushed: CurrentRisk) -> CurrentRisk:
    """Return a snapshot behind the import of the played API."""
    return msgspec.structs.replace(pushed, offsets={"reference:0": 2})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--at", "2020-03-05T10:00:00"), "--at '2020-03-05T10:00:00' does not say in which time"),
        (("--at", "noon"), "--at 'noon' is not a date-time like"),
    ],
)
def test_a_time_of_a_trade_that_is_none_is_refused(api: Api, words, said) -> None:
    result = run(trade_app, *SEND, *words)
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)
    assert api.bodies == []


def test_a_trade_says_when_it_was_made(api: Api) -> None:
    api.pushed = [risk(8, 1_250.5, "t1")]
    run(trade_app, *SEND, "--at", "1970-01-01T00:00:05Z")
    sent = msgspec.json.decode(api.bodies[1], type=TradeRequest)
    assert sent.event_time_ns == 5 * 10**9


@pytest.mark.parametrize("setting", ["window", "window=", "colour=red"])
def test_a_bad_setting_is_named(api: Api, tmp_path: Path, setting: str) -> None:
    book = tmp_path / "mine.csv"
    book.write_text("instrument,quantity,entry_price\n")
    result = run(portfolio_app, "import", str(book), "--set", setting)
    assert isinstance(result.exception, PortfolioFileError)
    assert repr(setting) in str(result.exception)
    assert api.bodies == []


def test_the_list_is_printed_as_json(api: Api) -> None:
    result = run(portfolio_app, "list", "--json")
    assert msgspec.json.decode(result.stdout)["portfolios"]
    assert "┃" not in result.stdout


def test_the_list_tells_what_is_over_its_limit_and_what_is_not_valued(api: Api) -> None:
    result = run(portfolio_app, "list")
    assert result.exit_code == 0
    assert "12,500.00 USD" in result.output
    assert "over its limit" in result.output
    assert "no snapshot yet" in result.output


def test_commands_about_trades_and_portfolios_do_not_wait_for_numpy():
    module = "system.client.commands.portfolios"
    code = f"import sys, {module}; print({{'numpy', 'pyarrow'}} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert answer.stdout.strip() == b"set()"
