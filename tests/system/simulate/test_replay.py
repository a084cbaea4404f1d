import datetime as dt
import itertools

import pytest

from system.contracts.messages import CloseHistory, FxRate, Instrument, Mark, Tick
from system.settings import load_settings
from system.simulate.datasets import load_market
from system.simulate.errors import PathError, UnknownSeriesError, WindowError
from system.simulate.replay import MAX_TICKS_PER_DAY, Replay, ReplaySpec, replayed_market
from system.simulate.synthetic import SyntheticSpec, synthetic_market, uniform_walks

FIRST, LAST = dt.date(2020, 2, 3), dt.date(2020, 4, 30)
EASTER_MONDAY = dt.date(2020, 4, 13)


@pytest.fixture(scope="module")
def market():
    return replayed_market(load_market(load_settings().wheels_dir), currencies=("USD", "JPY"))


def spec(**changes) -> ReplaySpec:
    return ReplaySpec(**{"first_day": FIRST, "last_day": LAST, "ticks_per_day": 60, **changes})


@pytest.fixture(scope="module")
def days(market):
    return list(Replay(market, spec()).day_plans())


def test_the_demos_window_has_62_days_and_each_ends_with_its_mark(days):
    assert len(days) == 62
    assert [day.mark.date for day in days] == [day.date for day in days]


def test_the_last_value_of_each_day_is_the_real_close_bit_for_bit(market, days):
    for day in days:
        last: dict[str, float] = {}
        for slot in day.slots():
            match slot.message:
                case Tick(ticker=ticker, mid=mid):
                    last[ticker] = mid
                case FxRate(currency=currency, rate=rate):
                    last[f"fx:{currency}"] = rate
        closes = {n: s.closes[day.date] for n, s in market.series.items() if day.date in s.closes}
        assert last == closes


def test_nothing_is_sent_for_a_currency_on_a_day_without_its_rate(days):
    for day in days:
        quotes_currencies = {name for name in day.names if name.startswith("fx:")}
        assert quotes_currencies == (set() if day.date == EASTER_MONDAY else {"fx:USD", "fx:JPY"})


def test_a_day_after_a_holiday_starts_at_the_last_rate_that_was_published(market):
    replay = Replay(market, spec(first_day=EASTER_MONDAY + dt.timedelta(days=1)))
    moving = replay._moving("fx:USD", replay.days[0], 0.0)
    assert (moving.start, moving.close) == (1.0867, 1.0963)


def test_sequences_run_on_over_all_days(days):
    seen: dict[str, int] = {}
    for message in (slot.message for day in days for slot in day.slots()):
        if isinstance(message, Tick):
            assert message.sequence == seen.get(message.ticker, 0) + 1
            seen[message.ticker] = message.sequence


def test_reference_data_say_what_there_is_and_how_it_closed_before(market):
    sent = list(Replay(market, spec(history_count=40)).reference_messages())
    instruments = [m.instrument for m in sent if isinstance(m, Instrument)]
    histories = {m.series: m for m in sent if isinstance(m, CloseHistory)}
    assert set(instruments) == {*market.instruments, "USD", "JPY"}
    assert set(histories) == set(market.series)
    for name, history in histories.items():
        assert len(history.closes) == 40
        assert history.closes[-1].date < FIRST
        assert all(market.series[name].closes[p.date] == p.value for p in history.closes)
    kinds = [type(message) for message in sent]
    assert kinds == sorted(kinds, key=[Instrument, CloseHistory].index), "instruments come first"


def test_a_day_does_not_depend_on_where_the_window_begins(market, days):
    later = next(iter(Replay(market, spec(first_day=dt.date(2020, 3, 2))).day_plans()))
    same_day = next(day for day in days if day.date == later.date)
    assert later.series_index.tolist() == same_day.series_index.tolist()


def test_a_replay_repeats_with_its_seed_and_changes_with_another(market):
    def first_ticks(seed):
        plans = Replay(market, spec(seed=seed)).day_plans()
        return [slot.message for slot in itertools.islice(next(plans).slots(), 20)]

    assert first_ticks(3) == first_ticks(3)
    assert first_ticks(3) != first_ticks(4)


def test_two_ticks_per_ticker_and_day_are_possible():
    market = synthetic_market(SyntheticSpec(uniform_walks(20), dt.date(2020, 1, 1), 60))
    replay = Replay(
        market,
        ReplaySpec(
            market.days[20],
            market.days[-1],
            ticks_per_day=40,
            weights=dict.fromkeys(market.series, 1.0),
        ),
    )
    for day in replay.day_plans():
        assert [day.names.count(name) for name in day.names] == [1] * 20
        tickers = [s.message.ticker for s in day.slots() if isinstance(s.message, Tick)]
        assert all(tickers.count(name) == 2 for name in market.series)


def test_a_young_series_has_a_shorter_history(market):
    youngest = replayed_market(market, instruments=("AAPL", "MTUM"))
    replay = Replay(youngest, spec(first_day=dt.date(2014, 1, 10), last_day=dt.date(2014, 1, 31)))
    lengths = {m.series: len(m.closes) for m in replay.reference_messages() if hasattr(m, "closes")}
    assert lengths == {"AAPL": 64, "MTUM": 6}


def test_a_series_without_history_is_refused_by_name(market):
    with pytest.raises(WindowError, match="MTUM has no close before 2014-01-02"):
        Replay(market, spec(first_day=dt.date(2014, 1, 2), last_day=dt.date(2014, 1, 31)))


def test_what_the_market_does_not_have_is_refused_by_name(market):
    with pytest.raises(UnknownSeriesError, match="TSLA"):
        replayed_market(market, instruments=("AAPL", "TSLA"))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ticks_per_day": 0}, "ticks_per_day 0"),
        ({"ticks_per_day": MAX_TICKS_PER_DAY + 1}, "ticks_per_day"),
        ({"seconds_per_day": 0.0}, "seconds_per_day"),
        ({"seconds_per_day": float("nan")}, "seconds_per_day"),
        ({"seed": -1}, "seed -1"),
        ({"history_count": 0}, "history_count 0"),
        ({"history_count": 1_025}, "history_count 1025"),
    ],
)
def test_numbers_that_no_replay_has_are_refused(changes, named):
    with pytest.raises(WindowError, match=named):
        spec(**changes)


def test_a_spread_out_of_bounds_is_refused_when_its_day_is_planned(market):
    with pytest.raises(PathError, match="spread"):
        next(Replay(market, spec(spread_absolute=-1.0)).day_plans())


def test_marks_name_the_scenario(market):
    day = next(Replay(market, spec(scenario="demo")).day_plans())
    *_, last = day.slots()
    assert isinstance(last.message, Mark)
    assert last.message.scenario == "demo"
