"""Errors of the fold and of questions: where, how many, what to do."""

from __future__ import annotations

import datetime as dt

from system.book.state.errors import (
    BarrierOverflowError,
    ImpossibleShockError,
    NoSuchDayError,
    NotRecalledError,
    OtherInputsError,
)
from system.errors import InputError, UnavailableError


def test_an_overflow_names_partitions_and_bound_and_can_be_tried_again():
    error = BarrierOverflowError(["trades:0", "fx_rates:1"], 100)
    assert isinstance(error, UnavailableError), "another driver may succeed"
    assert error.partitions == ("trades:0", "fx_rates:1")
    assert "more than 100 messages of trades:0, fx_rates:1" in str(error)
    assert "Nothing is lost" in str(error)


def test_inputs_of_another_moment_are_inputs_that_cannot_be_recalled():
    assert issubclass(OtherInputsError, NotRecalledError)
    assert issubclass(NotRecalledError, InputError)


def test_a_shock_below_zero_shows_both_levels():
    text = str(ImpossibleShockError("A", 100.0, -5.5))
    assert text.startswith("A is 100 and would become -5.5")
    assert "smaller move" in text


def test_a_day_without_returns_says_what_there_is():
    error = NoSuchDayError(dt.date(2020, 2, 1), "the first is 2020-02-03")
    assert error.day == dt.date(2020, 2, 1)
    assert str(error) == "no moves of the whole book on 2020-02-01: the first is 2020-02-03"
