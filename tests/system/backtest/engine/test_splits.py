"""A quantity is in the shares of its own date, wherever the test starts and whatever the method."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.backtest.daily import DailyBacktest
from system.backtest.engine.days import DayBounds
from system.backtest.engine.positions import ALWAYS, DatedQuantity
from system.backtest.engine.splits import DatedSplit, effective_splits
from system.backtest.errors import UnsupportedInstrumentError
from system.contracts.messages import AssetClass, OptionRight
from system.risk.listing import Listing, OptionTerms
from tests.system.backtest.test_daily import DAYS, WINDOW, day, run, share, table, walk

RATIOS = (4.0, 1.5, 0.1)


def raw_closes(splits: list[DatedSplit]) -> list[float]:
    """Return closes as they were quoted, in the shares of each day."""
    return [
        close * math.prod(split.ratio for split in splits if split.date > day(number))
        for number, close in enumerate(walk(1))
    ]


def held_on(quantities: list[DatedQuantity], splits: list[DatedSplit], date: dt.date) -> float:
    """Return the shares held on a date, from the rule: the newest quantity, times splits since."""
    newest = max(
        (held for held in quantities if held.held_from <= date),
        key=lambda held: held.held_from,
    )
    since = [split.ratio for split in splits if newest.held_from < split.date <= date]
    return newest.quantity * math.prod(since)


@settings(max_examples=60)
@given(
    split_days=st.lists(st.integers(1, DAYS - 1), max_size=3, unique=True),
    ratios=st.lists(st.sampled_from(RATIOS), min_size=3, max_size=3),
    held_days=st.lists(st.integers(0, DAYS - 2), min_size=1, max_size=3, unique=True),
    start=st.none() | st.integers(0, DAYS - 1),
)
def test_every_close_has_the_shares_that_the_rule_gives(
    split_days: list[int], ratios: list[float], held_days: list[int], start: int | None
) -> None:
    splits = [
        DatedSplit("A", day(on), ratio) for on, ratio in zip(split_days, ratios, strict=False)
    ]
    held = [DatedQuantity("A", 10.0 + on, day(on)) for on in held_days]
    closes = raw_closes(splits)
    if start is not None and day(start) <= day(min(held_days)):
        start = None
    backtest = run(
        [share()],
        held,
        {"A": closes},
        splits=splits,
        bounds=DayBounds(None if start is None else day(start)),
    )
    expected = [
        held_on(held, splits, as_of) * closes[(as_of - day(0)).days]
        for as_of in backtest.as_of_dates
    ]
    assert backtest.value.tolist() == pytest.approx(expected, rel=1e-12)
    assert backtest.suspects == ()


def test_a_start_behind_a_split_changes_no_number() -> None:
    splits = [DatedSplit("A", day(25), 4.0)]
    held = [DatedQuantity("A", 100.0, day(22))]
    closes = {"A": raw_closes(splits)}
    whole = run([share()], held, closes, splits=splits)
    late = run([share()], held, closes, splits=splits, bounds=DayBounds(day(33)))
    kept = [whole.as_of_dates.index(as_of) for as_of in late.as_of_dates]
    for name in ("value", "var", "expected_shortfall", "pnl"):
        assert getattr(late, name).tolist() == getattr(whole, name)[kept].tolist(), name


def test_a_quantity_of_the_first_day_of_a_split_is_in_new_shares() -> None:
    splits = [DatedSplit("A", day(25), 4.0)]
    closes = {"A": raw_closes(splits)}
    backtest = run([share()], [DatedQuantity("A", 100.0, day(25))], closes, splits=splits)
    assert backtest.value[0] == pytest.approx(100.0 * closes["A"][25])
    before = run([share()], [DatedQuantity("A", 100.0, day(24))], closes, splits=splits)
    assert before.value[1] == pytest.approx(400.0 * closes["A"][25])


def test_a_split_after_the_last_close_changes_nothing() -> None:
    later = [DatedSplit("A", day(DAYS), 4.0)]
    assert effective_splits(table({"A": walk(1)}), later) == ()
    plain = run([share()], [DatedQuantity("A", 1.0)], {"A": walk(1)})
    backtest = run([share()], [DatedQuantity("A", 1.0)], {"A": walk(1)}, splits=later)
    assert backtest.var.tolist() == plain.var.tolist()


def optioned(held_from: dt.date, split_on: int | None, name: str = "A") -> DailyBacktest:
    terms = OptionTerms(share(), OptionRight.CALL, 100.0, day(DAYS + 30), 0.2)
    option = Listing("O", AssetClass.OPTION, "USD", option=terms)
    held = [DatedQuantity("O", 1.0, held_from)]
    splits = [] if split_on is None else [DatedSplit(name, day(split_on), 4.0)]
    return run([option, share()], held, {"A": raw_closes(splits)}, splits=splits)


@pytest.mark.parametrize("name", ["A", "O"])
def test_an_option_is_refused_only_where_its_terms_change_while_it_is_held(name: str) -> None:
    with pytest.raises(UnsupportedInstrumentError, match=rf"O is held.*{name} is split on"):
        optioned(day(25), 30, name)
    with pytest.raises(UnsupportedInstrumentError):
        optioned(ALWAYS, WINDOW + 1, name)


def test_a_split_before_an_option_is_held_is_no_reason_to_refuse_it() -> None:
    backtest, plain = optioned(day(30), 30), optioned(day(30), None)
    assert backtest.day_count == DAYS - 31
    assert backtest.value.tolist() == pytest.approx(plain.value.tolist(), rel=1e-12)
