"""Scenarios that somebody names: each position's P&L by hand, days of history, reverse stress."""

from __future__ import annotations

import datetime as dt
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.questions.shocks import (
    HIGHEST_MOVE,
    LOWEST_MOVE,
    day_pnl,
    reverse_stress,
    shocked_pnl,
)
from system.book.state.errors import ImpossibleShockError, NoSuchDayError
from system.contracts.api.questions import ScenarioRequest, Shock
from tests.system.book.feed import (
    LAST_CLOSE,
    Feed,
    history,
    holding,
    live,
    opened,
    portfolio,
    rate,
    tick,
    walk,
)
from tests.system.book.state.test_stressed import CRISIS
from tests.system.book.valuation.test_options import black_scholes, optioned

PRICED = (tick("A", 100.0), tick("B", 40.0), tick("C", 900.0), tick("D", 3000.0))
RATES = (rate("USD", 1.1), rate("GBP", 0.88))
EUR_IN_USD, GBP_IN_USD = 1.1, 1.1 / 0.88
NAMES = ("A", "B", "C", "D", "E", "cash:USD", "cash:GBP")


def book(*positions, base_currency: str = "USD") -> Feed:
    feed = opened(*positions, base_currency=base_currency)
    feed.send(*PRICED, *RATES)
    return feed


def pnl(feed: Feed, *shocks: Shock) -> dict[str, float]:
    held = feed.book.portfolios["P"]
    shocked = shocked_pnl(held, feed.book.market, shocks)
    ids = held.marked().shape.holdings.instrument_ids
    assert shocked.pnl == math.fsum(shocked.by_position)
    return dict(zip(ids, shocked.by_position.tolist(), strict=True))


def shock(move: float, *, absolute: bool = False, **target) -> Shock:
    return msgspec.convert({"move": move, "absolute": absolute, **target}, Shock)


# -- by hand ---------------------------------------------------------------


def test_a_fall_of_everything_moves_prices_and_no_rates() -> None:
    feed = book(
        holding("A", 10.0),
        holding("B", 5.0),
        holding("C", -20.0),
        holding("D", 2.0, 2900.0),
        holding("E", 7_000.0),
        holding("cash:GBP", 300.0),
    )
    assert pnl(feed, shock(-0.1)) == pytest.approx(
        {
            "A": -0.1 * 10 * 100,
            "B": -0.1 * 5 * 40 * EUR_IN_USD,
            "C": 0.1 * 20 * 9.0 * GBP_IN_USD,
            "D": -0.1 * 2 * 50 * 3000,
            "E": 0.0,
            "cash:GBP": 0.0,
        },
        rel=1e-12,
    )


def test_a_shock_moves_what_it_names() -> None:
    feed = book(holding("A", 10.0), holding("C", 20.0), holding("D", 1.0))
    by_name = pnl(feed, shock(-0.2, instrument="A"))
    assert by_name == pytest.approx({"A": -200.0, "C": 0.0, "D": 0.0})
    by_class = pnl(feed, shock(0.5, asset_class="etf"))
    assert by_class == pytest.approx({"A": 0.0, "C": 0.5 * 20 * 9.0 * GBP_IN_USD, "D": 0.0})
    in_points = pnl(feed, shock(-25.0, absolute=True, asset_class="future"))
    assert in_points == pytest.approx({"A": 0.0, "C": 0.0, "D": -25.0 * 50})


@pytest.mark.parametrize("base_currency", ["USD", "EUR", "GBP"])
@pytest.mark.parametrize("currency", ["USD", "EUR", "GBP"])
def test_a_currency_moves_in_the_base_currency_and_no_other_does(
    base_currency: str, currency: str
) -> None:
    feed = book(
        holding("cash:USD", 1_000.0),
        holding("cash:EUR", 2_000.0),
        holding("cash:GBP", 3_000.0),
        base_currency=base_currency,
    )
    value = {"USD": 1 / 1.1, "EUR": 1.0, "GBP": 1 / 0.88}
    amount = {"USD": 1_000.0, "EUR": 2_000.0, "GBP": 3_000.0}
    moved = 0.0 if currency == base_currency else 0.03 * value[currency] / value[base_currency]
    expected = {f"cash:{currency}": 0.0 for currency in value}
    expected[f"cash:{currency}"] = amount[currency] * moved
    assert pnl(feed, shock(0.03, currency=currency)) == pytest.approx(expected, abs=1e-9)


