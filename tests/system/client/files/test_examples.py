"""The example files of the documentation are read as they stand, and valued by hand."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from statistics import NormalDist

import pytest

from system.book.questions.shocks import shocked_pnl
from system.client.files.portfolio_file import read_portfolio
from system.client.files.price_file import with_histories
from system.contracts.api.questions import Shock
from system.contracts.limits import LimitMeasure
from system.contracts.messages import AssetClass
from tests.system.book.feed import Feed, history, instrument, live, rate, tick, walk

EXAMPLES = Path(__file__).parents[4] / "docs" / "examples"


def test_the_example_in_csv_is_a_book() -> None:
    book = read_portfolio(EXAMPLES / "global.csv")
    assert (book.portfolio.portfolio, book.portfolio.base_currency) == ("global", "EUR")
    assert (len(book.portfolio.positions), len(book.instruments)) == (5, 3)


def test_the_example_in_json_takes_its_closes_from_the_example_of_prices() -> None:
    book = with_histories(read_portfolio(EXAMPLES / "book.json"), EXAMPLES / "prices.csv")
    assert [history.series for history in book.histories] == ["SHELL", "fx:GBP", "fx:USD"]


# -- the book of a future, a share in pence, an option in yen and a balance -----------------

USD, GBP, JPY = 1.11, 0.84, 120.5
FUTURE, SHELL, N225 = 3_300.0, 2_000.0, 23_100.0
DAYS = 130
"""Days from 2020-02-03 to 2020-06-12."""


@pytest.fixture(scope="module")
def feed() -> Feed:
    """Return a market that knows what the demo streams, and the example sent to it."""
    wanted = with_histories(
        read_portfolio(EXAMPLES / "options.csv"),
        EXAMPLES / "options-prices.csv",
        until=dt.date(2020, 1, 31),
    )
    assert [len(history.closes) for history in wanted.histories] == [1, 1, 42]
    known = (
        instrument("SP500.FUT", AssetClass.FUTURE, "USD", 50.0),
        instrument("XOM"),
        *(
            history(name, walk(seed, start=start, count=70))
            for seed, (name, start) in enumerate(
                {"SP500.FUT": 3_200.0, "XOM": 60.0, "fx:USD": 1.1, "fx:JPY": 121.0}.items()
            )
        ),
    )
    feed = Feed()
    sent = [instrument for instrument in wanted.instruments if instrument.instrument != "SP500.FUT"]
    assert feed.send(*known, *sent, *wanted.histories, wanted.portfolio).rejected == ()
    return feed


def put(spot: float, volatility: float) -> float:
    """Return the put by its textbook formula, JPY per unit."""
    years, strike, r, q = DAYS / 365, 23_000.0, -0.001, 0.018
    root = volatility * math.sqrt(years)
    d1 = (math.log(spot / strike) + (r - q + volatility**2 / 2) * years) / root
    cdf = NormalDist().cdf
    discounted = strike * math.exp(-r * years) * cdf(root - d1)
    return discounted - spot * math.exp(-q * years) * cdf(-d1)


def test_the_example_with_an_option_is_valued_by_hand(feed: Feed) -> None:
    ticks = (tick("SP500.FUT", FUTURE), tick("SHELL", SHELL), tick("N225", N225))
    rates = (rate("USD", USD), rate("GBP", GBP), rate("JPY", JPY))
    snapshot = live(feed.send(*ticks, *rates), "options")
    expected = {
        "N225.P23000": 10 * 100 * put(N225, 0.19) / JPY,
        "SHELL": 4_000 * SHELL / 100 / GBP,
        "SP500.FUT": -50 * (FUTURE - 3_240.0) / USD,
        "cash:EUR": 400_000.0,
    }
    assert {row.instrument: row.value for row in snapshot.positions} == pytest.approx(expected)
    assert snapshot.nav == pytest.approx(math.fsum(expected.values()))
    assert snapshot.not_available == ""
    assert snapshot.var is not None
    assert snapshot.proxied == ("N225=SP500.FUT", "SHELL=XOM")
    assert {limit.measure for limit in snapshot.limits} == {
        LimitMeasure.VAR,
        LimitMeasure.GROSS,
        LimitMeasure.VEGA,
    }
    assert snapshot.desk == "overlay"


def test_each_position_of_the_example_moves_as_by_hand(feed: Feed) -> None:
    shocks = (
        Shock(move=-0.08),
        Shock(move=0.25, instrument="N225", volatility=True),
        Shock(move=0.02, currency="USD"),
        Shock(move=-0.03, currency="GBP"),
        Shock(move=0.05, currency="JPY"),
    )
    held = feed.book.portfolios["options"]
    shocked = shocked_pnl(held, feed.book.market, shocks)
    names = held.marked().shape.holdings.instrument_ids
    option = put(N225 * 0.92, 0.19 * 1.25) * 1.05 - put(N225, 0.19)
    then, now = FUTURE * 0.92 - 3_240.0, FUTURE - 3_240.0
    expected = {
        "N225.P23000": 10 * 100 * option / JPY,
        "SHELL": 4_000 * SHELL / 100 * (0.92 * 0.97 - 1) / GBP,
        "SP500.FUT": -50 * (then * 1.02 - now) / USD,
        "cash:EUR": 0.0,
    }
    by_position = dict(zip(names, shocked.by_position.tolist(), strict=True))
    assert by_position == pytest.approx(expected, rel=1e-9)
    assert shocked.unmoved == ()
