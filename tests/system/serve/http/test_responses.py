"""Responses and their OpenAPI description: every reference of a route resolves."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from system.contracts.api.risk import Health, HealthState, TradeRequest
from system.serve.http.responses import answers, json_answer, json_bytes, refusals, takes
from system.store.sample_snapshots import sample_snapshot
from system.web.conditional import IMMUTABLE


def test_an_answer_is_the_contracts_json() -> None:
    snapshot = sample_snapshot()
    response = json_answer(snapshot, 202)
    assert msgspec.json.decode(response.body, type=type(snapshot)) == snapshot
    assert response.status_code == 202
    assert "cache-control" not in response.headers
    assert response.headers["content-type"] == "application/json"


def test_bytes_that_are_json_are_passed_on_unchanged() -> None:
    assert json_bytes(b'{"a":1}').body == b'{"a":1}'
    assert json_bytes(b"{}", immutable=True).headers["cache-control"] == IMMUTABLE


@pytest.mark.parametrize("refused", [(), (404, 422)])
def test_a_route_describes_its_success_and_each_refusal(refused: tuple[int, ...]) -> None:
    described = answers(TradeRequest, *refused, status=201)
    assert described["status_code"] == 201
    assert set(described["responses"]) == {201, 401, 429, *refused}
    for status in (401, *refused):
        [media_type] = described["responses"][status]["content"]
        assert media_type == "application/problem+json"


def test_a_route_with_a_dry_run_describes_both_successes() -> None:
    described = answers(TradeRequest, status=202, has_dry_run=True)["responses"]
    assert described[200] == described[202]
    assert 200 not in answers(TradeRequest, status=202)["responses"]


def test_a_route_that_answers_without_a_token_describes_both_answers() -> None:
    content = answers(Health, without_token=HealthState)["responses"][200]["content"]
    assert content["application/json"]["schema"]["anyOf"] == [
        {"$ref": "#/components/schemas/Health"},
        {"$ref": "#/components/schemas/HealthState"},
    ]


def test_every_reference_of_the_description_is_described(world: Any) -> None:
    text = world.client.get("/openapi.json").text
    schemas = msgspec.json.decode(text)["components"]["schemas"]
    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named
    assert named <= set(schemas)


def test_a_body_is_described_as_required() -> None:
    assert takes(TradeRequest)["requestBody"]["required"] is True
    assert set(refusals(404)) == {404}
