"""The dashboard's page may not be framed, and loads from itself alone."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from system.settings import Settings
from system.show.server import routes
from system.show.server.guards import PAGE_POLICY, middleware
from tests.system.web.asking import KNOWN_HOST, asked


def app(**chosen: object) -> ASGIApp:
    settings = Settings().model_copy(update=chosen)
    return Starlette(routes=routes.routes(), middleware=middleware(settings))


@pytest.mark.parametrize("path", ["/live/stream", "/live/health", "/"])
def test_numbers_are_not_shown_under_another_name(path: str) -> None:
    answer = asked(app(), path, ("Host", "evil.example:8501"))
    assert answer.status == 421
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_name_that_is_allowed_is_served() -> None:
    served = app(allowed_hosts=frozenset({"desk.example"}))
    address = f"/{routes.asset_url('panels.js')}"
    assert asked(served, address, ("Host", "desk.example")).status == 200


def test_the_page_loads_from_itself_alone_and_cannot_be_framed() -> None:
    answer = asked(app(), f"/{routes.asset_url('panels.js')}", KNOWN_HOST)
    assert answer.headers["content-security-policy"] == PAGE_POLICY
    assert "frame-ancestors 'none'" in PAGE_POLICY
    assert "http:" not in PAGE_POLICY
    assert "https:" not in PAGE_POLICY
