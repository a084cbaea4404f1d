"""Plans: the market, books and schedule of a load are a function of the plan."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from loadtests.source.plan import (
    PlanError,
    day_count,
    load_books,
    load_plan,
    load_replay,
    scheduled_days,
    whole_shape,
)
from loadtests.source.shapes import duration_s, message_count
from system.contracts.messages import Instrument

SMALL = load_plan(
    rate=200, seconds=6, warm_up_seconds=3, instruments=7, portfolios=3, seconds_per_day=3
)


def moments_ns(plan):
    starts, moments, marks = 0, [], []
    for day in scheduled_days(plan, load_replay(plan)):
        moments += (starts + day.due_ns).tolist()
        marks.append(starts + day.mark_due_ns)
        starts += day.duration_ns
    return moments, marks, starts


def test_the_days_send_what_the_shape_has_and_last_as_long():
    moments, marks, end_ns = moments_ns(SMALL)
    assert len(marks) == day_count(SMALL) == 3
    assert 0 <= len(moments) - message_count(whole_shape(SMALL)) < day_count(SMALL)
    assert end_ns / 1e9 == pytest.approx(duration_s(whole_shape(SMALL)), abs=0.02)


def test_ticks_are_due_in_order_and_each_mark_comes_after_its_day():
    moments, marks, _ = moments_ns(SMALL)
    assert moments == sorted(moments)
    per_day = len(moments) // len(marks)
    for number, mark in enumerate(marks):
        assert moments[(number + 1) * per_day - 1] <= mark
        assert all(later > mark for later in moments[(number + 1) * per_day :][:1])


def test_a_spike_sends_more_in_its_middle():
    plan = load_plan(rate=400, seconds=50, warm_up_seconds=0, shape="spike", instruments=2)
    seconds = np.array(moments_ns(plan)[0]) / 1e9
    per_second = np.histogram(seconds, bins=50, range=(0, 50))[0]
    assert per_second[22:28].mean() == pytest.approx(400, rel=0.05)
    assert per_second[:18].mean() == pytest.approx(100, rel=0.05)


def test_the_same_plan_gives_the_same_ticks_and_books():
    def slots():
        return [slot for day in scheduled_days(SMALL, load_replay(SMALL)) for slot in day.slots()]

    assert slots() == slots()
    assert load_books(SMALL) == load_books(SMALL)


def test_every_book_is_in_instruments_that_are_sent_before_it():
    known = {
        reference_message.instrument
        for reference_message in load_replay(SMALL).reference_messages()
        if isinstance(reference_message, Instrument)
    }
    books = load_books(SMALL)
    assert len(books) == 3
    for book in books:
        assert {position.instrument for position in book.positions} == known
        assert any(position.quantity < 0 for position in book.positions)


def test_a_later_load_goes_on_where_the_market_stood():
    later = load_plan(**{**msgspec.to_builtins(SMALL), "skipped_days": 3, "rate": 300.0})
    first, second = load_replay(SMALL), load_replay(later)
    assert second.days[0] > first.days[-1]
    for name, series in first.market.series.items():
        closes = second.market.series[name].closes
        assert {day: closes[day] for day in series.closes} == series.closes
    (last, *_), (next_one, *_) = (
        list(scheduled_days(SMALL, first))[::-1],
        list(scheduled_days(later, second)),
    )
    assert next_one.sequence.min() > last.sequence.max()
    assert load_books(later) == load_books(SMALL)


def test_books_that_hold_a_part_share_the_instruments_out_between_them():
    plan = load_plan(rate=1, seconds=1, instruments=10, portfolios=4, positions=3)
    held = [[position.instrument for position in book.positions] for book in load_books(plan)]
    assert all(len(set(tickers)) == 3 for tickers in held)
    assert len(set(itertools.chain.from_iterable(held))) == 10


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rate", 0, "rate"),
        ("shape", "zigzag", "one of steady"),
        ("positions", 200, "200 positions in 100"),
        ("seconds", 80_000.0, "at most 50,000,000"),
        ("client", "carrier-pigeon", "client"),
        ("window", 5, "window"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(field, value, message):
    fields = {"rate": 1_000, "seconds": 1, field: value}
    with pytest.raises(PlanError, match=message):
        load_plan(**fields)
