"""A snapshot: what counts in NAV, in which currency, against which cost; what is missing."""

from __future__ import annotations

import datetime as dt
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.state.rows import PORTFOLIO_PREFIX, PortfolioState
from system.book.valuation.snapshot import DayResult
from system.contracts.codec import encode
from system.contracts.messages import AssetClass, PositionRisk, RejectReason, RiskSnapshot
from tests.system.book.feed import (
    DAY,
    LAST_CLOSE,
    MARKET,
    WINDOW,
    Feed,
    date_of,
    end_of_day,
    history,
    holding,
    instrument,
    live,
    opened,
    portfolio,
    rate,
    tick,
    trade,
    walk,
)

USD, GBP = 1.25, 0.8
PRICED = (
    tick("A", 100.0),
    tick("B", 40.0),
    tick("C", 500.0),
    tick("D", 3000.0),
    rate("USD", USD),
    rate("GBP", GBP),
)


def priced(*positions, base_currency: str = "USD") -> tuple[Feed, RiskSnapshot]:
    """Return a feed at known prices, and its portfolio's snapshot."""
    feed = opened(*positions, base_currency=base_currency)
    feed.send(*PRICED)
    return feed, live(feed.book.revalue(fence=1, epoch=99))


def row(snapshot: RiskSnapshot, name: str) -> PositionRisk:
    (found,) = (position for position in snapshot.positions if position.instrument == name)
    return found


# -- value, exposure, P&L ------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "value", "exposure", "unrealised", "price", "cost"),
    [
        (holding("A", 10.0, 90.0), 1000.0, 1000.0, 100.0, 100.0, 90.0),
        (holding("A", -10.0, 90.0), -1000.0, -1000.0, -100.0, 100.0, 90.0),
        (holding("B", 10.0, 50.0), 500.0, 500.0, -125.0, 40.0, 50.0),
        (holding("C", 100.0, 400.0), 781.25, 781.25, 156.25, 500.0, 400.0),
        (holding("D", -2.0, 2990.0), -1000.0, -300_000.0, -1000.0, 3000.0, 2990.0),
        (holding("E", 100.0, 1.2), 125.0, 125.0, 5.0, 1.25, 1.2),
        (holding("cash:GBP", 100.0, 9.9), 156.25, 156.25, 0.0, 1.5625, 1.5625),
        (holding("cash:GBp", 10_000.0, 9.9), 156.25, 156.25, 0.0, 0.015625, 0.015625),
        (holding("cash:USD", -7.0, 9.9), -7.0, -7.0, 0.0, 1.0, 1.0),
    ],
    ids=["long", "short", "euro", "pence", "future", "fx", "pounds", "cash-pence", "base"],
)
def test_a_position_is_worth_what_its_kind_is_worth(
    position, value: float, exposure: float, unrealised: float, price: float, cost: float
) -> None:
    _, snapshot = priced(position)
    (found,) = snapshot.positions
    assert found.value == pytest.approx(value, rel=1e-15)
    assert found.exposure == pytest.approx(exposure, rel=1e-15)
    assert found.unrealised_pnl == pytest.approx(unrealised, rel=1e-13, abs=1e-15)
    assert (found.price, found.average_cost) == (price, cost)
    assert snapshot.nav == snapshot.value == found.value
    assert snapshot.unrealised_pnl == found.unrealised_pnl


def test_a_rate_between_two_currencies_goes_over_the_euro() -> None:
    _, snapshot = priced(holding("A", 8.0), base_currency="GBP")
    assert snapshot.nav == 8.0 * 100.0 * (GBP / USD)


def test_the_base_currency_needs_no_rate() -> None:
    feed = Feed()
    fold = feed.send(instrument("A"), history("A", walk(1)), portfolio("P", holding("A", 1.0)))
    assert live(fold).not_available == ""
    assert live(feed.send(tick("A", 100.0))).nav == 100.0


def test_classes_have_their_own_long_short_gross_and_net() -> None:
    _, snapshot = priced(holding("A", 10.0), holding("B", -20.0), holding("D", 1.0))
    by_class = {asset_class_.asset_class: asset_class_ for asset_class_ in snapshot.asset_classes}
    equity, future = by_class[AssetClass.EQUITY], by_class[AssetClass.FUTURE]
    assert (equity.long, equity.short) == (1000.0, -1000.0)
    assert (equity.gross, equity.net) == (2000.0, 0.0)
    assert (future.long, future.short, future.gross) == (150_000.0, 0.0, 150_000.0)
    assert list(by_class) == sorted(by_class)


