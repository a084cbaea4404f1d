"""The API is asked under its own names only, and no answer of it can be framed."""

from __future__ import annotations

from typing import Any

import pytest

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