def test_price_and_currency_move_together_as_in_one_scenario() -> None:
    feed = book(holding("B", 5.0), holding("D", 2.0, 2900.0), base_currency="GBP")
    eur, usd = 0.88, 0.88 / 1.1
    shocked = pnl(feed, shock(-0.1), shock(0.2, currency="EUR"), shock(-0.05, currency="USD"))
    before = {"B": 5 * 40 * eur, "D": 2 * 50 * (3000 - 2900) * usd}
    after = {"B": 5 * 36 * eur * 1.2, "D": 2 * 50 * (2700 - 2900) * usd * 0.95}
    assert shocked == pytest.approx({name: after[name] - before[name] for name in before})


def test_shocks_of_the_same_thing_come_one_after_the_other() -> None:
    feed = book(holding("A", 1.0))
    shocked = pnl(feed, shock(-0.5), shock(10.0, absolute=True, instrument="A"), shock(0.1))
    assert shocked == pytest.approx({"A": (100 * 0.5 + 10) * 1.1 - 100})


@pytest.mark.parametrize(
    ("move", "target", "named"),
    [
        (-1.0, {}, "price of A is 100 and would become 0"),
        (-1.5, {"currency": "EUR"}, "currency EUR"),
    ],
)
def test_what_would_not_stay_above_zero_is_refused_by_name(move, target, named) -> None:
    feed = book(holding("A", 1.0), holding("B", 1.0))
    with pytest.raises(ImpossibleShockError, match=named):
        pnl(feed, shock(move, **target))


def test_a_shock_of_two_things_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="not A and EUR"):
        shock(0.1, instrument="A", currency="EUR")


@pytest.mark.parametrize("plain", [{}, {"day": "2020-03-16", "shocks": [{"move": 1}]}])
def test_a_scenario_is_either_shocks_or_a_day(plain) -> None:
    with pytest.raises(msgspec.ValidationError, match="either shocks, or a day"):
        msgspec.convert(plain, ScenarioRequest)


# -- days of history -------------------------------------------------------

quantities = st.integers(-800, 800).filter(bool).map(lambda n: n / 8)
books = st.dictionaries(st.sampled_from(NAMES), quantities, min_size=1, max_size=6)


@given(books, st.sampled_from(["USD", "EUR", "GBP"]))
@settings(max_examples=40, deadline=None)
def test_a_day_of_the_window_is_the_scenario_of_that_day(held, base_currency: str) -> None:
    positions = [holding(name, quantity) for name, quantity in held.items()]
    feed = book(*positions, base_currency=base_currency)
    snapshot = live(feed.book.revalue(fence=1, epoch=5))
    assert snapshot.tail or snapshot.not_available
    portfolio, market = feed.book.portfolios["P"], feed.book.market
    for scenario in snapshot.tail:
        shocked = day_pnl(portfolio, market, scenario.date)
        scale = math.fsum(abs(row.exposure) for row in snapshot.positions)
        assert shocked.pnl == pytest.approx(scenario.pnl, rel=1e-9, abs=1e-12 * scale)
        assert shocked.days is not None
        assert shocked.days[1] == scenario.date


def test_a_day_without_closes_is_refused_with_the_last_one_before() -> None:
    feed = book(holding("A", 1.0))
    after = LAST_CLOSE.replace(year=2021)
    with pytest.raises(NoSuchDayError, match=f"{after}.* on {LAST_CLOSE}"):
        day_pnl(feed.book.portfolios["P"], feed.book.market, after)
    with pytest.raises(NoSuchDayError, match="no moves of the whole book on 1999"):
        day_pnl(feed.book.portfolios["P"], feed.book.market, after.replace(year=1999))


# -- reverse stress --------------------------------------------------------


def test_the_smallest_move_of_a_long_book_is_down_and_of_a_short_one_up() -> None:
    long = book(holding("A", 10.0), holding("D", 1.0, 2900.0))
    stress = reverse_stress(long.book.portfolios["P"], long.book.market, 7_550.0)
    exposure = 10 * 100 + 50 * 3000
    assert stress.move == pytest.approx(-7_550.0 / exposure, rel=1e-8)
    assert stress.scenario is not None
    assert stress.scenario.pnl == pytest.approx(-7_550.0, rel=1e-8)
    short = book(holding("A", -10.0))
    stress = reverse_stress(short.book.portfolios["P"], short.book.market, 250.0)
    assert stress.move == pytest.approx(0.25, rel=1e-8)


