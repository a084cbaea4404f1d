"""The API is asked under its own names only, and no answer of it can be framed."""

from __future__ import annotations

from typing import Any

import pytest

from system.web.rates import RequestRates
from tests.system.serve.conftest import World


@pytest.mark.parametrize("path", ["/v1/portfolios", "/v1/health", "/docs", "/openapi.json", "/"])
def test_a_request_under_another_name_is_refused_by_every_address(world: World, path: str) -> None:
    answer = world.client.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert "evil.example" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/portfolios", "/v1/health", "/docs", "/nothing-here"])
def test_no_answer_can_be_framed_or_guessed_at(world: World, path: str) -> None:
    headers = world.client.get(path).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_defect_is_answered_with_the_headers_too(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.latest.reader().__class__, "portfolios", lambda _: 1 / 0)
    answer = world.client.get("/v1/portfolios")
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_requests_beyond_the_rate_are_refused_with_the_time_to_wait(trading: World) -> None:
    services = trading.client.app.state.services
    services.rates = RequestRates(1, 1, trading.clock)
    answers = [trading.client.get("/v1/portfolios") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["retry-after"] == "1"
    assert answers[-1].headers["content-type"] == "application/problem+json"
    trading.clock.advance_ns(1_000_000_000)
    assert trading.client.get("/v1/portfolios").status_code == 200
    assert trading.client.delete("/v1/trades/t").status_code == 404, "writing has its own rate"


def test_a_wrong_token_takes_nothing_from_the_rate_of_the_right_one(trading: World) -> None:
    services = trading.client.app.state.services
    services.rates = RequestRates(1, 1, trading.clock)
    for _ in range(5):
        answer = trading.client.get("/v1/portfolios", headers={"Authorization": "Bearer wrong"})
        assert answer.status_code == 401
    assert trading.client.get("/v1/portfolios").status_code == 200


def test_health_tells_nothing_of_the_servers_without_the_token(world: World) -> None:
    details = world.client.get("/v1/health").json()
    assert {"components", "offsets", "lag", "version"} <= details.keys()
    world.client.headers.pop("Authorization")
    assert world.client.get("/v1/health").json() == {"ok": False, "state": "stale"}


def test_health_with_a_wrong_token_is_refused(world: World) -> None:
    answer = world.client.get("/v1/health", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
