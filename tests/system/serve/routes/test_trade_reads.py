"""Trades are read: the open ones of a book, and how far one has come."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from system.book.state.closed_ids import ClosedTradeIds
from system.book.state.rows import ClosedTrades, PortfolioState, TradeState
from system.contracts.api.trades import TradePage, TradeStage, TradeStatus
from system.contracts.codec import encode
from system.contracts.messages import Portfolio, Rejected, RejectReason, Trade
from system.store.records import BatchCommit
from system.store.sample_snapshots import sample_snapshot
from tests.system.serve.responses import TRADE, accepted, refused


def read(world: Any, path: str, kind: type[Any]) -> Any:
    response = world.client.get(path)
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=kind)


def status(world: Any, trade_id: str = "t") -> TradeStatus:
    answer = read(world, f"/v1/trades/{trade_id}", TradeStatus)
    assert answer.trade_id == trade_id
    return answer


def refuse(world: Any, trade: Trade) -> None:
    """Let the stream keep a trade apart."""
    world.epoch += 1
    rejected = Rejected(
        topic="trades",
        partition=0,
        offset=5,
        reason=RejectReason.TIME_FAR_OFF,
        detail="far off",
        value=encode(trade).decode(),
    )
    world.history.commit(BatchCommit(world.fence, world.epoch, {}, rejected=[rejected]))


def test_a_trade_is_accepted_then_applied_in_the_snapshot_that_names_it(trading: Any) -> None:
    accepted(trading.client.post("/v1/trades", json={**TRADE, "trade_id": "t"}))
    sent = status(trading)
    assert (sent.stage, sent.pending_version, sent.snapshot_id) == (TradeStage.ACCEPTED, 0, None)
    assert (sent.portfolio, sent.quantity) == ("alpha", TRADE["quantity"])
    trading.book(trading.bus.sent[0])
    trading.publish(sample_snapshot(trade_ids=("t",)))
    applied = status(trading)
    assert (applied.stage, applied.pending_version) == (TradeStage.APPLIED, None)
    assert applied.snapshot_id == "alpha-1-0"


def test_an_amendment_is_pending_until_the_book_has_it(trading: Any) -> None:
    trading.book(Trade(trade_id="t", **TRADE))
    accepted(trading.client.put("/v1/trades/t", json={"quantity": 3.0, "price": 4.0}))
    amended = status(trading)
    assert (amended.stage, amended.version, amended.pending_version) == ("applied", 1, 1)
    assert (amended.action, amended.quantity) == ("amend", 3.0)


def test_a_rejected_trade_says_why(trading: Any) -> None:
    refuse(trading, Trade(trade_id="t", **TRADE))
    kept_apart = status(trading)
    assert kept_apart.stage is TradeStage.REJECTED
    assert kept_apart.rejected is not None
    assert (kept_apart.rejected.reason, kept_apart.rejected.detail) == ("time_far_off", "far off")
    assert kept_apart.version is None


def test_a_closed_trade_says_when(trading: Any) -> None:
    states = [TradeState(trade=Trade(trade_id="t", **TRADE), rank=0)]
    rows = ClosedTradeIds().add("alpha", states, dt.date(2020, 2, 17))
    trading.know(**{key.replace(":", "__", 1): row for key, row in rows.items()})
    closed = status(trading)
    assert (closed.stage, closed.closed_day) == (TradeStage.CLOSED, dt.date(2020, 2, 17))
    assert (closed.version, closed.quantity) == (0, None)


def test_a_trade_that_never_came_is_unknown(trading: Any) -> None:
    assert "never sent" in refused(trading.client.get("/v1/trades/t"), 404)["detail"]


def test_open_trades_are_listed_newest_first_and_paged(trading: Any) -> None:
    for rank in range(5):
        trade = Trade(trade_id=f"t{rank}", **TRADE)
        trading.know(**{f"trade__t{rank}": TradeState(trade=trade, rank=rank)})
    first = read(trading, "/v1/portfolios/alpha/trades?limit=3", TradePage)
    rest = read(trading, f"/v1/portfolios/alpha/trades?limit=3&before={first.next}", TradePage)
    assert [line.trade_id for line in (*first.trades, *rest.trades)] == [
        "t4",
        "t3",
        "t2",
        "t1",
        "t0",
    ]
    assert rest.next is None


def test_closed_trades_are_counted(trading: Any) -> None:
    closed = ClosedTrades(day=dt.date(2020, 2, 17), count=7, balances=None)
    definition = Portfolio(portfolio="alpha")
    trading.know(portfolio__alpha=PortfolioState(definition=definition, closed=closed))
    page = read(trading, "/v1/portfolios/alpha/trades", TradePage)
    assert (page.trades, page.closed_count, page.closed_day) == ((), 7, dt.date(2020, 2, 17))


@pytest.mark.parametrize(
    ("path", "status_code"), [("gamma/trades", 404), ("alpha/trades?limit=0", 422)]
)
def test_a_bad_question_about_trades_is_refused(trading: Any, path: str, status_code: int) -> None:
    refused(trading.client.get(f"/v1/portfolios/{path}"), status_code)
