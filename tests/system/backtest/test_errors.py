"""Errors of a backtest: drawn in full, and each names what is missing."""

from __future__ import annotations

import datetime as dt

from system.backtest import errors
from system.backtest.errors import FlatBookError, NoBacktestDaysError
from tests.error_trees import own_errors, undrawn


def test_every_error_is_drawn() -> None:
    assert own_errors(errors)
    assert undrawn(errors) == set()


def test_a_book_without_days_names_the_scarcest_series_and_the_bounds() -> None:
    error = NoBacktestDaysError("mine", 250, 100, (dt.date(2020, 1, 2), None), ("NEW", 40))
    for words in ("mine", "needs 251 closes", "100 dates", "NEW has the fewest, 40", "2020-01-02"):
        assert words in str(error)
    assert "open" in str(error)


def test_a_flat_book_is_named() -> None:
    assert "mine" in str(FlatBookError("mine", None))