def test_realised_pnl_is_in_base_currency_at_the_present_rate() -> None:
    feed, _ = priced(holding("B", 10.0, 30.0))
    snapshot = live(feed.send(trade("t", "B", -10.0, 40.0)))
    assert snapshot.realised_pnl == 125.0
    assert [position.instrument for position in snapshot.positions] == ["cash:EUR"]
    moved = live(feed.send(rate("USD", 1.5, hour=16.0)))
    assert moved.realised_pnl == 150.0


def test_realised_pnl_stands_with_the_position_that_is_left() -> None:
    feed, _ = priced(holding("A", 10.0, 90.0))
    snapshot = live(feed.send(trade("t", "A", -4.0, 95.0)))
    assert row(snapshot, "A").realised_pnl == 20.0
    assert row(snapshot, "A").average_cost == 90.0
    assert row(snapshot, "cash:USD").realised_pnl == 0.0


@pytest.mark.parametrize("name", ["A", "B", "C", "D", "E", "cash:GBP"])
def test_a_trade_at_the_mark_leaves_nav_as_it_was(name: str) -> None:
    held = [holding(name, 10.0, 1.0) for name in ("A", "B", "C", "D", "E", "cash:GBP")]
    feed, before = priced(*held)
    marks = {position.instrument: position.price for position in before.positions}
    after = live(feed.send(trade("t", name, -25.0, marks[name])))
    assert after.nav == pytest.approx(before.nav, rel=1e-14)
    assert row(after, name).quantity == -15.0


def test_a_trade_beside_the_mark_is_a_gain_or_a_loss_at_once() -> None:
    feed, before = priced(holding("A", 1.0))
    after = live(feed.send(trade("t", "A", 10.0, 99.0)))
    assert after.nav - before.nav == 10.0


# -- risk ------------------------------------------------------------


def test_components_add_up_and_the_conventions_are_named() -> None:
    _, snapshot = priced(holding("A", 10.0), holding("B", -5.0), holding("D", 1.0))
    parts = [position.component_var for position in snapshot.positions]
    assert math.fsum(parts) == pytest.approx(snapshot.var, rel=1e-12)
    tails = [position.component_es for position in snapshot.positions]
    assert math.fsum(tails) == pytest.approx(snapshot.expected_shortfall, rel=1e-12)
    assert snapshot.estimator == "hs/ceil/simple"
    assert (snapshot.window, snapshot.confidence) == (WINDOW, "0.8")
    assert (snapshot.scenario_count, snapshot.tail_rank) == (WINDOW, 1)
    assert snapshot.tail[-1].date == snapshot.scenario_date
    assert snapshot.tail[-1].pnl == -snapshot.var
    total = math.fsum(asset_class_.var for asset_class_ in snapshot.asset_classes)
    assert snapshot.diversification == pytest.approx(total - snapshot.var, rel=1e-12)
    assert snapshot.var_fraction == snapshot.var / snapshot.nav


def test_a_share_of_nothing_is_none() -> None:
    _, snapshot = priced(holding("cash:USD", 5.0))
    assert (snapshot.var, snapshot.expected_shortfall) == (0.0, 0.0)
    assert snapshot.positions[0].smoothed_share is None


def test_without_a_positive_nav_the_fraction_means_nothing() -> None:
    _, snapshot = priced(holding("A", 1.0), holding("cash:USD", -100.0))
    assert (snapshot.nav, snapshot.var_fraction) == (0.0, None)
    assert snapshot.var is not None


@pytest.mark.parametrize("base_currency", ["USD", "EUR", "JPY"])
def test_a_book_of_nothing_risks_nothing(base_currency: str) -> None:
    """Whatever series others have, with or without a close on the same days."""
    feed = Feed()
    feed.send(*MARKET, instrument("Z"), history("Z", []), instrument("Y"), history("Y", [1.0]))
    snapshot = live(feed.send(portfolio("P", base_currency=base_currency)))
    assert (snapshot.nav, snapshot.var, snapshot.positions) == (0.0, 0.0, ())
    assert snapshot.not_available == ""


@pytest.mark.parametrize(("confidence", "window"), [("0.999999", 5), ("0.95", 5), ("0.8", 4)])
def test_a_book_whose_tail_would_hold_less_than_one_day_is_rejected_with_the_number_needed(
    confidence: str, window: int
) -> None:
    feed = opened()
    book = portfolio("Q", holding("A", 1.0), confidence=confidence, window=window)
    (rejected,) = feed.send(book).rejected
    assert rejected.reason is RejectReason.INVALID
    assert f"{window} scenarios are too few for" in rejected.detail


