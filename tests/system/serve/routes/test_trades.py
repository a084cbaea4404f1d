"""Trades and books that come in by the API, over fakes."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from system.contracts.messages import Trade, TradeAction
from system.serve.http.requests import MAX_TRADE_BYTES
from tests.system.serve.conftest import WALL_NS
from tests.system.serve.responses import TRADE, accepted, refused


def test_a_trade_is_accepted_once_the_broker_keeps_it(trading: Any) -> None:
    told = accepted(trading.client.post("/v1/trades", json=TRADE))
    (trade,) = trading.bus.sent
    assert trade == Trade(trade_id=told.trade_id, event_time_ns=trade.event_time_ns, **TRADE)
    assert trade.event_time_ns > WALL_NS, "made when it was accepted"
    assert str(uuid.UUID(told.trade_id)) == told.trade_id
    assert (told.topic, told.partition, told.offset) == ("trades", 0, 0)
    assert (told.version, told.action) == (0, TradeAction.NEW)
    assert told.watch == "/v1/stream?portfolio=alpha"


def test_a_trade_keeps_the_time_that_it_says_it_was_made_at(trading: Any) -> None:
    accepted(trading.client.post("/v1/trades", json={**TRADE, "event_time_ns": 7}))
    assert trading.bus.sent[0].event_time_ns == 7


def test_a_trade_keeps_the_id_it_was_sent_with(trading: Any) -> None:
    told = accepted(trading.client.post("/v1/trades", json={**TRADE, "trade_id": "mine-1"}))
    assert told.trade_id == "mine-1"


def test_a_trade_sent_twice_is_the_same_message_twice(trading: Any) -> None:
    for _ in range(2):
        accepted(trading.client.post("/v1/trades", json={**TRADE, "trade_id": "t"}))
    first, second = trading.bus.sent
    assert first == second


def test_another_trade_under_the_same_id_is_a_conflict(trading: Any) -> None:
    accepted(trading.client.post("/v1/trades", json={**TRADE, "trade_id": "t"}))
    problem = refused(
        trading.client.post("/v1/trades", json={**TRADE, "trade_id": "t", "price": 5}), 409
    )
    assert "is another trade (new of -12.5 EQ000 at 101.25)" in problem["detail"]
    assert len(trading.bus.sent) == 1


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"quantity": "5"}, "quantity", 'got "5"'),
        ({"quantity": 0}, "quantity", "buys and sells nothing"),
        ({"quantity": None}, "quantity", "got null"),
        ({"price": -1}, "price", "-1: EQ000 needs at least 1e-09"),
        ({"price": 1e300}, "price", "below 1e+15"),
        ({"portfolio": "a  b"}, "portfolio", "'a  b' has two spaces in a row"),
        ({"instrument": ""}, "instrument", "'' is empty"),
        ({"colour": "red"}, "colour", "unknown field"),
        ({"trade_id": "x" * 65}, "trade_id", "(65 characters) is too long: at most 64"),
    ],
)
def test_a_bad_field_of_a_trade_is_named_with_its_value(
    trading: Any, change: dict[str, Any], field: str, told: str
) -> None:
    problem = refused(trading.client.post("/v1/trades", json={**TRADE, **change}), 422)
    assert [error["field"] for error in problem["errors"]] == [field]
    assert told in problem["detail"]
    assert trading.bus.sent == []


def test_a_missing_field_is_named(trading: Any) -> None:
    body = {key: value for key, value in TRADE.items() if key != "price"}
    problem = refused(trading.client.post("/v1/trades", json=body), 422)
    assert problem["errors"][0]["field"] == "price"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "01", "1.", "+1", "ten"])
def test_what_is_no_json_number_is_named_with_its_field(trading: Any, number: str) -> None:
    body = f'{{"portfolio": "alpha", "quantity": {number}, "price": 1}}'
    problem = refused(trading.client.post("/v1/trades", content=body), 422)
    assert problem["detail"] == f"quantity: not a JSON value: {number}"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"a"', b'{"price": 1,}'])
def test_what_is_no_json_object_is_refused(trading: Any, body: bytes) -> None:
    problem = refused(trading.client.post("/v1/trades", content=body), 422)
    assert problem["errors"][0]["field"] == "body"


def test_a_body_beyond_its_bound_is_not_read(trading: Any) -> None:
    body = b'{"portfolio":"' + b"x" * MAX_TRADE_BYTES + b'"}'
    problem = refused(trading.client.post("/v1/trades", content=body), 413)
    assert str(MAX_TRADE_BYTES) in problem["detail"]


def test_an_unknown_portfolio_is_refused_with_the_known_ones(trading: Any) -> None:
    problem = refused(trading.client.post("/v1/trades", json={**TRADE, "portfolio": "b"}), 404)
    assert problem["known"] == ["alpha"]


def test_an_unknown_instrument_is_refused(trading: Any) -> None:
    problem = refused(trading.client.post("/v1/trades", json={**TRADE, "instrument": "X"}), 422)
    assert "'X'" in problem["detail"]


def test_cash_of_every_currency_can_be_traded(trading: Any) -> None:
    accepted(trading.client.post("/v1/trades", json={**TRADE, "instrument": "cash:JPY"}))


def test_a_silent_broker_is_a_503_and_not_an_acceptance(trading: Any) -> None:
    trading.bus.silent = True
    response = trading.client.post("/v1/trades", json=TRADE)
    problem = refused(response, 503)
    assert "does not answer" in problem["detail"]
    assert response.headers["retry-after"] == "1"


def test_a_trade_that_is_not_confirmed_is_sent_again_under_its_id_and_counts_once(
    trading: Any,
) -> None:
    trading.bus.loses_answers = True
    problem = refused(trading.client.post("/v1/trades", json=TRADE), 503)
    assert f"send the trade again with trade_id {problem['trade_id']!r}" in problem["detail"]
    trading.bus.loses_answers = False
    again = {**TRADE, "trade_id": problem["trade_id"]}
    for _ in range(2):
        assert accepted(trading.client.post("/v1/trades", json=again)).version == 0
    assert [trade.trade_id for trade in trading.bus.sent] == [problem["trade_id"]] * 3
    assert {trade.version for trade in trading.bus.sent} == {0}


def test_a_trade_with_an_id_that_is_not_confirmed_keeps_it(trading: Any) -> None:
    trading.bus.silent = True
    problem = refused(trading.client.post("/v1/trades", json={**TRADE, "trade_id": "mine"}), 503)
    assert problem["trade_id"] == "mine"


def test_what_is_accepted_without_a_type_is_described_so(trading: Any) -> None:
    schemas = trading.client.get("/openapi.json").json()["components"]["schemas"]
    for name in ("Instrument", "CloseHistory", "Portfolio"):
        assert "type" in schemas[name]["properties"]
        assert "type" not in schemas[name]["required"]
    assert "type" in schemas["RiskSnapshot"]["required"]
