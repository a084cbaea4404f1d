"""Questions with a body, over fakes that hold the state of a real fold."""

from __future__ import annotations

from typing import Any

import anyio
import msgspec
import pytest

from system.contracts.api.decomposition import Contributions, DeskVar
from system.contracts.api.pnl import PnlExplained
from system.contracts.api.questions import (
    ProposedTrade,
    ReverseStress,
    Scenario,
    VarChange,
    WhatIf,
    WhatIfRequest,
    exposure_total,
)
from system.contracts.api.risk import current_risk
from system.contracts.codec import encode
from system.serve.services import snapshot_books
from system.serve.services.catalogue import Catalogue
from system.serve.services.connections import Services
from system.serve.services.hub import SnapshotHub
from system.serve.services.snapshot_books import Recalled, SnapshotBooks
from tests.system.book.feed import (
    end_of_day,
    holding,
    instrument,
    live,
    opened,
    portfolio,
    rate,
    tick,
    trade,
)
from tests.system.book.state.test_stressed import CRISIS
from tests.system.book.valuation.test_options import optioned as optioned_feed
from tests.system.serve.streamed import Streamed

PRICED = (tick("A", 101.0), tick("B", 41.0), tick("C", 905.0), tick("D", 3010.0))
RATES = (rate("USD", 1.12), rate("GBP", 0.86))


@pytest.fixture
def streamed(world: Any) -> Streamed:
    feed = opened(holding("A", 10.0), holding("D", -1.0), holding("cash:USD", 500_000.0))
    started = Streamed(world, feed)
    started.take(feed.send(*PRICED, *RATES))
    return started


def asked(streamed: Streamed, *trades: ProposedTrade, name: str = "P") -> Any:
    body = encode(WhatIfRequest(trades=trades))
    return streamed.world.client.post(f"/v1/portfolios/{name}/what-if", content=body)


def answered(streamed: Streamed, *trades: ProposedTrade, name: str = "P") -> WhatIf:
    response = asked(streamed, *trades, name=name)
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=WhatIf)


def proposed(name: str, quantity: float, price: float | None = None) -> ProposedTrade:
    return ProposedTrade(instrument=name, quantity=quantity, price=price)


def figures(risk: Any) -> tuple[Any, ...]:
    return risk.var, risk.expected_shortfall, risk.nav, risk.inputs_hash, risk.tail


def test_without_trades_before_and_after_are_the_newest_snapshot(streamed: Streamed) -> None:
    snapshot = current_risk(live(streamed.feed.book.revalue(fence=1, epoch=1)))
    answer = answered(streamed)
    assert figures(answer.before) == figures(answer.after) == figures(snapshot)
    assert (answer.change.var, answer.change.gross) == (0.0, 0.0)


def test_the_number_is_the_one_that_the_stream_states_after_the_trade(streamed: Streamed) -> None:
    answer = answered(streamed, proposed("B", 25.0, 41.5), proposed("A", -4.0))
    really = live(
        streamed.take(streamed.feed.send(trade("t", "B", 25.0, 41.5), trade("u", "A", -4.0, 101.0)))
    )
    assert figures(answer.after) == figures(current_risk(really))
    assert answer.after.var_fraction == really.var_fraction
    assert answer.positions == really.positions
    assert answer.change.gross == exposure_total(really, "gross") - exposure_total(
        answer.before, "gross"
    )


def test_a_question_changes_nothing_and_sends_nothing(streamed: Streamed) -> None:
    first = answered(streamed)
    answered(streamed, proposed("B", 1_000.0))
    assert answered(streamed) == first
    assert streamed.world.bus.sent == []