def test_a_book_kept_from_before_whose_tail_holds_less_than_one_day_is_not_available() -> None:
    feed = opened(holding("A", 1.0))
    feed.close(0)
    key = f"{PORTFOLIO_PREFIX}P"
    kept = msgspec.json.decode(feed.rows[key], type=PortfolioState)
    thin = msgspec.structs.replace(kept.definition, confidence="0.99")
    feed.rows[key] = encode(msgspec.structs.replace(kept, definition=thin))
    feed.restart(feed.next_offsets)
    snapshot = live(feed.send(tick("A", 101.0, day=1)))
    assert (snapshot.var, snapshot.expected_shortfall, snapshot.tail) == (None, None, ())
    assert "5 scenarios are too few for 99 %: give at least 100" in snapshot.not_available
    assert snapshot.nav == 101.0


def test_too_few_closes_are_not_available_and_name_the_series() -> None:
    feed = opened()
    feed.send(instrument("N"), history("N", [1.0, 2.0]))
    snapshot = live(feed.send(portfolio("Q", holding("N", 1.0))), "Q")
    assert snapshot.var is None
    assert "N has the fewest (2)" in snapshot.not_available


def test_a_history_that_begins_within_the_window_is_not_available_with_its_first_close() -> None:
    feed = opened()
    feed.send(instrument("N"), history("N", [1.0, 2.0]))
    snapshot = live(feed.send(portfolio("Q", holding("N", 1.0), holding("A", 1.0))), "Q")
    assert snapshot.var is None
    first = LAST_CLOSE - dt.timedelta(days=1)
    assert f"of N (first close {first})" in snapshot.not_available
    assert all(position.component_var is None for position in snapshot.positions)
    assert all(asset_class_.var is None for asset_class_ in snapshot.asset_classes)


def test_a_suspect_rate_is_named_by_its_series_and_counted() -> None:
    feed = opened(holding("B", 1.0))
    feed.close(0, rate("USD", 1.1), tick("B", 100.0))
    wild = end_of_day(feed.close(1, rate("USD", 0.011, day=1), tick("B", 100.0, day=1)))
    back = end_of_day(feed.close(2, rate("USD", 1.1, day=2), tick("B", 100.0, day=2)))
    assert f"fx:USD {date_of(1)}" in wild.suspect
    assert {f"fx:USD {date_of(1)}", f"fx:USD {date_of(2)}"} <= set(back.suspect)


def test_suspect_moves_are_named_and_counted() -> None:
    feed = opened(holding("A", 1.0))
    snapshot = end_of_day(feed.close(0, tick("A", 40.0)))
    assert snapshot.suspect == (f"A {DAY}",)
    assert snapshot.scenario_date == DAY


# -- what is missing ------------------------------------------------------------


def test_a_price_that_never_came_is_named_and_never_made_up() -> None:
    feed = opened()
    feed.send(instrument("N"), instrument("O"), *PRICED)
    book = portfolio("Q", holding("O", 1.0), holding("A", 2.0), holding("N", 1e6))
    snapshot = live(feed.send(book), "Q")
    assert snapshot.not_available == "no price or rate yet for N, O"
    assert (snapshot.var, snapshot.daily_pnl) == (None, None)
    assert [position.instrument for position in snapshot.positions] == ["A"]
    assert snapshot.nav == 200.0


def test_a_base_currency_without_a_rate_leaves_only_what_needs_none() -> None:
    feed = Feed()
    feed.send(*MARKET)
    book = portfolio("P", holding("A", 1.0), holding("cash:CHF", 5.0), base_currency="CHF")
    snapshot = live(feed.send(book))
    assert snapshot.not_available == "no price or rate yet for A"
    assert snapshot.nav == 5.0
    assert snapshot.var is None


def test_realised_pnl_without_a_rate_is_named_too() -> None:
    feed = Feed()
    feed.send(instrument("Y", AssetClass.EQUITY, "JPY"), history("Y", walk(9)))
    feed.send(portfolio("P", holding("Y", 10.0, 90.0)))
    snapshot = live(feed.send(trade("t", "Y", -10.0, 95.0)))
    assert snapshot.not_available == "no price or rate yet for Y, cash:JPY"
    assert (snapshot.realised_pnl, snapshot.nav) == (0.0, 0.0)


# -- from day to day ------------------------------------------------------------


