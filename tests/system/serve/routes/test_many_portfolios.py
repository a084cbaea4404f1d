"""One request over many portfolios, over fakes."""

from __future__ import annotations

from typing import Any

import pytest

from system.contracts.api.portfolios import Portfolios
from system.store.sample_snapshots import sample_snapshot
from tests.system.book.valuation.test_limits import use
from tests.system.serve.routes.test_portfolios import answer


def test_books_over_a_limit_are_one_request(world: Any) -> None:
    world.publish(
        sample_snapshot("alpha", limits=(use(0.5),)),
        sample_snapshot("beta", limits=(use(1.2),), desk="rates"),
        sample_snapshot("gamma", limits=(use(1.6),)),
    )
    path = "/v1/portfolios?level=breach&level=warning&sort=limit_used&descending=true&limit=1"
    first = answer(world, path, Portfolios)
    assert [(line.portfolio, line.level) for line in first.portfolios] == [("gamma", "breach")]
    assert (first.matched_count, first.level_counts) == (2, {"breach": 2, "ok": 1})
    [line] = answer(world, f"{path}&after={first.next}", Portfolios).portfolios
    assert (line.portfolio, line.desk, line.limit_measure) == ("beta", "rates", "var")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sort=size", "sort: "),
        ("level=ok&level=high", "level[1]: "),
        ("limit=0", "limit: "),
        ("limit=10001", "limit: "),
        ("contains=", "contains: "),
        ("base_currency=usd", "base_currency: "),
        ("after=!", "take `next` of an answer"),
    ],
)
def test_a_bad_question_about_many_books_names_the_field(world: Any, query: str, said: str) -> None:
    response = world.client.get(f"/v1/portfolios?{query}")
    assert response.status_code == 422
    assert said in response.json()["detail"]
