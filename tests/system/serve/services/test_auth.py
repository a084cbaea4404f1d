"""The bearer token: asked for by every route but health and the documentation."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.system.serve.conftest import TOKEN


@pytest.mark.parametrize(
    "sent", ["", "Bearer", "Bearer another", f"Basic {TOKEN}", f"Bearer {TOKEN}x"]
)
def test_another_token_is_refused_and_told_how_to_send_one(world: Any, sent: str) -> None:
    response = world.client.get("/v1/portfolios", headers={"Authorization": sent})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in response.text


OPEN = {"/v1/health", "/v1/live", "/v1/ready"}
"""For monitors that hold no token: they state no number."""


def test_every_route_but_those_of_monitors_refuses_a_request_without_the_token(world: Any) -> None:
    described = world.client.get("/openapi.json").json()["paths"]
    for path, methods in described.items():
        for method in methods:
            address = re.sub(r"{\w+}", "x", path)
            response = world.client.request(method.upper(), address, {"Authorization": ""})
            assert (response.status_code == 401) == (path not in OPEN), (method, path)
