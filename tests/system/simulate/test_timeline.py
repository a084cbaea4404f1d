import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.codec import decode_topic, encode
from system.contracts.messages import FxRate, Mark, Tick
from system.contracts.topics import FX_RATES, MARKET_DATA
from system.simulate import timeline
from system.simulate.correlation import MatrixCorrelation, equicorrelation
from system.simulate.errors import PathError
from system.simulate.timeline import DayPlan, MovingSeries, day_plan, session_ns

DAY = dt.date(2020, 3, 9)
SECOND_NS = 1_000_000_000
SERIES = (
    MovingSeries("AAPL", start=71.9, close=66.543, volatility=0.03, spread_bps=2.0),
    MovingSeries("SP500.FUT", start=2972.37, close=2746.56, volatility=0.03, weight=3.0),
    MovingSeries("fx:JPY", start=119.73, close=117.12, volatility=0.005),
)


def plan(
    *, series=SERIES, ticks=300, seconds=2.5, last=None, seed=1, date=DAY, correlation=0.3
) -> DayPlan:
    return day_plan(
        date,
        series,
        correlation=(
            equicorrelation(len(series), correlation)
            if series
            else MatrixCorrelation(np.zeros((0, 0)))
        ),
        tick_count=ticks,
        duration_ns=round(seconds * SECOND_NS),
        last_sequences=last or {},
        rng=np.random.default_rng(seed),
        scenario="test",
    )


def messages(day: DayPlan):
    return [slot.message for slot in day.slots()]


def name_of(message):
    return message.ticker if isinstance(message, Tick) else f"fx:{message.currency}"


def value_of(message):
    return message.mid if isinstance(message, Tick) else message.rate


plans = st.builds(
    plan,
    ticks=st.integers(1, 800),
    seconds=st.floats(0, 100),
    seed=st.integers(0, 1_000),
)


@given(day=plans)
def test_the_last_value_of_each_series_is_its_close_bit_for_bit(day):
    last = {name_of(m): value_of(m) for m in messages(day)[:-1]}
    assert last == {moving.name: moving.close for moving in SERIES}


@given(day=plans)
def test_messages_are_due_in_order_within_the_day_and_the_mark_comes_last(day):
    slots = list(day.slots())
    due = [slot.due_ns for slot in slots]
    assert due == sorted(due)
    assert due[0] == 0
    assert due[-1] <= day.duration_ns
    assert [isinstance(slot.message, Mark) for slot in slots] == [False] * (len(slots) - 1) + [True]


@given(day=plans)
def test_event_times_lie_in_new_yorks_session_and_before_the_mark(day):
    opened_ns, closed_ns = session_ns(DAY)
    *ticks, mark = messages(day)
    times = [message.event_time_ns for message in ticks]
    assert times == sorted(times)
    assert opened_ns <= times[0]
    assert times[-1] < mark.event_time_ns == closed_ns


@given(day=plans)
def test_every_message_passes_the_strict_codec(day):
    for message in messages(day)[:-1]:
        topic = MARKET_DATA if isinstance(message, Tick) else FX_RATES
        assert decode_topic(encode(message), topic) == message


@given(
    last=st.dictionaries(st.sampled_from([m.name for m in SERIES]), st.integers(0, 10**9)),
    ticks=st.integers(1, 300),
)
def test_sequences_grow_by_one_per_series_from_where_they_were(last, ticks):
    day = plan(ticks=ticks, last=last)
    seen: dict[str, list[int]] = {}
    for message in messages(day)[:-1]:
        seen.setdefault(name_of(message), []).append(message.sequence)
    for name, sequences in seen.items():
        first = last.get(name, 0) + 1
        assert sequences == list(range(first, first + len(sequences)))
        assert day.last_sequences()[name] == sequences[-1]


def test_sequences_run_on_over_days():
    first = plan(ticks=100)
    second = plan(ticks=100, last=first.last_sequences(), date=DAY + dt.timedelta(days=1))
    both = [m for day in (first, second) for m in messages(day)[:-1] if name_of(m) == "AAPL"]
    assert [m.sequence for m in both] == list(range(1, len(both) + 1))


@given(ticks=st.integers(1, 20_000))
def test_a_day_has_the_ticks_asked_for_and_at_least_one_per_series(ticks):
    assert plan(ticks=ticks).tick_count == max(ticks, len(SERIES))


def test_series_tick_by_their_weight():
    counts = np.bincount(plan(ticks=5_000).series_index)
    assert counts[1] == pytest.approx(3 * counts[0], abs=5)


def test_the_spread_of_a_tick_is_that_of_its_instrument():
    ticks = [m for m in messages(plan()) if isinstance(m, Tick)]
    for tick in ticks:
        spread_bps = (tick.ask - tick.bid) / tick.mid * 1e4
        assert spread_bps == pytest.approx(2.0 if tick.ticker == "AAPL" else 0.0, abs=0.01)


def test_ticks_are_even_on_the_schedule():
    due = np.array([slot.due_ns for slot in plan(ticks=1_000, seconds=2.0).slots()][:-1])
    assert np.ptp(np.diff(due)) <= 1


def test_the_same_seed_plans_the_same_day():
    assert messages(plan(seed=5)) == messages(plan(seed=5))
    assert messages(plan(seed=5)) != messages(plan(seed=6))


def test_a_day_that_is_not_paced_is_due_at_once():
    assert {slot.due_ns for slot in plan(seconds=0).slots()} == {0}


def test_a_day_on_which_nothing_moves_has_its_mark():
    (mark,) = messages(plan(series=()))
    assert mark == Mark(date=DAY, event_time_ns=session_ns(DAY)[1], scenario="test")


def test_a_day_longer_than_one_chunk_loses_nothing():
    day = plan(ticks=20_000)
    assert len(messages(day)) == 20_001
    assert {type(m) for m in messages(day)} == {Tick, FxRate, Mark}


def test_the_grid_of_many_series_is_coarser_and_ends_on_the_closes(monkeypatch):
    fine = plan(ticks=600)
    monkeypatch.setattr(timeline, "GRID_CELLS_MAX", len(SERIES) * timeline.GRID_STEPS_MIN)
    coarse = plan(ticks=600)
    for number, series in enumerate(SERIES):
        mids = coarse.mid[coarse.series_index == number]
        assert len(set(mids.tolist())) <= timeline.GRID_STEPS_MIN + 1
        assert mids[-1] == series.close
    busiest = fine.mid[fine.series_index == 1]
    assert len(set(busiest.tolist())) > 2 * timeline.GRID_STEPS_MIN


def test_a_day_of_negative_length_is_refused():
    with pytest.raises(PathError, match="must be at least 0"):
        plan(seconds=-1)


@pytest.mark.parametrize(
    ("date", "opened_utc", "closed_utc"),
    [
        (dt.date(2020, 3, 6), "14:30", "21:00"),
        (dt.date(2020, 3, 9), "13:30", "20:00"),  # New York's clocks went forward on the 8th
        (dt.date(2020, 11, 2), "14:30", "21:00"),
    ],
)
def test_sessions_follow_new_yorks_clocks(date, opened_utc, closed_utc):
    def utc(nanoseconds):
        moment = dt.datetime.fromtimestamp(nanoseconds / 1e9, dt.UTC)
        return moment.date(), f"{moment:%H:%M}"

    opened_ns, closed_ns = session_ns(date)
    assert utc(opened_ns) == (date, opened_utc)
    assert utc(closed_ns) == (date, closed_utc)
