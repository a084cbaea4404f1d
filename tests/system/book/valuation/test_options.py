"""Options in a book: what touches them, marks, expiry, Greeks, P&L explained, what-if, restart."""

from __future__ import annotations

import datetime as dt
import math
from statistics import NormalDist

import msgspec
import pytest

from system.book.questions.snapshot_book import SnapshotInputs
from system.book.questions.what_if import what_if
from system.book.restore import restored_market, restored_rows
from system.book.state.market import Staleness
from system.contracts.messages import (
    AssetClass,
    Instrument,
    OptionRight,
    OptionTerms,
    PositionRisk,
    RiskSnapshot,
)
from tests.system.book.feed import (
    DAY,
    Feed,
    date_of,
    end_of_day,
    history,
    holding,
    live,
    numbers,
    opened,
    portfolio,
    rate,
    reasons,
    tick,
    trade,
    walk,
)

EXPIRY = DAY + dt.timedelta(days=30)
CALL = Instrument(
    instrument="B.CALL",
    asset_class=AssetClass.OPTION,
    currency="EUR",
    multiplier=100.0,
    option=OptionTerms(
        underlying="B",
        right=OptionRight.CALL,
        strike=100.0,
        expiry=EXPIRY,
        volatility=0.25,
        rate=0.01,
        volatility_series="VOL",
    ),
)
VOL = history("VOL", walk(9, start=22.0))


def black_scholes(spot: float, volatility: float, days: int) -> float:
    """Return the call by its textbook formula, from the standard library."""
    years = days / 365
    root = volatility * math.sqrt(years)
    d1 = (math.log(spot / 100.0) + (0.01 + volatility**2 / 2) * years) / root
    cdf = NormalDist().cdf
    return spot * cdf(d1) - 100.0 * math.exp(-0.01 * years) * cdf(d1 - root)


def optioned(*others: object, quantity: float = 5.0, instrument: Instrument = CALL) -> Feed:
    """Return a feed whose portfolio holds shares of B and calls on them."""
    feed = opened()
    fold = feed.send(
        instrument,
        VOL,
        *others,
        portfolio("O", holding("B", -300.0), holding(instrument.instrument, quantity, 2.5)),
    )
    assert fold.rejected == ()
    return feed


def row_of(snapshot: RiskSnapshot, name: str = "B.CALL") -> PositionRisk:
    (found,) = (position for position in snapshot.positions if position.instrument == name)
    return found


def test_an_option_is_worth_what_its_reference_volatility_makes_it() -> None:
    snapshot = live(optioned().send(tick("B", 103.0), rate("USD", 1.12)), "O")
    row = row_of(snapshot)
    assert snapshot.not_available == ""
    assert snapshot.valuation_date == DAY
    assert row.price == pytest.approx(black_scholes(103.0, 0.25, 30), rel=1e-12)
    assert row.value == pytest.approx(5.0 * 100.0 * row.price * 1.12, rel=1e-12)
    assert row.option is not None
    assert (row.option.spot, row.option.volatility, row.option.days_to_expiry) == (103.0, 0.25, 30)
    assert row.option.moves_volatility
    assert not row.option.is_implied


def test_a_tick_of_the_underlying_touches_who_holds_the_option_alone() -> None:
    feed = opened()
    feed.send(CALL, VOL, portfolio("O", holding("B.CALL", 1.0)), portfolio("N", holding("A", 1.0)))
    fold = feed.send(tick("B", 111.0))
    assert [snapshot.portfolio for snapshot in fold.snapshots] == ["O"]


