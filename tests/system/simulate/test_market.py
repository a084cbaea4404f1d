import datetime as dt

import pytest

from system.contracts.messages import MAX_CLOSES_PER_SERIES, AssetClass, Instrument
from system.simulate.errors import UnknownSeriesError, WindowError
from system.simulate.market import CloseSeries, Market

DAYS = [dt.date(2020, 2, day) for day in (3, 4, 5, 6, 7, 10)]
HOLIDAY = DAYS[2]
SATURDAY = dt.date(2020, 2, 8)


def small_market() -> Market:
    share = Instrument(instrument="A", asset_class=AssetClass.EQUITY, currency="USD")
    rates = {day: 1.1 + i / 100 for i, day in enumerate(DAYS) if day != HOLIDAY}
    rates[SATURDAY] = 2.0
    # The currency also has a rate on a Saturday, on which no share trades.
    return Market(
        instruments={"A": share},
        currencies=("USD",),
        series={
            "A": CloseSeries("A", {day: 100.0 + i for i, day in enumerate(DAYS)}),
            "fx:USD": CloseSeries("fx:USD", dict(sorted(rates.items()))),
        },
        source="a test",
    )


def test_the_calendar_is_that_of_the_instruments():
    assert small_market().days == tuple(DAYS)


def test_without_instruments_the_calendar_is_that_of_the_currencies():
    market = small_market().restricted([], ["USD"])
    assert HOLIDAY not in market.days
    assert SATURDAY in market.days


def test_history_ends_the_day_before_and_is_as_long_as_asked():
    history = small_market().history_before("A", DAYS[4], 3)
    assert [point.date for point in history.closes] == DAYS[1:4]
    assert [point.value for point in history.closes] == [101.0, 102.0, 103.0]


def test_history_leaves_out_days_without_a_value_and_days_off_the_calendar():
    market = small_market()
    history = market.history_before("fx:USD", dt.date(2020, 2, 11), 10)
    assert [point.date for point in history.closes] == [d for d in DAYS if d != HOLIDAY]


def test_history_that_does_not_exist_is_refused_by_name():
    with pytest.raises(WindowError, match="A has no close before 2020-02-03"):
        small_market().history_before("A", DAYS[0], 3)


@pytest.mark.parametrize("count", [0, MAX_CLOSES_PER_SERIES + 1])
def test_the_length_of_history_is_bounded(count):
    with pytest.raises(WindowError, match=str(count)):
        small_market().history_before("A", DAYS[4], count)


def test_the_last_close_before_a_day_skips_days_without_one():
    market = small_market()
    assert market.last_close_before("fx:USD", DAYS[3]) == 1.11
    assert market.last_close_before("A", DAYS[0]) is None


def test_a_window_without_trading_days_says_what_there_is():
    with pytest.raises(WindowError, match="2020-02-03 to 2020-02-10"):
        small_market().days_between(dt.date(2021, 1, 1), dt.date(2021, 2, 1))


def test_what_is_not_in_the_market_is_named():
    with pytest.raises(UnknownSeriesError, match="instrument B"):
        small_market().restricted(["B"], [])
    with pytest.raises(UnknownSeriesError, match="currency JPY"):
        small_market().restricted(["A"], ["JPY"])
