"""Cash, P&L and VaR around a statement of positions: a statement earns and loses nothing."""

from __future__ import annotations

import pytest

from system.book.questions.change import var_change
from system.book.questions.what_if import what_if
from system.contracts.api.questions import ChangeStep
from system.contracts.messages import (
    OpeningPosition,
)
from tests.system.book.feed import (
    Feed,
    end_of_day,
    holding,
    live,
    opened,
    rate,
    tick,
    trade,
)
from tests.system.book.state.test_adjustments import reference, split
from tests.system.book.state.test_statements import RATES, everything, held, made, now, stated


def test_stated_cash_replaces_all_cash() -> None:
    feed = opened(holding("A", 10.0), holding("cash:GBP", 50.0))
    feed.send(rate("USD", 1.1), rate("GBP", 0.85))
    feed.send(made("t", "A", 10.0, 100.0, hour=9.0))
    feed.send(stated(holding("A", 20.0), holding("cash:EUR", 300.0, 1.1)))
    assert held(feed) == {"A": 20.0, "cash:EUR": 300.0}
    feed.close(0, tick("A", 100.0))
    feed.send(made("u", "A", -1.0, 100.0, day=1, hour=9.0))
    assert held(feed) == {"A": 19.0, "cash:EUR": 300.0, "cash:USD": 100.0}


def test_cash_of_nothing_is_stated_too() -> None:
    feed = opened(holding("A", 10.0))
    feed.send(made("t", "A", 10.0, 100.0, hour=9.0))
    feed.send(stated(holding("A", 20.0), holding("cash:USD", 0.0)))
    assert held(feed) == {"A": 20.0}


def test_cash_stated_earlier_in_the_session_is_kept_by_positions_without_any() -> None:
    feed = opened(holding("A", 10.0))
    feed.send(stated(holding("A", 20.0), holding("cash:USD", 500.0), hour=10.0))
    feed.send(made("t", "A", 1.0, 100.0, hour=11.0))
    feed.send(stated(holding("A", 25.0), hour=12.0))
    assert held(feed) == {"A": 25.0, "cash:USD": 400.0}
    feed.close(0, tick("A", 100.0))
    feed.send(made("u", "A", 1.0, 100.0, hour=9.0))
    assert held(feed) == {"A": 25.0, "cash:USD": 400.0}, "before the cash that was stated"
    feed.send(made("v", "A", 1.0, 100.0, hour=11.5))
    assert held(feed) == {"A": 25.0, "cash:USD": 300.0}


def test_a_future_restated_keeps_the_cash_that_it_has_realised() -> None:
    feed = opened(holding("D", 2.0, 3_000.0))
    feed.send(tick("D", 3_010.0), made("t", "D", -1.0, 3_020.0, hour=9.0))
    before = now(feed)
    feed.send(stated(holding("D", 1.0, 3_000.0)))
    assert held(feed) == {"D": 1.0, "cash:USD": 1_000.0}
    assert everything(feed)[1] == before.nav == 1_500.0
    feed.close(0)
    assert held(feed) == {"D": 1.0, "cash:USD": 1_000.0}
    assert now(feed).realised_pnl == 1_000.0


def test_currency_bought_before_the_moment_is_contained_and_paid_for() -> None:
    feed = opened(holding("E", 500.0, 1.1), base_currency="USD")
    feed.send(rate("USD", 1.1))
    feed.send(made("t", "E", 100.0, 1.2, hour=9.0))
    feed.send(stated(holding("E", 600.0, 1.1)))
    feed.close(0)
    assert held(feed) == {"E": 600.0, "cash:USD": pytest.approx(-120.0)}


def closed_once(*positions: OpeningPosition) -> Feed:
    feed = opened(*positions)
    feed.close(0, tick("A", 100.0), tick("D", 3_000.0))
    return feed