@pytest.mark.parametrize(
    ("shares", "calls", "loss"),
    [
        (-300.0, 5.0, 20.0),  # gains far away, loses in between
        (330.0, -5.0, 400.0),  # loses both ways
        (350.0, -5.0, 3_000.0),
    ],
)
def test_the_smallest_move_of_a_curved_book_is_that_of_a_dense_scan(
    shares: float, calls: float, loss: float
) -> None:
    feed = optioned()
    feed.send(portfolio("S", holding("B", shares), holding("B.CALL", calls, 2.5)))
    feed.send(tick("B", 103.0), rate("USD", 1.12))

    def pnl(move: float) -> float:
        option = black_scholes(103.0 * (1 + move), 0.25, 30) - black_scholes(103.0, 0.25, 30)
        return (shares * 103.0 * move + calls * 100.0 * option) * 1.12

    scan = [step * 1e-5 for step in range(-90_000, 100_001)]
    smallest = min((move for move in scan if pnl(move) <= -loss), key=abs)
    stress = reverse_stress(feed.book.portfolios["S"], feed.book.market, loss)
    assert stress.move == pytest.approx(smallest, abs=1.1e-5)
    assert stress.scenario is not None
    assert stress.scenario.pnl == pytest.approx(-loss, rel=1e-6)


def test_a_loss_that_no_move_brings_is_said_to_be_out_of_reach() -> None:
    feed = book(holding("A", 10.0), holding("cash:EUR", 10.0))
    stress = reverse_stress(feed.book.portfolios["P"], feed.book.market, 5_000.0)
    assert (stress.move, stress.scenario) == (None, None)
    assert stress.worst_move == pytest.approx(LOWEST_MOVE)
    assert stress.worst_pnl == pytest.approx(1_000.0 * LOWEST_MOVE)


@given(books, st.integers(1, 400_000).map(float))
@settings(max_examples=30, deadline=None)
def test_a_reverse_stress_loses_what_was_asked_and_hardly_less_moves_less(held, loss) -> None:
    feed = book(*(holding(name, quantity) for name, quantity in held.items()))
    portfolio, market = feed.book.portfolios["P"], feed.book.market
    stress = reverse_stress(portfolio, market, loss)
    if stress.move is None:
        assert stress.worst_pnl > -loss
        return
    assert LOWEST_MOVE <= stress.move <= HIGHEST_MOVE
    assert stress.scenario is not None
    assert stress.scenario.pnl <= -loss * (1 - 1e-9)
    nearer = shocked_pnl(portfolio, market, [shock(stress.move * (1 - 1e-6))])
    assert nearer.pnl > -loss
    assert shocked_pnl(portfolio, market, [shock(stress.move)]).pnl == pytest.approx(
        stress.scenario.pnl, rel=1e-9
    )


def test_history_needs_every_series_of_the_book() -> None:
    feed = opened(holding("A", 1.0))
    feed.send(history("fx:JPY", walk(9, start=120.0, count=3)))
    feed.send(*PRICED)
    shocked = day_pnl(feed.book.portfolios["P"], feed.book.market, LAST_CLOSE)
    assert shocked.days is not None


# -- options ----------------------------------------------------------------------------


def test_options_are_revalued_and_their_volatility_is_left_by_shocks_of_prices() -> None:
    feed = optioned()
    feed.send(tick("B", 103.0), rate("USD", 1.12))
    book = feed.book.portfolios["O"]
    shocked = shocked_pnl(book, feed.book.market, [Shock(instrument="B", move=0.10)])
    call = black_scholes(113.3, 0.25, 30) - black_scholes(103.0, 0.25, 30)
    expected = (-300.0 * 10.3 + 500.0 * call) * 1.12
    assert shocked.pnl == pytest.approx(expected, rel=1e-9)
    everything = shocked_pnl(book, feed.book.market, [Shock(move=0.10)])
    assert everything.pnl == shocked.pnl


def test_a_day_of_a_stressed_window_moves_todays_book() -> None:
    feed = optioned(*CRISIS)
    feed.send(tick("B", 103.0), rate("USD", 1.12))
    closes, rates = ({close.date: close.value for close in series.closes} for series in CRISIS[1:])
    day = dt.date(2008, 9, 15)
    before = day - dt.timedelta(days=1)
    move, fx = closes[day] / closes[before], rates[day] / rates[before]
    call = 500.0 * black_scholes(103.0 * move, 0.25, 30) * fx - 500.0 * black_scholes(103, 0.25, 30)
    share = -300.0 * 103.0 * (move * fx - 1.0)
    shocked = day_pnl(feed.book.portfolios["O"], feed.book.market, day)
    assert shocked.pnl == pytest.approx((call + share) * 1.12, rel=1e-9)
    assert shocked.days == (before, day)
