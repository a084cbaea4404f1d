"""Shocks of volatility: by hand, against the integral, with spot, and what they leave alone."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.questions.shocks import ShockedPnl, shocked_pnl
from system.book.state.errors import ImpossibleShockError
from system.contracts.api.questions import Shock
from system.contracts.messages import AssetClass, Instrument, OptionRight
from tests.system.book.feed import Feed, date_of, holding, mark, opened, portfolio, rate, tick
from tests.system.book.valuation.test_options import CALL, VOL, black_scholes, optioned, short_dated
from validation.references.options import ReferenceOption, reference_option_value

SPOT, EUR_IN_USD, UNITS = 103.0, 1.12, 500.0
MARKS = (tick("B", SPOT), tick("A", 100.0), rate("USD", EUR_IN_USD))


def of_options(move: float, *, absolute: bool = False, **target: object) -> Shock:
    plain = {"move": move, "absolute": absolute, "volatility": True, **target}
    return msgspec.convert(plain, Shock)


def found(feed: Feed, *shocks: Shock) -> ShockedPnl:
    return shocked_pnl(feed.book.portfolios["O"], feed.book.market, shocks)


def marked(feed: Feed) -> Feed:
    feed.send(*MARKS)
    return feed


def gain(volatility: float, spot: float = SPOT) -> float:
    """Return what the calls gain, USD: another volatility, another spot."""
    before = black_scholes(SPOT, 0.25, 30)
    return UNITS * (black_scholes(spot, volatility, 30) - before) * EUR_IN_USD


@pytest.mark.parametrize(
    ("shocks", "volatility"),
    [
        ([of_options(0.2)], 0.30),
        ([of_options(0.05, absolute=True)], 0.30),
        ([of_options(-0.4, instrument="B")], 0.15),
        ([of_options(-0.04, absolute=True, instrument="B.CALL")], 0.21),
        ([of_options(0.1, asset_class="equity")], 0.275),
        ([of_options(1.0), of_options(-0.1, absolute=True)], 0.40),
        ([of_options(-0.1, absolute=True), of_options(1.0)], 0.30),
    ],
)
def test_volatility_moves_by_a_part_of_itself_or_by_points(
    shocks: list[Shock], volatility: float
) -> None:
    told = found(marked(optioned()), *shocks)
    assert told.unmoved == ()
    assert told.pnl == pytest.approx(gain(volatility), rel=1e-9)
    by_share = dict(zip(("B", "B.CALL"), told.by_position, strict=True))
    assert by_share["B"] == 0.0


def test_spot_volatility_and_currency_move_in_one_scenario_in_full() -> None:
    feed = marked(optioned())
    shocks = (Shock(move=-0.08, instrument="B"), of_options(0.5), Shock(move=-0.1, currency="EUR"))
    share = -300.0 * SPOT * (0.92 * 0.9 - 1.0) * EUR_IN_USD
    call = black_scholes(SPOT * 0.92, 0.375, 30) * 0.9 - black_scholes(SPOT, 0.25, 30)
    expected = share + UNITS * call * EUR_IN_USD
    told = found(feed, *shocks)
    assert told.pnl == pytest.approx(expected, rel=1e-9)
    apart = sum(found(feed, shock).pnl for shock in shocks)
    assert abs(told.pnl - apart) > 100.0
    assert found(feed, *reversed(shocks)).pnl == told.pnl


def call_and_put() -> Feed:
    terms = msgspec.structs.replace(CALL.option, right=OptionRight.PUT)
    put = msgspec.structs.replace(CALL, instrument="B.PUT", option=terms)
    feed = opened()
    feed.send(
        CALL, put, VOL, portfolio("O", holding("B.CALL", 5.0, 2.5), holding("B.PUT", -5.0, 2.5))
    )
    return marked(feed)


@given(st.floats(-0.9, 3.0), st.floats(-0.02, 0.5), st.floats(-0.6, 1.0))
@settings(max_examples=40, deadline=None)
def test_call_less_put_is_a_forward_that_no_volatility_moves(part, points, fall) -> None:
    feed = call_and_put()
    alone = found(feed, Shock(move=fall))
    shocks = (Shock(move=fall), of_options(part), of_options(abs(points), absolute=True))
    told = found(feed, *shocks)
    scale = sum(abs(outcome) for outcome in told.by_position)
    assert told.pnl == pytest.approx(alone.pnl, abs=1e-9 * (scale + 1.0))
    assert alone.pnl == pytest.approx(UNITS * SPOT * fall * EUR_IN_USD, rel=1e-9, abs=1e-6)


@given(st.floats(-0.4, 3.0), st.floats(-0.2, 0.2))
@settings(max_examples=25, deadline=None)
def test_the_pnl_is_that_of_the_integral(part: float, move: float) -> None:
    told = found(marked(optioned(quantity=5.0)), Shock(move=move), of_options(part))

    def worth(spot: float, volatility: float) -> float:
        option = ReferenceOption(
            right="call",
            spot=Decimal(spot),
            strike=Decimal(100),
            years=Decimal(30) / 365,
            rate=Decimal("0.01"),
            volatility=Decimal(volatility),
        )
        return float(reference_option_value(option))

    then = worth(SPOT * (1.0 + move), 0.25 * (1.0 + part))
    expected = UNITS * (then - worth(SPOT, 0.25)) * EUR_IN_USD
    assert told.by_position[1] == pytest.approx(expected, rel=1e-9, abs=1e-9 * UNITS * SPOT)


def test_an_option_marked_at_its_quote_moves_from_its_implied_volatility() -> None:
    feed = marked(optioned())
    feed.send(tick("B.CALL", black_scholes(SPOT, 0.37, 30)))
    told = found(feed, of_options(0.05, absolute=True))
    before = black_scholes(SPOT, 0.37, 30)
    expected = UNITS * (black_scholes(SPOT, 0.42, 30) - before) * EUR_IN_USD
    assert told.pnl == pytest.approx(expected, rel=1e-9)


def test_a_volatility_that_would_not_stay_above_zero_is_refused_by_name() -> None:
    feed = marked(optioned())
    with pytest.raises(ImpossibleShockError, match=r"volatility of B.CALL is 0\.25 and would"):
        found(feed, of_options(-0.3, absolute=True))
    with pytest.raises(ImpossibleShockError, match="would become 0"):
        found(feed, of_options(-1.0))


# -- what is not moved, said plainly ---------------------------------------------------


def test_a_book_without_options_says_that_nothing_moved() -> None:
    feed = opened()
    feed.send(portfolio("O", holding("A", 10.0)))
    told = found(marked(feed), of_options(0.2), Shock(move=-0.1))
    assert told.pnl == pytest.approx(-100.0)
    assert told.unmoved == (
        "shock 1, of every volatility, moved nothing: the book holds no options",
    )


@pytest.mark.parametrize(
    ("shock", "why"),
    [
        (of_options(0.2, instrument="A"), "the book holds no option on A"),
        (of_options(0.2, asset_class="etf"), "the book holds no option on asset class etf"),
        (Shock(move=0.2, instrument="C"), "the book holds neither C nor an option on it"),
        (Shock(move=0.2, asset_class=AssetClass.ETF), "has a price of asset class etf"),
        (Shock(move=0.2, instrument="B.CALL"), "follows from its underlying and volatility"),
        (Shock(move=0.2, asset_class=AssetClass.OPTION), "follows from its underlying"),
        (Shock(move=0.2, currency="GBP"), "nothing in the book is in GBP"),
        (Shock(move=0.2, currency="USD"), "USD is the base currency"),
    ],
)
def test_a_shock_of_what_is_not_there_moves_nothing_and_says_why(shock: Shock, why: str) -> None:
    told = found(marked(optioned()), shock)
    assert told.pnl == 0.0
    (sentence,) = told.unmoved
    assert sentence.startswith("shock 1, of ")
    assert why in sentence


@pytest.mark.parametrize("days", [0, -1])
def test_an_option_without_time_left_is_not_moved_by_volatility(days: int) -> None:
    feed = marked(optioned(instrument=expiring(days)))
    if days < 0:
        feed.fold({name: [mark(0)] for name in feed.names})
        feed.send(tick("B", SPOT, day=1))
    told = found(feed, of_options(0.2))
    assert told.pnl == 0.0
    assert "no time is left" in told.unmoved[0]


def expiring(days: int) -> Instrument:
    """Return the call with its last day today; yesterday once a day has been closed."""
    assert days in (0, -1)
    assert short_dated(0).option is not None
    assert date_of(0) == short_dated(0).option.expiry
    return short_dated(0)
