"""The row of attempts in PostgreSQL: only the driver that holds the fence writes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from system.store.postgres.history import RiskHistory

pytestmark = pytest.mark.integration


@pytest.fixture
def history(database_url: str) -> Iterator[RiskHistory]:
    with RiskHistory(database_url) as opened:
        opened.migrate()
        yield opened


def test_an_attempt_is_kept_replaced_and_forgotten(history: RiskHistory) -> None:
    fence = history.acquire_fence()
    assert history.attempt() is None
    history.keep_attempt('{"drivers": 1}', fence=fence)
    history.keep_attempt('{"drivers": 2}', fence=fence)
    assert history.attempt() == '{"drivers": 2}'
    history.keep_attempt(None, fence=fence)
    assert history.attempt() is None


def test_a_superseded_driver_neither_writes_nor_forgets_it(history: RiskHistory) -> None:
    old = history.acquire_fence()
    new = history.acquire_fence()
    history.keep_attempt("new", fence=new)
    history.keep_attempt("old", fence=old)
    assert history.attempt() == "new"
    history.keep_attempt(None, fence=old)
    assert history.attempt() == "new"
    history.keep_attempt(None, fence=new)