def test_before_the_first_close_nothing_is_compared() -> None:
    feed, snapshot = priced(holding("A", 1.0))
    assert (snapshot.daily_pnl, snapshot.previous_var) == (None, None)
    first = end_of_day(feed.close(0))
    assert (first.daily_pnl, first.hypothetical_pnl, first.breach) == (None, None, None)


def test_daily_pnl_is_that_of_the_book_and_hypothetical_that_of_the_close_before() -> None:
    feed = opened(holding("A", 10.0))
    before = end_of_day(feed.close(0, tick("A", 100.0)))
    bought = trade("t", "A", 10.0, 101.0)
    during = live(feed.send(tick("A", 103.0, day=1), bought))
    assert during.daily_pnl == 10 * 3.0 + 10 * 2.0
    assert (during.previous_var, during.hypothetical_pnl, during.breach) == (before.var, None, None)
    after = end_of_day(feed.close(1))
    assert (after.daily_pnl, after.hypothetical_pnl) == (50.0, 30.0)
    assert (after.previous_var, after.breach) == (before.var, False)
    assert live(feed.send(tick("A", 103.0, day=2))).daily_pnl == 0.0


def test_a_futures_day_is_measured_from_the_close_before() -> None:
    feed = opened(holding("D", 2.0, 2000.0))
    feed.close(0, tick("D", 3000.0))
    snapshot = end_of_day(feed.close(1, tick("D", 2990.0, day=1)))
    assert snapshot.hypothetical_pnl == snapshot.daily_pnl == -1000.0


def test_currency_moves_are_part_of_the_day() -> None:
    feed = opened(holding("B", 10.0))
    feed.close(0, tick("B", 40.0), rate("USD", 1.25))
    snapshot = end_of_day(feed.close(1, tick("B", 40.0, day=1), rate("USD", 1.5, day=1)))
    assert snapshot.hypothetical_pnl == 100.0


def test_a_position_that_is_sold_during_the_day_stays_in_its_hypothetical_pnl() -> None:
    feed = opened(holding("A", 10.0))
    feed.close(0, tick("A", 100.0))
    feed.send(trade("t", "A", -10.0, 100.0))
    snapshot = end_of_day(feed.close(1, tick("A", 90.0, day=1)))
    assert (snapshot.daily_pnl, snapshot.hypothetical_pnl) == (0.0, -100.0)


def test_a_close_at_which_a_price_was_missing_measures_no_pnl() -> None:
    """Else the whole position would be the day's gain once its price comes."""
    feed = opened()
    feed.send(instrument("N"), portfolio("Q", holding("A", 1.0), holding("N", 10.0)))
    feed.close(0, tick("A", 100.0))
    snapshot = end_of_day(feed.close(1, tick("A", 101.0, day=1), tick("N", 100.0, day=1)), "Q")
    assert snapshot.nav == 1101.0
    assert (snapshot.daily_pnl, snapshot.hypothetical_pnl, snapshot.breach) == (None, None, None)
    after = end_of_day(feed.close(2, tick("N", 101.0, day=2)), "Q")
    assert (after.daily_pnl, after.hypothetical_pnl) == (10.0, 10.0)


def test_a_loss_of_exactly_the_var_is_no_breach() -> None:
    assert DayResult(previous_var=5.0, hypothetical_pnl=-5.0).breach is False
    assert DayResult(previous_var=5.0, hypothetical_pnl=math.nextafter(-5.0, -6.0)).breach is False
    assert DayResult(previous_var=9999.999999999998, hypothetical_pnl=-10_000.0).breach is False
    assert DayResult(previous_var=10_000.0, hypothetical_pnl=-10_000.01).breach is True
    assert DayResult(previous_var=0.0, hypothetical_pnl=-0.0).breach is False
    assert DayResult(previous_var=-5.0, hypothetical_pnl=5.0).breach is False
    assert DayResult(previous_var=-5.0, hypothetical_pnl=4.0).breach is True


@pytest.mark.parametrize(("var", "pnl"), [(None, 1.0), (1.0, None), (None, None)])
def test_without_both_numbers_nobody_knows_of_a_breach(var, pnl) -> None:
    assert DayResult(previous_var=var, hypothetical_pnl=pnl).breach is None


def test_a_breach_in_the_stream_is_the_loss_of_the_positions_held_before() -> None:
    feed = opened(holding("A", 10.0))
    before = end_of_day(feed.close(0, tick("A", 100.0)))
    assert before.var is not None
    exact = 100.0 - before.var / 10.0
    feed.send(trade("t", "A", -10.0, 100.0))
    snapshot = end_of_day(feed.close(1, tick("A", exact - 1e-4, day=1)))
    assert snapshot.breach is True
    assert snapshot.previous_var == before.var