def test_greeks_stand_per_position_underlying_and_portfolio() -> None:
    snapshot = live(optioned().send(tick("B", 103.0), rate("USD", 1.12)), "O")
    row, greeks = row_of(snapshot), snapshot.greeks
    assert row.option is not None
    assert row.option.unit is not None
    assert row.option.position is not None
    assert greeks is not None
    scale = 5.0 * 100.0 * 1.12
    assert row.option.position.delta == pytest.approx(row.option.unit.delta * scale, rel=1e-12)
    assert row.option.position.vega == pytest.approx(row.option.unit.vega * scale, rel=1e-12)
    (of_b,) = greeks.underlyings
    assert of_b.underlying == "B"
    assert of_b.delta == pytest.approx(row.option.position.delta - 300.0 * 1.12, rel=1e-12)
    assert of_b.delta_cash == pytest.approx(of_b.delta * 103.0, rel=1e-12)
    assert of_b.gamma_cash == pytest.approx(row.option.position.gamma * 103.0**2 * 0.01, rel=1e-12)
    assert greeks.delta_cash == pytest.approx(of_b.delta_cash, rel=1e-12)
    assert greeks.vega == of_b.vega == row.option.position.vega
    assert greeks.theta < 0.0 < greeks.rho
    assert row.exposure == pytest.approx(row.option.position.delta * 103.0, rel=1e-12)


def test_components_add_up_and_the_approximation_shows_its_gap() -> None:
    snapshot = live(optioned().send(tick("B", 103.0), rate("USD", 1.12)), "O")
    near = snapshot.delta_gamma_vega
    assert snapshot.var is not None
    assert near is not None
    components = [position.component_var or 0.0 for position in snapshot.positions]
    assert math.fsum(components) == pytest.approx(snapshot.var, rel=1e-9)
    assert near.gap == near.var - snapshot.var
    assert near.gap != 0.0
    assert abs(near.gap) < 0.1 * abs(snapshot.var)


def test_a_book_without_options_states_nothing_about_them() -> None:
    snapshot = live(opened(holding("A", 1.0)).send(tick("A", 101.0)))
    assert (snapshot.greeks, snapshot.delta_gamma_vega, snapshot.option_pnl) == (None, None, ())
    assert all(position.option is None for position in snapshot.positions)


def test_an_option_with_a_quote_is_marked_at_it_and_its_volatility_is_implied() -> None:
    feed = optioned()
    quote = black_scholes(103.0, 0.37, 30)
    snapshot = live(feed.send(tick("B", 103.0), tick("B.CALL", quote)), "O")
    row = row_of(snapshot)
    assert row.price == quote
    assert row.option is not None
    assert row.option.is_implied
    assert row.option.volatility == pytest.approx(0.37, rel=1e-9)


def test_a_quote_that_no_volatility_gives_is_the_value_and_costs_the_book_no_var() -> None:
    feed = optioned()
    modelled = live(feed.send(tick("B", 130.0), rate("USD", 1.12)), "O")
    snapshot = live(feed.send(tick("B.CALL", 3.0)), "O")
    row, before = row_of(snapshot), row_of(modelled)
    assert snapshot.outside_model == ("B.CALL 3",)
    assert modelled.outside_model == ()
    assert snapshot.not_available == ""
    assert (row.price, before.price) == (3.0, pytest.approx(black_scholes(130.0, 0.25, 30)))
    assert snapshot.nav == pytest.approx(modelled.nav + 500.0 * (3.0 - before.price) * 1.12)
    assert row.option is not None
    assert before.option is not None
    assert row.option.is_outside_model
    assert (row.option.volatility, row.option.is_implied) == (0.25, False)
    assert row.option.unit == before.option.unit
    assert snapshot.greeks == modelled.greeks
    assert snapshot.delta_gamma_vega is not None


def test_a_quote_outside_the_model_changes_var_only_by_what_the_rate_moves() -> None:
    feed = opened()
    feed.send(CALL, VOL, portfolio("O", holding("B.CALL", 5.0, 2.5), base_currency="EUR"))
    modelled = live(feed.send(tick("B", 130.0)), "O")
    snapshot = live(feed.send(tick("B.CALL", 3.0)), "O")
    assert snapshot.outside_model == ("B.CALL 3",)
    assert modelled.var is not None
    assert snapshot.var == modelled.var
    back = live(feed.send(tick("B.CALL", 32.0, hour=16.0)), "O")
    assert back.outside_model == ()
    assert row_of(back).option.is_implied


