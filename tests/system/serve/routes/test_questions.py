"""Questions with a body, over fakes that hold the state of a real fold."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from system.contracts.api.pnl import PnlExplained
from system.contracts.api.questions import VarChange
from tests.system.book.feed import end_of_day, holding, live, portfolio, tick, trade
from tests.system.serve.streamed import Streamed


def pnl_of(streamed: Streamed) -> PnlExplained:
    response = streamed.world.client.get("/v1/portfolios/O/pnl")
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=PnlExplained)


def test_pnl_is_told_realised_unrealised_actual_and_by_greek(optioned: Streamed) -> None:
    before = pnl_of(optioned)
    assert (before.actual_pnl, before.options, before.options_total) == (None, (), None)
    optioned.take(optioned.feed.close(0))
    order = trade("t", "B", 100.0, 103.0, book="O", event_time_ns=0)
    fold = optioned.take(optioned.feed.send(tick("B", 104.0, day=1), order))
    snapshot, pnl = live(fold, "O"), pnl_of(optioned)
    assert (pnl.realised_pnl, pnl.unrealised_pnl) == (
        snapshot.realised_pnl,
        snapshot.unrealised_pnl,
    )
    assert pnl.actual_pnl == snapshot.daily_pnl
    assert pnl.since == snapshot.asof
    assert pnl.options == snapshot.option_pnl
    assert pnl.options_total is not None
    assert pnl.options_total.delta > 0.0
    assert pnl.other_pnl == pytest.approx(snapshot.daily_pnl - pnl.options_total.actual)
    assert pnl.hypothetical_pnl is None


def test_pnl_at_an_end_of_day_is_judged(optioned: Streamed) -> None:
    optioned.take(optioned.feed.close(0))
    fold = optioned.take(optioned.feed.close(1, tick("B", 99.0, day=1)))
    snapshot, pnl = end_of_day(fold, "O"), pnl_of(optioned)
    assert pnl.hypothetical_pnl == snapshot.hypothetical_pnl
    assert (pnl.previous_var, pnl.breach) == (snapshot.previous_var, snapshot.breach)
    assert pnl.since is None


def test_pnl_of_an_unknown_portfolio_is_a_404(streamed: Streamed) -> None:
    assert streamed.world.client.get("/v1/portfolios/nobody/pnl").status_code == 404


def change(streamed: Streamed, **query: str) -> Any:
    return streamed.world.client.get("/v1/portfolios/P/var/change", params=query)


def test_a_change_is_explained_since_the_last_close_up_to_now(streamed: Streamed) -> None:
    assert change(streamed).status_code == 404
    closed = end_of_day(streamed.take(streamed.feed.close(0)))
    own = change(streamed)
    assert (own.status_code, own.json()["title"]) == (404, "No end of day yet")
    moved = streamed.feed.send(tick("A", 90.0, day=1), trade("t", "B", 50.0, 41.0))
    newest = live(streamed.take(moved))
    answer = msgspec.json.decode(change(streamed).content, type=VarChange)
    assert (answer.from_id, answer.to_id) == (closed.snapshot_id, newest.snapshot_id)
    assert (answer.var_before, answer.steps[-1].var) == (closed.var, newest.var)
    assert {str(step.step) for step in answer.steps if step.changed} == {"positions", "prices"}
    streamed.take(streamed.feed.close(1))
    named = change(streamed, **{"from": closed.snapshot_id, "to": newest.snapshot_id})
    assert msgspec.json.decode(named.content, type=VarChange) == answer


def test_a_snapshot_that_is_not_kept_or_of_another_portfolio_is_not_explained(
    streamed: Streamed,
) -> None:
    streamed.take(streamed.feed.send(portfolio("Q", holding("C", 3.0))))
    other = live(streamed.feed.book.revalue(fence=1, epoch=streamed.feed.epoch), "Q").snapshot_id
    for name in ("nothing", other):
        response = change(streamed, **{"from": name})
        assert response.status_code == 404
        assert f"{name!r} of portfolio 'P'" in response.json()["detail"]
