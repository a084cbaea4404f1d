"""Bodies that name a field twice are refused by every endpoint, and the field is named."""

from __future__ import annotations

import json

import pytest

from system.serve.services.bus_fake import MemoryBus
from tests.system.serve.conftest import World

POSITION = '{"instrument":"EQ000","quantity":1,"entry_price":1,"quantity":2}'
BOOK = '{"portfolio":"mine","positions":[%s]}'
BODIES = {
    "trade": (
        "/v1/trades",
        '{"portfolio":"alpha","instrument":"EQ000","quantity":1,"quantity":1000,"price":101}',
        "quantity",
    ),
    "escaped": (
        "/v1/trades",
        '{"portfolio":"alpha","instrument":"EQ000","quantity":1,"quantit\\u0079":9,"price":101}',
        "quantity",
    ),
    "same value, spaced": (
        "/v1/trades",
        '{ "portfolio":"alpha",\n"instrument":"EQ000","quantity":1,"price":101,\t"price" : 101 }',
        "price",
    ),
    "what-if": (
        "/v1/portfolios/alpha/what-if",
        '{"trades":[{"instrument":"EQ000","quantity":1},'
        '{"instrument":"EQ000","quantity":1,"quantity":2}]}',
        "trades[1].quantity",
    ),
    "scenario": (
        "/v1/portfolios/alpha/scenarios",
        '{"shocks":[{"move":-0.1,"move":-0.2}]}',
        "shocks[0].move",
    ),
    "book": (
        "/v1/portfolios",
        '{"portfolio":%s,"portfolio":%s}' % (BOOK % "", BOOK % ""),  # noqa: UP031 - braces
        "portfolio",
    ),
    "position": (
        "/v1/portfolios",
        f'{{"portfolio":{BOOK % POSITION}}}',
        "portfolio.positions[0].quantity",
    ),
    "option terms": (
        "/v1/portfolios",
        '{"portfolio":{"portfolio":"mine"},"instruments":[{"type":"instrument","instrument":"O",'
        '"asset_class":"option","currency":"USD","option":{"underlying":"EQ000","right":"put",'
        '"strike":60,"strike":70,"expiry":"2020-06-19","volatility":0.3}}]}',
        "instruments[0].option.strike",
    ),
    "split": (
        "/v1/adjustments/splits",
        '{"instrument":"EQ000","date":"2020-02-04","ratio":2,"ratio":4}',
        "ratio",
    ),
    "dividend": (
        "/v1/adjustments/dividends",
        '{"instrument":"EQ000","date":"2020-02-04","amount":2,"date":"2020-02-05"}',
        "date",
    ),
    "end of day": ("/v1/days", '{"date":"2020-02-04","date":"2020-02-05"}', "date"),
    "acknowledgement": (
        "/v1/portfolios/alpha/limits/var/acknowledge",
        '{"actor":"ann","note":"seen","actor":"bob"}',
        "actor",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_names_a_field_twice_is_refused_by_name(trading: World, name: str) -> None:
    path, body, field = BODIES[name]
    response = trading.client.post(path, content=body.encode())
    assert response.status_code == 422, response.text
    problem = response.json()
    assert [error["field"] for error in problem["errors"]] == [field]
    assert f"field {field.rpartition('.')[2]} stands twice" in problem["detail"]
    assert isinstance(trading.bus, MemoryBus)
    assert trading.bus.sent == []


def test_an_amendment_that_names_a_field_twice_is_refused(trading: World) -> None:
    body = b'{"quantity":1,"price":2,"quantity":3}'
    response = trading.client.put("/v1/trades/t", content=body)
    assert response.status_code == 422
    assert "field quantity stands twice" in response.json()["detail"]


def test_the_same_names_in_different_objects_are_no_repeats(trading: World) -> None:
    body = {"trades": [{"instrument": "EQ000", "quantity": n} for n in (1, 2)]}
    response = trading.client.post(
        "/v1/portfolios/alpha/what-if", content=json.dumps(body, indent=2).encode()
    )
    assert "twice" not in response.text


def test_a_body_nested_beyond_reason_is_refused(trading: World) -> None:
    body = b'{"portfolio":' + b"[" * 7_000 + b"]" * 7_000 + b"}"
    assert trading.client.post("/v1/trades", content=body).status_code == 422