def test_an_option_whose_volatility_has_no_history_keeps_it_and_the_row_says_so() -> None:
    feed = opened()
    feed.send(CALL, portfolio("O", holding("B.CALL", 1.0)))
    snapshot = live(feed.send(tick("B", 103.0)), "O")
    row = row_of(snapshot)
    assert snapshot.var is not None
    assert row.option is not None
    assert not row.option.moves_volatility


def test_without_a_volatility_series_volatility_is_constant_and_the_row_says_so() -> None:
    terms = msgspec.structs.replace(CALL.option, volatility_series=None)
    constant = msgspec.structs.replace(CALL, option=terms)
    moving, still = (
        live(optioned(instrument=declared).send(tick("B", 103.0)), "O")
        for declared in (CALL, constant)
    )
    row = row_of(still)
    assert row.option is not None
    assert not row.option.moves_volatility
    assert row.price == row_of(moving).price
    assert still.var != moving.var


def test_time_to_expiry_counts_from_the_day_of_the_newest_event() -> None:
    feed = optioned()
    feed.close(0, tick("B", 103.0), tick("A", 100.0))
    snapshot = live(feed.send(tick("B", 103.0, day=1)), "O")
    row = row_of(snapshot)
    assert snapshot.valuation_date == date_of(1)
    assert row.price == pytest.approx(black_scholes(103.0, 0.25, 29), rel=1e-12)


def short_dated(days: int) -> Instrument:
    terms = msgspec.structs.replace(CALL.option, expiry=date_of(days))
    return msgspec.structs.replace(CALL, option=terms)


def test_on_its_last_day_an_option_is_worth_its_intrinsic_value_in_every_scenario() -> None:
    snapshot = live(optioned(instrument=short_dated(0)).send(tick("B", 103.0)), "O")
    row = row_of(snapshot)
    assert row.price == 3.0
    assert row.option is not None
    assert row.option.days_to_expiry == 0
    assert snapshot.var is not None


def test_an_expired_option_stays_at_what_its_last_day_made_it_and_has_no_greeks() -> None:
    feed = optioned(instrument=short_dated(0))
    feed.close(0, tick("B", 104.0), rate("USD", 1.12))
    row = row_of(live(feed.send(tick("B", 90.0, day=1)), "O"))
    assert row.price == 4.0
    assert row.exposure == 0.0
    assert row.option is not None
    assert row.option.days_to_expiry == -1
    assert row.option.position is not None
    assert row.option.position.delta == 0.0
    assert row.component_var is not None


def test_an_option_whose_underlying_has_no_price_is_named_and_not_valued() -> None:
    feed = opened()
    feed.send(Instrument(instrument="X", asset_class=AssetClass.EQUITY, currency="USD"))
    fold = feed.send(
        msgspec.structs.replace(CALL, instrument="X.CALL", currency="USD", option=on_x()),
        portfolio("O", holding("X.CALL", 1.0), holding("A", 1.0)),
    )
    snapshot = live(fold, "O")
    assert snapshot.missing == ("X.CALL",)
    assert snapshot.var is None


def on_x() -> OptionTerms:
    return msgspec.structs.replace(CALL.option, underlying="X", volatility_series=None)


def test_an_option_on_something_unknown_is_refused_by_name() -> None:
    fold = opened().send(msgspec.structs.replace(CALL, option=on_x()))
    assert [str(reason) for reason in reasons(fold)] == ["unknown_instrument"]
    assert "option.underlying of B.CALL is X" in fold.rejected[0].detail


def test_a_trade_in_an_option_settles_its_premium_in_cash() -> None:
    feed = optioned(quantity=0.0)
    snapshot = live(feed.send(trade("t", "B.CALL", 2.0, 4.0, book="O")), "O")
    assert row_of(snapshot).quantity == 2.0
    assert row_of(snapshot, "cash:EUR").quantity == -800.0


# -- the day's P&L, explained -----------------------------------------------------------


