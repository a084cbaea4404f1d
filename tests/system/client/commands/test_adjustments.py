"""``riskstream adjust``: what it sends and what it tells, over an API that is played."""

from __future__ import annotations

import datetime as dt

import httpx
import msgspec
import pytest
from typer.testing import CliRunner

from system.client.commands import adjustments
from system.client.commands.adjustments import adjust_app
from system.client.sync_client import RiskClient
from system.contracts.api.adjustments import AdjustmentAccepted, AdjustmentRow, Adjustments
from system.errors import InputError

ACCEPTED = {"topic": "reference", "partition": 0, "offset": 9, "last_day": "2020-08-28"}


@pytest.fixture
def asked(monkeypatch) -> list[httpx.Request]:
    """Return the requests that the command has sent."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if request.method == "GET":
            row = AdjustmentRow(
                type="split", instrument="AAPL", date="2020-08-31", last_day="2020-08-28", ratio=4.0
            )
            listed = Adjustments(
                adjustments=(row, msgspec.structs.replace(row, taken="2020-08-28"))
            )
            return httpx.Response(200, content=msgspec.json.encode(listed))
        kind = request.url.path.rsplit("/", 1)[-1].removesuffix("s")
        told = msgspec.json.decode(request.content) | ACCEPTED | {"type": kind}
        listed = msgspec.convert(told, AdjustmentAccepted)
        return httpx.Response(202, content=msgspec.json.encode(listed))

    transport = httpx.MockTransport(answer)
    client = RiskClient("http://localhost", "token", transport=transport)
    monkeypatch.setattr(adjustments, "connected_client", lambda: client)
    return sent


def test_a_split_is_announced(asked) -> None:
    words = ["split", "AAPL", "--ratio", "4", "--date", "2020-08-31"]
    result = CliRunner().invoke(adjust_app, words)
    assert msgspec.json.decode(asked[0].content)["ratio"] == 4.0
    assert "split 4 of AAPL on 2020-08-31: takes effect when 2020-08-28 is" in result.output


def test_a_dividend_is_announced_with_its_last_day(asked) -> None:
    words = ["dividend", "AAPL", "--amount", "0.82", "--date", "2020-08-31"]
    result = CliRunner().invoke(adjust_app, [*words, "--last-day", "2020-08-28"])
    assert msgspec.json.decode(asked[0].content)["last_day"] == "2020-08-28"
    assert "dividend 0.82 of AAPL" in result.output


def test_they_are_listed_with_when_they_take_effect(asked) -> None:
    result = CliRunner().invoke(adjust_app, ["list", "--instrument", "AAPL"])
    assert dict(asked[0].url.params) == {"instrument": "AAPL"}
    assert "when 2020-08-28 is closed" in result.output
    assert "since 2020-08-28" in result.output


def test_a_day_that_is_none_is_refused_with_its_option(asked) -> None:
    words = ["split", "AAPL", "--ratio", "4", "--date", "soon"]
    result = CliRunner().invoke(adjust_app, words)
    assert isinstance(result.exception, InputError)
    assert "--date 'soon' is not like 2020-08-31" in str(result.exception)


def test_the_list_is_printed_as_json(asked) -> None:
    result = CliRunner().invoke(adjust_app, ["list", "--json"])
    rows = msgspec.json.decode(result.stdout, type=Adjustments).adjustments
    assert [row.taken for row in rows] == [None, dt.date(2020, 8, 28)]