def test_what_a_statement_changes_is_no_pnl_and_no_breach() -> None:
    feed = closed_once(holding("A", 10.0))
    restated = live(feed.send(stated(holding("A", 1_000.0), day=1), tick("A", 101.0, day=1)))
    assert restated.nav == 101_000.0
    assert restated.daily_pnl == 10.0
    end = end_of_day(feed.close(1, tick("A", 102.0, day=1, hour=16.0)))
    assert (end.nav, end.daily_pnl, end.hypothetical_pnl) == (102_000.0, 20.0, 20.0)
    assert end.breach is False
    end = end_of_day(feed.close(2, tick("A", 101.0, day=2)))
    assert (end.daily_pnl, end.hypothetical_pnl) == (-1_000.0, -1_000.0)
    assert end.previous_var is not None
    assert end.previous_var > 1_000.0, "VaR of the positions that were stated"


def test_positions_that_vanish_lose_nothing() -> None:
    feed = closed_once(holding("A", 1_000.0))
    snapshot = live(feed.send(stated(day=1)))
    assert (snapshot.nav, snapshot.daily_pnl) == (0.0, 0.0)
    end = end_of_day(feed.close(1, tick("A", 100.5, day=1)))
    assert (end.nav, end.daily_pnl, end.hypothetical_pnl) == (0.0, 500.0, 500.0)
    assert end.breach is False
    assert end_of_day(feed.close(2, tick("A", 50.0, day=2))).daily_pnl == 0.0


def test_a_statement_of_what_is_held_changes_no_pnl() -> None:
    feed = closed_once(holding("A", 0.1))
    feed.send(made("t", "A", 0.2, 90.0, day=1, hour=9.0), tick("A", 101.0, day=1))
    before = now(feed)
    after = live(feed.send(stated(holding("A", 0.3, 70.0), day=1)))
    assert after.daily_pnl == pytest.approx(before.daily_pnl, rel=1e-12)
    assert after.realised_pnl == before.realised_pnl
    assert after.unrealised_pnl == pytest.approx(0.3 * 31.0), "its cost is the stated one"


def test_another_cost_of_a_future_is_no_pnl() -> None:
    feed = closed_once(holding("D", 1.0, 2_900.0))
    before = now(feed)
    after = live(feed.send(stated(holding("D", 1.0, 2_800.0), day=1)))
    assert (before.daily_pnl, after.daily_pnl) == (0.0, 0.0)
    assert after.nav == before.nav + 5_000.0


def test_a_trade_after_the_moment_is_pnl_of_the_day() -> None:
    feed = closed_once(holding("A", 10.0))
    feed.send(stated(holding("A", 500.0), day=1, hour=9.0), tick("A", 110.0, day=1))
    bought = live(feed.send(made("t", "A", 5.0, 100.0, day=1, hour=13.0)))
    assert bought.daily_pnl == 100.0 + 50.0


def test_a_question_after_a_statement_has_the_pnl_of_the_stream() -> None:
    feed = closed_once(holding("A", 10.0))
    feed.send(tick("A", 110.0, day=1), stated(holding("A", 500.0), day=1))
    snapshot, close = now(feed), feed.book.portfolios["P"].state.close
    assert snapshot.daily_pnl == 100.0
    proposed = made("t", "A", 5.0, 105.0, day=1, hour=13.0)
    asked = what_if(snapshot, [proposed], reference(feed), close=close)
    assert asked.after.daily_pnl == 125.0
    assert live(feed.send(proposed)).daily_pnl == 125.0


def test_a_change_of_var_by_a_statement_is_the_step_of_positions() -> None:
    feed = closed_once(holding("A", 10.0), holding("C", 20.0, 900.0))
    feed.send(*RATES, tick("C", 900.0, day=1))
    first = now(feed)
    feed.send(trade("t", "A", 5.0, 100.0), stated(holding("A", 40.0), day=1))
    steps = {step.step: step for step in var_change(first, now(feed), reference(feed)).steps}
    assert {name for name, step in steps.items() if step.changed} == {ChangeStep.POSITIONS}
    assert steps[ChangeStep.POSITIONS].change == now(feed).var - first.var


def test_a_split_and_its_statement_change_no_position_and_no_var() -> None:
    feed = closed_once(holding("A", 10.0))
    first = now(feed)
    feed.close(1, tick("A", 100.0, day=1), split(day=2, last=1))
    feed.send(stated(holding("A", 40.0, 25.0), day=2))
    steps = {step.step: step for step in var_change(first, now(feed), reference(feed)).steps}
    assert not steps[ChangeStep.POSITIONS].changed
    assert steps[ChangeStep.POSITIONS].change == 0.0