def test_the_days_pnl_of_an_option_is_explained_part_by_part_and_adds_up() -> None:
    feed = optioned()
    feed.close(0, tick("B", 103.0), rate("USD", 1.12))
    snapshot = end_of_day(feed.close(1, tick("B", 104.0, day=1), rate("USD", 1.10, day=1)), "O")
    (parts,) = snapshot.option_pnl
    before, after = black_scholes(103.0, 0.25, 30), black_scholes(104.0, 0.25, 29)
    assert parts.instrument == "B.CALL"
    assert parts.actual == pytest.approx(500.0 * (after * 1.10 - before * 1.12), rel=1e-10)
    assert parts.fx == pytest.approx(500.0 * after * (1.10 - 1.12), rel=1e-10)
    assert parts.vega == 0.0
    assert parts.theta < 0.0 < parts.gamma < parts.delta
    added = (parts.delta, parts.gamma, parts.vega, parts.theta, parts.fx, parts.unexplained)
    assert math.fsum(added) == pytest.approx(parts.actual, rel=1e-12)
    assert abs(parts.unexplained) < 0.01 * abs(parts.delta)


def test_a_move_of_the_implied_volatility_is_explained_by_vega() -> None:
    feed = optioned()
    quotes = [black_scholes(103.0, 0.25, 30), black_scholes(103.0, 0.27, 30)]
    feed.close(0, tick("B", 103.0), tick("B.CALL", quotes[0]))
    snapshot = live(
        feed.send(tick("B", 103.0, day=1), tick("B.CALL", black_scholes(103.0, 0.27, 29), day=1)),
        "O",
    )
    (parts,) = snapshot.option_pnl
    assert parts.delta == parts.gamma == 0.0
    assert parts.vega > 0.0 > parts.theta
    assert abs(parts.unexplained) < 0.02 * parts.vega


# -- the same bits ----------------------------------------------------------------------


def test_a_restarted_book_states_the_same_bits() -> None:
    feed = optioned()
    feed.close(0, tick("B", 103.0), rate("USD", 1.12))
    feed.restart(dict(feed.next_offsets))
    again = feed.book.revalue(fence=1, epoch=9)
    feed_2 = optioned()
    feed_2.close(0, tick("B", 103.0), rate("USD", 1.12))
    first = feed_2.book.revalue(fence=1, epoch=9)
    assert numbers(live(again, "O")) == numbers(live(first, "O"))
    assert live(again, "O").greeks is not None


@pytest.mark.parametrize("quoted", [False, True])
def test_a_what_if_without_trades_states_the_snapshots_bits_and_with_one_the_streams(
    *, quoted: bool
) -> None:
    feed = optioned()
    feed.close(0, tick("B", 103.0), rate("USD", 1.12))
    ticks = [tick("B", 104.0, day=1)]
    if quoted:
        ticks.append(tick("B.CALL", 6.25, day=1))
    snapshot = live(feed.send(*ticks), "O")
    market = restored_market(restored_rows(feed.rows), Staleness(2**62))
    close = feed.book.portfolios["O"].state.close
    order = trade("t", "B.CALL", -3.0, 6.0, book="O")
    unmoved = what_if(snapshot, [], SnapshotInputs(market), close=close)
    assert numbers(unmoved.after) == numbers(snapshot)
    answer = what_if(snapshot, [order], SnapshotInputs(market), close=close)
    assert numbers(answer.after) == numbers(live(feed.send(order), "O"))


def test_an_expired_option_does_not_give_the_spot_of_a_living_one() -> None:
    terms = msgspec.structs.replace(CALL.option, expiry=DAY)
    over = msgspec.structs.replace(CALL, instrument="B.AGED", option=terms)
    feed = opened()
    held = portfolio("O", holding("B.AGED", 2.0, 2.5), holding("B.CALL", 5.0, 2.5))
    assert feed.send(CALL, over, VOL, held).rejected == ()
    feed.close(0, tick("B", 130.0))
    snapshot = live(feed.send(tick("B", 103.0, day=1)), "O")
    assert snapshot.greeks is not None
    [of_b] = snapshot.greeks.underlyings
    living = row_of(snapshot).option
    assert living is not None
    assert living.position is not None
    assert of_b.spot == 103.0
    assert of_b.delta_cash == living.position.delta * 103.0