def test_a_loss_rounded_differently_from_an_equal_var_is_no_breach_across_the_wire() -> None:
    feed = opened()
    feed.send(instrument("PNY"), history("PNY", [0.02, 0.03] * 4))
    feed.send(portfolio("Q", holding("PNY", 1_000_000.0, 0.02)))
    feed.close(0, tick("PNY", 0.02))
    before = end_of_day(feed.close(1, tick("PNY", 0.03, day=1)), "Q")
    after = end_of_day(feed.close(2, tick("PNY", 0.02, day=2)), "Q")
    assert before.var is not None
    assert after.hypothetical_pnl is not None
    assert before.var != -after.hypothetical_pnl
    assert before.var == pytest.approx(-after.hypothetical_pnl, rel=1e-12)
    assert after.breach is False


# -- provenance ------------------------------------------------------------


def test_the_hash_of_the_inputs_is_that_of_what_the_numbers_follow_from() -> None:
    feed, snapshot = priced(holding("A", 1.0), holding("B", 1.0))
    again = live(feed.send(tick("A", 100.0, hour=16.0)))
    assert again.inputs_hash == snapshot.inputs_hash
    seen = {snapshot.inputs_hash}
    for message in (
        tick("A", math.nextafter(100.0, 101.0), hour=17.0),
        rate("USD", math.nextafter(USD, 2.0), hour=17.0),
        trade("t", "A", 1.0, 100.0),
    ):
        seen.add(live(feed.send(message)).inputs_hash)
    seen.add(end_of_day(feed.close(0)).inputs_hash)
    assert len(seen) == 5


def test_a_price_that_nobody_holds_is_no_input() -> None:
    feed, snapshot = priced(holding("A", 1.0))
    feed.send(tick("B", 41.0, hour=16.0), rate("GBP", 0.9, hour=16.0))
    assert live(feed.book.revalue(fence=1, epoch=5)).inputs_hash == snapshot.inputs_hash


quantities = st.integers(-1_000, 1_000).filter(bool).map(lambda n: n / 8)


@given(
    st.dictionaries(
        st.sampled_from(["A", "B", "C", "D", "E", "cash:USD", "cash:JPY", "cash:GBp"]), quantities
    ),
    st.sampled_from(["USD", "EUR", "GBP"]),
)
@settings(max_examples=60, deadline=None)
def test_every_snapshot_adds_up(book: dict[str, float], base_currency: str) -> None:
    positions = [holding(name, quantity) for name, quantity in book.items()]
    feed = opened(*positions, base_currency=base_currency)
    feed.send(history("fx:JPY", walk(8, start=120.0)), *PRICED)
    snapshot = end_of_day(feed.close(0))
    assert snapshot.not_available == ""
    assert [position.instrument for position in snapshot.positions] == sorted(book)
    assert snapshot.nav == math.fsum(position.value for position in snapshot.positions)
    assert snapshot.unrealised_pnl == math.fsum(
        position.unrealised_pnl for position in snapshot.positions
    )
    gross = math.fsum(abs(position.component_var) for position in snapshot.positions)
    total = math.fsum(position.component_var for position in snapshot.positions)
    scale = math.fsum(abs(position.exposure) for position in snapshot.positions)
    assert abs(total - snapshot.var) <= 1e-9 * gross + 1e-14 * scale
    assert snapshot.expected_shortfall >= snapshot.var - 1e-12 * scale
    exposure = math.fsum(position.exposure for position in snapshot.positions)
    net = math.fsum(asset_class_.net for asset_class_ in snapshot.asset_classes)
    assert net == pytest.approx(exposure, abs=1e-12 * scale)
    assert msgspec.json.decode(msgspec.json.encode(snapshot), type=RiskSnapshot) == snapshot


def test_no_two_snapshots_have_one_id_whatever_their_books_are_called() -> None:
    feed = Feed()
    feed.send(*MARKET, *(portfolio(name) for name in ("long", "long-eod-2020")))
    october = (dt.date(2020, 10, 12) - DAY).days
    fold = feed.close(october)
    later = feed.book.revalue(fence=10, epoch=12)
    ids = [snapshot.snapshot_id for snapshot in (*fold.snapshots, *later.snapshots)]
    assert "long-eod-2020-10-12" in ids
    assert "long-eod-2020-10.12" in ids
    assert len(set(ids)) == len(ids)