def test_within_a_day_postgresql_is_asked_once_and_again_after_a_close(
    streamed: Streamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    state_values = streamed.world.history.state_values

    def recorded(keys: Any) -> Any:
        read.extend(keys)
        return state_values(keys)

    monkeypatch.setattr(streamed.world.history, "state_values", recorded)
    streamed.take(streamed.feed.close(0))
    streamed.take(streamed.feed.send(tick("A", 107.0, day=1)))
    first = answered(streamed, proposed("A", 5.0))
    assert "portfolio:P" in read
    read.clear()
    streamed.take(streamed.feed.send(tick("A", 108.0, day=1, hour=16.0)))
    second = answered(streamed, proposed("A", 5.0))
    assert read == []
    assert second.before.daily_pnl == pytest.approx(first.before.daily_pnl + 10.0)
    streamed.take(streamed.feed.close(1))
    snapshot = live(streamed.take(streamed.feed.send(tick("A", 90.0, day=2))))
    third = answered(streamed)
    assert "portfolio:P" in read
    assert figures(third.before) == figures(current_risk(snapshot))
    assert third.before.daily_pnl == snapshot.daily_pnl


def test_what_is_not_held_is_priced_at_its_newest_quote(streamed: Streamed) -> None:
    streamed.take(streamed.feed.send(tick("B", 47.0, hour=16.0)))
    trades = answered(streamed, proposed("B", 1.0), proposed("cash:EUR", 5.0)).trades
    assert [trade.price for trade in trades] == [47.0, 1.12]


def test_a_rate_that_is_not_held_is_as_stale_as_in_the_stream(world: Any) -> None:
    """Also behind a partition that nobody had written to when the API first read them."""
    feed = opened(holding("A", 10.0))
    started = Streamed(world, feed)
    started.take(feed.send(rate("USD", 1.12), rate("GBP", 0.86)))
    started.take(feed.book.revalue(fence=1, epoch=feed.epoch))
    assert answered(started, proposed("B", 5.0)).after.stale == ("A", "B")
    started.take(feed.send(*(tick(name, 41.0, hour=20.0) for name in "ABC")))
    asked_before = answered(started, proposed("B", 5.0)).after.stale
    really = live(started.take(feed.send(trade("t1", "B", 5.0, 41.0)))).stale
    assert asked_before == really == ("fx:USD",)


def test_a_question_right_after_a_close_waits_for_the_closes(
    streamed: Streamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(streamed)
    streamed.take(streamed.feed.close(0), durable=False)
    sleep = snapshot_books.anyio.sleep

    async def catching_up(seconds: float) -> None:
        if seconds:
            streamed.catch_up()
        await sleep(0)

    monkeypatch.setattr(snapshot_books.anyio, "sleep", catching_up)
    snapshot = live(streamed.feed.book.revalue(fence=1, epoch=9))
    assert answered(streamed).after.inputs_hash == snapshot.inputs_hash


def test_a_question_that_waits_for_a_commit_holds_up_no_other(streamed: Streamed) -> None:
    answered(streamed)
    world = streamed.world
    stored = live(streamed.take(streamed.feed.send(tick("A", 103.0, hour=16.0)))).snapshot_id
    streamed.take(streamed.feed.close(0), durable=False)
    reader = world.latest.reader()
    services = Services(reader, world.history, world.bus, SnapshotHub(reader), "t")
    desk = SnapshotBooks(services, Catalogue(services))
    order: list[str] = []

    async def ask(name: str, at: str | None) -> None:
        await desk.ask("P", (), lambda recalled: recalled.snapshot.snapshot_id, at=at)
        order.append(name)
        streamed.catch_up()

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, "new day", None)
            await anyio.sleep(0)
            tasks.start_soon(ask, "old day", stored)

    anyio.run(both)
    assert order == ["old day", "new day"]


def test_closes_that_stay_away_are_said_to_be_missing(
    streamed: Streamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_books, "COMMIT_BOUND_S", 0.0)
    streamed.take(streamed.feed.close(0), durable=False)
    response = asked(streamed)
    assert response.status_code == 503
    assert "cannot be made anew" in response.json()["detail"]


@pytest.fixture
def optioned(world: Any) -> Streamed:
    feed = optioned_feed(*CRISIS)
    started = Streamed(world, feed)
    started.take(feed.send(*PRICED, *RATES, tick("B", 103.0, hour=15.5)))
    return started


def test_a_book_with_options_and_stressed_windows_is_made_anew_to_the_bit(
    optioned: Streamed,
) -> None:
    snapshot = live(optioned.feed.book.revalue(fence=1, epoch=1), "O")
    assert snapshot.stressed[0].var is not None
    answer = answered(optioned, name="O")
    assert figures(answer.after) == figures(current_risk(snapshot))
    assert answer.after.stressed == snapshot.stressed
    assert answer.after.greeks == snapshot.greeks


def test_a_trade_in_an_option_has_the_number_that_the_stream_states_after_it(
    optioned: Streamed,
) -> None:
    answer = answered(optioned, proposed("B.CALL", -3.0, 0.4), name="O")
    really = live(optioned.take(optioned.feed.send(trade("t", "B.CALL", -3.0, 0.4, book="O"))), "O")
    assert figures(answer.after) == figures(current_risk(really))
    assert answer.after.delta_gamma_vega == really.delta_gamma_vega


@pytest.mark.parametrize("price", [0.5, None])
def test_an_option_that_is_not_held_is_valued_at_its_underlyings_newest_quote(
    optioned: Streamed, price: float | None
) -> None:
    empty = portfolio("N", holding("A", 1.0))
    optioned.take(optioned.feed.send(empty))
    answer = answered(optioned, proposed("B.CALL", 2.0, price), name="N")
    paid = answer.trades[0].price
    really = live(optioned.take(optioned.feed.send(trade("t", "B.CALL", 2.0, paid, book="N"))), "N")
    assert figures(answer.after) == figures(current_risk(really))
    assert price is None or paid == price


def test_only_a_what_if_for_a_small_book_without_options_keeps_the_event_loop(
    optioned: Streamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    optioned.take(optioned.feed.send(portfolio("N", holding("A", 1.0))))
    threaded: list[str] = []
    run_sync = anyio.to_thread.run_sync

    async def watched(work: Any, *arguments: Any, **named: Any) -> Any:
        threaded.extend(
            argument.snapshot.portfolio for argument in arguments if isinstance(argument, Recalled)
        )
        return await run_sync(work, *arguments, **named)

    monkeypatch.setattr(anyio.to_thread, "run_sync", watched)
    answered(optioned, name="N")
    assert threaded == []
    answered(optioned, name="O")
    assert threaded == ["O"]
    monkeypatch.setattr(snapshot_books, "PROMPT_POSITIONS_MAX", 0)
    answered(optioned, name="N")
    assert threaded == ["O", "N"]


def test_each_portfolio_is_answered_from_its_own_book(streamed: Streamed) -> None:
    answered(streamed)
    other = portfolio("Q", holding("C", 3.0), holding("E", -200.0), base_currency="GBP")
    really = live(streamed.take(streamed.feed.send(other)), "Q")
    assert figures(answered(streamed, name="Q").after) == figures(current_risk(really))


@pytest.mark.parametrize(
    ("trades", "status", "named"),
    [
        ([{"instrument": "A", "quantity": 0}], 422, "trades[0].quantity"),
        ([{"instrument": "X", "quantity": 1}], 422, "trades[0].price"),
        ([{"instrument": "nothing", "quantity": 1}], 422, "'nothing' has no reference data"),
        ([{"instrument": "A", "quantity": 1, "price": -1}], 422, "trades[0].price"),
        ([{"instrument": "A", "quantity": 1, "pric": 1}], 422, "pric"),
        ([{"instrument": "A", "quantity": 1}] * 101, 422, "trades"),
    ],
)
def test_what_is_wrong_is_named(
    streamed: Streamed, trades: list[Any], status: int, named: str
) -> None:
    streamed.take(streamed.feed.send(instrument("X")))
    body = msgspec.json.encode({"trades": trades})
    response = streamed.world.client.post("/v1/portfolios/P/what-if", content=body)
    assert (response.status_code, named in response.json()["detail"]) == (status, True)


def test_an_unknown_portfolio_is_a_404_that_lists_the_known_ones(streamed: Streamed) -> None:
    response = asked(streamed, name="nobody")
    assert response.status_code == 404
    assert response.json()["known"] == ["P"]


# -- P&L -------------------------------------------------------------------


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


# -- scenarios -------------------------------------------------------------


def scenario(streamed: Streamed, **plain: Any) -> Any:
    body = msgspec.json.encode(plain)
    return streamed.world.client.post("/v1/portfolios/P/scenarios", content=body)


def test_a_scenario_revalues_the_newest_snapshot(streamed: Streamed) -> None:
    response = scenario(streamed, shocks=[{"move": -0.1}])
    answer = msgspec.json.decode(response.content, type=Scenario)
    rows = {row.instrument: row.pnl for row in answer.rows}
    assert rows == pytest.approx({"A": -101.0, "D": 0.1 * 50 * 3010, "cash:USD": 0.0})
    assert [row.instrument for row in answer.rows] == ["A", "cash:USD", "D"]
    assert answer.pnl == pytest.approx(sum(rows.values()))
    assert answer.pnl_fraction == pytest.approx(answer.pnl / answer.nav)


def test_a_shock_of_volatility_says_plainly_that_a_book_without_options_did_not_move(
    streamed: Streamed,
) -> None:
    response = scenario(streamed, shocks=[{"move": 0.2, "volatility": True}])
    answer = msgspec.json.decode(response.content, type=Scenario)
    assert answer.pnl == 0.0
    assert answer.unmoved == (
        "shock 1, of every volatility, moved nothing: the book holds no options",
    )


def test_a_day_of_the_window_loses_what_the_tail_says(streamed: Streamed) -> None:
    snapshot = live(streamed.feed.book.revalue(fence=1, epoch=1))
    worst = snapshot.tail[0]
    answer = msgspec.json.decode(scenario(streamed, day=worst.date).content, type=Scenario)
    assert answer.pnl == pytest.approx(worst.pnl, rel=1e-9)
    assert answer.var_multiple == pytest.approx(-worst.pnl / snapshot.var)
    assert answer.day == worst.date


@pytest.mark.parametrize(
    ("plain", "named"),
    [
        ({"shocks": [{"move": -1}]}, "would become 0"),
        ({"day": "1999-01-04"}, "no moves of the whole book on 1999-01-04"),
        ({}, "either shocks, or a day"),
        ({"shocks": [{"move": 1, "instrument": "A", "currency": "USD"}]}, "not A and USD"),
        ({"shocks": [{"move": 1, "instrument": "nothing"}]}, "no reference data"),
        ({"shocks": [{"move": 1, "currency": "USD", "volatility": True}]}, "of currency USD"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused_with_the_reason(
    streamed: Streamed, plain: Any, named: str
) -> None:
    response = scenario(streamed, **plain)
    assert (response.status_code, named in response.json()["detail"]) == (422, True)


def test_a_reverse_stress_finds_the_move_that_loses_as_much(streamed: Streamed) -> None:
    response = streamed.world.client.get("/v1/portfolios/P/reverse-stress?loss=1000")
    answer = msgspec.json.decode(response.content, type=ReverseStress)
    assert answer.move == pytest.approx(1_000.0 / (50 * 3010 - 1010))
    assert answer.pnl == pytest.approx(-1_000.0)
    response = streamed.world.client.get("/v1/portfolios/P/reverse-stress?loss=-1")
    assert response.status_code == 422


# -- change explained ------------------------------------------------------


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


# -- VaR taken apart --------------------------------------------------------------------


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
