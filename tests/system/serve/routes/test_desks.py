"""Contributions of positions and VaR of desks, over the state of a real fold."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from system.contracts.api.decomposition import Contributions, DeskVar
from tests.system.book.feed import holding, live, portfolio, tick
from tests.system.serve.streamed import Streamed, answered, proposed


def test_contributions_say_component_marginal_and_incremental_var(optioned: Streamed) -> None:
    answer = msgspec.json.decode(
        optioned.world.client.get("/v1/portfolios/O/contributions").content, type=Contributions
    )
    snapshot = live(optioned.feed.book.revalue(fence=1, epoch=1), "O")
    assert answer.var == snapshot.var
    assert sum(row.component_var for row in answer.rows) == pytest.approx(answer.var, rel=1e-9)
    assert sum(row.es_share or 0.0 for row in answer.rows) == pytest.approx(1.0, rel=1e-9)
    for row in answer.rows:
        assert row.marginal_var == pytest.approx(row.component_var / row.quantity)


def test_marginal_var_is_the_slope_of_the_what_if(optioned: Streamed) -> None:
    """Of options in another currency than the base, fully revalued; bought for next to nothing."""
    rows = msgspec.json.decode(
        optioned.world.client.get("/v1/portfolios/O/contributions").content, type=Contributions
    ).rows
    step = 1e-3
    for row in rows:
        answer = answered(optioned, proposed(row.instrument, step, 1e-6), name="O")
        assert answer.before.var is not None
        assert answer.after.var is not None
        slope = (answer.after.var - answer.before.var) / step
        assert slope == pytest.approx(row.marginal_var, rel=1e-6)
    assert len(rows) == 2


def test_incremental_var_is_what_a_sale_of_the_whole_position_would_save(
    streamed: Streamed,
) -> None:
    answer = msgspec.json.decode(
        streamed.world.client.get("/v1/portfolios/P/contributions").content, type=Contributions
    )
    incremental = {row.instrument: row.incremental_var for row in answer.rows}
    for name, quantity in (("A", 10.0), ("D", -1.0)):
        sold = answered(streamed, proposed(name, -quantity)).after
        assert sold.var is not None
        assert incremental[name] == pytest.approx(answer.var - sold.var, rel=1e-9)
    assert incremental["cash:USD"] == 0.0


def on_desk(streamed: Streamed, *books: Any) -> None:
    for book in books:
        streamed.take(streamed.feed.send(msgspec.structs.replace(book, desk="rates")))
    streamed.take(streamed.feed.send(*(tick("A", 102.0, hour=17.0), tick("C", 901.0, hour=17.0))))


def test_a_desk_shows_its_books_together_and_what_diversification_saves(
    streamed: Streamed,
) -> None:
    on_desk(streamed, portfolio("X", holding("A", 5.0)), portfolio("Y", holding("C", -300.0)))
    response = streamed.world.client.get("/v1/desks/rates/var")
    assert response.status_code == 200, response.text
    answer = msgspec.json.decode(response.content, type=DeskVar)
    assert [book.portfolio for book in answer.books] == ["X", "Y"]
    assert answer.base_currency == "USD"
    own = sum(book.var for book in answer.books)
    assert answer.diversification == pytest.approx(own - answer.var)
    assert sum(book.component_var for book in answer.books) == pytest.approx(answer.var)
    for book in answer.books:
        stated = live(streamed.feed.book.revalue(fence=1, epoch=1), book.portfolio)
        assert book.var == pytest.approx(stated.var)


def test_a_desk_of_books_in_two_currencies_asks_for_one(streamed: Streamed) -> None:
    euro = portfolio("Y", holding("C", 300.0), base_currency="EUR")
    on_desk(streamed, portfolio("X", holding("A", 5.0)), euro)
    refused = streamed.world.client.get("/v1/desks/rates/var")
    assert refused.status_code == 422
    assert "base_currency" in refused.json()["detail"]
    chosen = streamed.world.client.get("/v1/desks/rates/var?base_currency=GBP")
    assert chosen.status_code == 200, chosen.text
    assert chosen.json()["base_currency"] == "GBP"


def test_an_unknown_desk_is_said_to_be_unknown_with_those_there_are(streamed: Streamed) -> None:
    on_desk(streamed, portfolio("X", holding("A", 5.0)))
    refused = streamed.world.client.get("/v1/desks/equities/var")
    assert refused.status_code == 404
    assert refused.json()["known"] == ["rates"]
