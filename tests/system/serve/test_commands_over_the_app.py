"""The command line and the API together: what one sends the other takes, and the number is told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from typer.testing import CliRunner, Result

from system import cli, settings
from system.client import sync_client
from system.client.async_client import AsyncRiskClient
from system.client.commands import change, decomposition, limits, pnl, scenarios
from system.client.commands import what_if as questions
from system.client.sync_client import RiskClient
from system.contracts.api.decomposition import Contributions
from system.contracts.api.pnl import PnlExplained
from system.contracts.api.questions import (
    ProposedTrade,
    ReverseStress,
    Scenario,
    ScenarioRequest,
    Shock,
    VarChange,
    WhatIf,
    WhatIfRequest,
)
from system.contracts.limits import Limit, LimitMeasure, Limits
from system.places import PROJECT_DIR
from tests.system.book.feed import holding, live, portfolio, rate, tick, trade
from tests.system.book.valuation.test_options import optioned as optioned_feed
from tests.system.serve.conftest import TOKEN
from tests.system.serve.streamed import Streamed

WHAT_IF = WhatIfRequest(trades=(ProposedTrade(instrument="B", quantity=5.0, price=105.0),))
FALL = ScenarioRequest(shocks=(Shock(move=-0.1),))
GROSS = Limit(measure=LimitMeasure.GROSS, warning=0.1, breach=0.2)


@pytest.fixture
def streamed(world: Any, monkeypatch: pytest.MonkeyPatch) -> Streamed:
    """A book of shares, a call and cash, one end of day, and then a tick and a trade."""
    feed = optioned_feed()
    definition = portfolio(
        "Q", holding("B", 30.0), holding("B.CALL", 1.0, 2.5), holding("cash:USD", 9_000.0)
    )
    started = Streamed(world, feed)
    started.take(feed.send(msgspec.structs.replace(definition, limits=(GROSS,), desk="shares")))
    started.take(feed.send(tick("B", 103.0, hour=15.5), rate("USD", 1.12)))
    started.take(feed.close(0))
    started.take(feed.send(tick("B", 105.0, day=1), trade("t1", "B", 5.0, 105.0, book="Q")))

    for module in (change, decomposition, limits, pnl, questions, scenarios):
        monkeypatch.setattr(module, "connected_client", lambda: client_of(started))
    return started


def responding(streamed: Streamed) -> Callable[[httpx.Request], httpx.Response]:
    def respond(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        path = request.url.raw_path.decode()
        answer = streamed.world.client.request(request.method, path, content=request.content)
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    return respond


def client_of(streamed: Streamed) -> RiskClient:
    transport = httpx.MockTransport(responding(streamed))
    return RiskClient("http://localhost", TOKEN, transport=transport)


def run(*words: str) -> Result:
    result = CliRunner().invoke(cli.app, list(words), env={"COLUMNS": "200"})
    assert result.exit_code == 0, f"{result.output} {result.exception!r}"
    return result


def told(shape: Any, *words: str) -> Any:
    return msgspec.json.decode(run(*words, "--json").stdout, type=shape)


def newest(streamed: Streamed) -> Any:
    return live(streamed.feed.book.revalue(fence=1, epoch=streamed.feed.epoch), "Q")


def test_what_if(streamed: Streamed) -> None:
    answer = told(WhatIf, "what-if", "Q", "--trade", "B.CALL=-1@4.5")
    assert answer.before.var == newest(streamed).var
    really = streamed.take(streamed.feed.send(trade("t2", "B.CALL", -1.0, 4.5, book="Q")))
    assert answer.after.var == live(really, "Q").var
    assert f"{answer.after.var:,.2f}" in run("what-if", "Q", "--trade", "B=0.000001@105").output


@pytest.mark.parametrize("shock", ["all=-10%", "class:equity=-10%", "B=-10.5"])
def test_a_shock(streamed: Streamed, shock: str) -> None:
    answer = told(Scenario, "scenario", "Q", "--shock", shock)
    share = next(row for row in answer.rows if row.instrument == "B")
    assert share.pnl == pytest.approx(-35.0 * 10.5 * 1.12, rel=1e-9)
    assert f"{answer.pnl:,.2f} USD" in run("scenario", "Q", "--shock", shock).output


def test_a_reverse_stress(streamed: Streamed) -> None:
    answer = told(ReverseStress, "scenario", "Q", "--loses", "500")
    shock = f"all={answer.move * 100:.9f}%"
    assert told(Scenario, "scenario", "Q", "--shock", shock).pnl == pytest.approx(-500.0, rel=1e-6)


def test_a_change_explained(streamed: Streamed) -> None:
    answer = told(VarChange, "explain-change", "Q")
    assert answer.var_after == newest(streamed).var == answer.steps[-1].var
    changed = {str(step.step) for step in answer.steps if step.changed}
    assert changed == {"positions", "prices", "time"}


def test_contributions(streamed: Streamed) -> None:
    answer = told(Contributions, "contributions", "Q")
    assert answer.var == newest(streamed).var
    assert sum(row.component_var for row in answer.rows) == pytest.approx(answer.var, rel=1e-9)


def test_pnl(streamed: Streamed) -> None:
    answer = told(PnlExplained, "pnl", "Q")
    assert answer.unrealised_pnl == newest(streamed).unrealised_pnl


def test_limits(streamed: Streamed) -> None:
    answer = told(Limits, "limits", "show", "Q")
    gross = next(limit for limit in answer.limits if limit.use.measure is LimitMeasure.GROSS)
    stated = next(limit for limit in newest(streamed).limits if limit.measure is LimitMeasure.GROSS)
    assert gross.use.value == stated.value


@pytest.mark.parametrize(
    "question",
    [
        lambda client: client.what_if("Q", WHAT_IF),
        lambda client: client.scenario("Q", FALL),
        lambda client: client.reverse_stress("Q", 500.0),
        lambda client: client.var_change("Q"),
        lambda client: client.desk_var("shares"),
        lambda client: client.contributions("Q"),
        lambda client: client.pnl("Q"),
        lambda client: client.limits("Q"),
        lambda client: client.limit_events("Q"),
        lambda client: client.adjustments("B"),
        lambda client: client.days(),
        lambda client: client.close_day(dry_run=True),
    ],
)
def test_both_clients_have_the_same_typed_answer(
    streamed: Streamed, question: Callable[[Any], Any]
) -> None:
    async def respond(request: httpx.Request) -> httpx.Response:
        return await asyncio.to_thread(responding(streamed), request)

    async def waited() -> Any:
        transport = httpx.MockTransport(respond)
        async with AsyncRiskClient("http://localhost", TOKEN, transport=transport) as client:
            return await question(client)

    with client_of(streamed) as client:
        answer = question(client)
    assert isinstance(answer, msgspec.Struct)
    assert asyncio.run(waited()) == answer


def test_the_python_example_of_the_readme_runs(
    streamed: Streamed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (PROJECT_DIR / "README.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    where = SimpleNamespace(api_url="http://localhost", api_token=TOKEN)
    stub = SimpleNamespace(connections=lambda: where)
    monkeypatch.setattr(settings, "load_settings", lambda: stub)
    monkeypatch.setattr(sync_client, "RiskClient", lambda url, token: client_of(streamed))
    exec(compile(example.replace("long-equities", "Q"), "README.md", "exec"), {})  # noqa: S102 - our own text
    first, *rows = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"VaR [\d,]+ USD, \d+\.\d\d% of NAV", first), first
    assert len(rows) == 3
