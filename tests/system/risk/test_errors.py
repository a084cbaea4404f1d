"""Errors of risk numbers: each names what, where, which value, and what to do."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.errors import InputError
from system.risk import errors
from system.risk.errors import MAX_NAMED, some_of

DAY = dt.date(2020, 3, 9)
CASES = [
    (errors.InvalidConfidenceError(0.95), ["0.95", "text or Fraction"]),
    (errors.TooFewScenariosError(99, Fraction(1, 100)), ["99", "99 %", "at least 100"]),
    (errors.NonFinitePnlError(7, float("nan")), ["scenario 7", "nan"]),
    (errors.NonFiniteExposureError("A", "price", float("inf")), ["price of A", "inf"]),
    (errors.UnknownSeriesError("A"), ["no history of A", "load its daily closes"]),
    (errors.UnknownSeriesError("fx:USD"), ["fx:USD", "USD"]),
    (errors.MissingRateError("USD"), ["units of USD per 1 EUR"]),
    (errors.MissingCloseError("A", DAY), ["A on 2020-03-09", "supply it"]),
    (errors.TooFewClosesError(9, 30, "A", 10, DAY), ["9 dates", "every series", "30", "(10)"]),
    (
        errors.TooFewClosesError(9, 30, "A", 10, DAY, of_every=False),
        ["a close of any series", "shorten the window"],
    ),
    (errors.HistoryStartsLateError({"A": DAY}, DAY), ["A (first close 2020-03-09)", "proxy"]),
    (errors.NoRecentCloseError(["A", "B"], DAY, DAY, 6, 5), ["6 sessions", "at most 5", "A, B"]),
    (errors.NonPositiveCloseError("A", DAY, 0.0), ["A on 2020-03-09 is 0.0", "absolute"]),
    (errors.NonPositiveCloseError("fx:USD", DAY, -1.0), ["-1.0", "a rate is above zero"]),
    (errors.NoImpliedVolatilityError(5.0, 1.0, 4.0), ["5.0", "above 1.0", "up to 4.0"]),
    (errors.NoScenarioValueError("O", "spot", DAY, -1.0), ["spot of O", "2020-03-09", "-1.0"]),
    (errors.NoHistoryInWindowError("A", "2008", DAY, DAY), ["A", "2008", "proxy"]),
    (errors.HistoryTooShortError(29, 30), ["29 returns", "window of 30"]),
]


@pytest.mark.parametrize(("error", "words"), CASES)
def test_an_error_says_what_is_wrong_and_what_to_do(error, words):
    assert isinstance(error, InputError)
    for word in words:
        assert word in str(error)


def test_every_error_is_in_the_tree_and_has_a_case():
    kinds = {
        kind.__name__
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, InputError) and kind is not InputError
    }
    drawn = {line.split()[1] for line in errors.__doc__.splitlines() if "──" in line}
    assert drawn == kinds == {type(error).__name__ for error, _ in CASES}


@given(st.fractions(Fraction(1, 10_000), Fraction(1, 2)), st.integers(0, 10_000))
def test_the_least_number_of_scenarios_puts_one_into_the_tail(tail, count):
    message = str(errors.TooFewScenariosError(count, tail))
    least = int(message.split("give at least ")[1].split(",", maxsplit=1)[0])
    assert least * tail >= 1 > (least - 1) * tail


@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1)))
def test_a_list_names_few_and_counts_the_rest(names):
    text = some_of(names)
    if len(names) > MAX_NAMED:
        assert text.endswith(f"and {len(names) - MAX_NAMED} more")
        assert text.startswith(", ".join(names[:MAX_NAMED]))
    else:
        assert text == ", ".join(names)
