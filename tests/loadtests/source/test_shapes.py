"""Shapes: the schedule is the inverse of the area under the rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.source.shapes import (
    SHAPES,
    Leg,
    ShapeError,
    due_s,
    duration_s,
    message_count,
    rate_at,
    spike,
    step,
)

legs = st.builds(Leg, st.floats(0.5, 20), st.floats(1, 200), st.floats(1, 200))
shapes = st.lists(legs, min_size=1, max_size=4).map(tuple)


def area(shape, until_s: float) -> float:
    """The plain definition: add up trapezes."""
    total = 0.0
    for leg in shape:
        t = min(max(until_s, 0.0), leg.seconds)
        total += leg.first_rate * t + (leg.last_rate - leg.first_rate) / leg.seconds * t * t / 2
        until_s -= leg.seconds
    return total


@given(shapes)
def test_message_i_is_due_when_the_area_under_the_rate_reaches_i(shape):
    index = np.arange(0, message_count(shape), max(message_count(shape) // 50, 1), dtype=float)
    for number, due in zip(index.tolist(), due_s(shape, index).tolist(), strict=True):
        assert area(shape, due) == pytest.approx(number, abs=1e-6 * max(number, 1))


@given(shapes)
def test_due_times_grow_and_stay_within_the_shape(shape):
    due = due_s(shape, np.arange(message_count(shape), dtype=float))
    assert (np.diff(due) > 0).all()
    assert due[0] == 0
    assert due[-1] <= duration_s(shape) + 1e-9


def test_beyond_its_end_a_shape_goes_on_at_its_last_rate():
    ends = (Leg(2.0, 10.0, 10.0), Leg(1.0, 10.0, 30.0))
    assert due_s(ends, np.array([40.0, 43.0])) == pytest.approx([3.0, 3.1])


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_lasts_as_long_as_asked_and_never_exceeds_its_rate(name):
    shape = SHAPES[name](1_000.0, 60.0)
    assert duration_s(shape) == pytest.approx(60.0)
    assert max(max(leg.first_rate, leg.last_rate) for leg in shape) == 1_000.0


def test_a_step_rises_in_four_and_a_spike_returns_to_its_base():
    assert [leg.first_rate for leg in step(400.0, 40.0)] == [100.0, 200.0, 300.0, 400.0]
    assert [leg.first_rate for leg in spike(400.0, 50.0)] == [100.0, 400.0, 100.0]
    assert [leg.seconds for leg in spike(400.0, 50.0)] == pytest.approx([20.0, 10.0, 20.0])


@pytest.mark.parametrize("numbers", [(0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, -2.0)])
def test_a_leg_without_length_or_messages_is_refused(numbers):
    with pytest.raises(ShapeError, match="above 0"):
        Leg(*numbers)


def test_a_shape_without_legs_has_no_schedule():
    with pytest.raises(ShapeError, match="at least one leg"):
        due_s((), np.array([0.0]))


@given(shapes, st.floats(0, 1))
def test_the_rate_is_the_growth_of_the_area(shape, share):
    second, step_s = share * duration_s(shape) * 0.999, 1e-5
    growth = (area(shape, second + step_s) - area(shape, second)) / step_s
    jump = max(
        abs(a.last_rate - b.first_rate) for a, b in zip(shape, (*shape[1:], shape[-1]), strict=True)
    )
    assert rate_at(shape, second) == pytest.approx(growth, rel=1e-3, abs=jump + 1e-3)
