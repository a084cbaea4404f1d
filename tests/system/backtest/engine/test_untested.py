"""Held days without a VaR, days left out of scenarios, and times without a holding."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.backtest.daily import DailyBacktest
from system.backtest.engine.days import DayBounds
from system.backtest.engine.positions import ALWAYS, BacktestBook, DatedQuantity, flat_periods
from system.backtest.engine.untested import Cause, DayRange, UntestedDay, day_ranges
from system.backtest.errors import FlatBookError, NoBacktestDaysError
from system.contracts.messages import AssetClass
from system.errors import InputError
from system.risk.listing import Listing
from system.risk.scenarios.window import Missing
from tests.system.backtest.test_daily import DAYS, WINDOW, day, run, share, walk

MORE = 70
NOTHING = math.nan


def pair(*, gaps: range = range(0), days: int = MORE, **options: object) -> DailyBacktest:
    """Return two shares of which the second has no close on some days, which are skipped."""
    second = walk(2, days=days)
    for number in gaps:
        second[number] = NOTHING
    held = [DatedQuantity("A", 1.0), DatedQuantity("B", 1.0)]
    chosen = {"missing": Missing.SKIP, **options}
    return run([share("A"), share("B")], held, {"A": walk(1, days=days), "B": second}, **chosen)  # type: ignore[arg-type]


def test_a_book_without_a_gap_has_no_untested_day() -> None:
    backtest = pair()
    assert (backtest.untested, backtest.left_out, backtest.flat, backtest.fit_note) == (
        (),
        (),
        (),
        "",
    )
    assert backtest.untested_count == 0
    assert not backtest.stretches.is_broken


def test_a_share_that_is_listed_later_leaves_a_hole_with_its_name() -> None:
    closes = {"A": walk(1, days=MORE), "B": [NOTHING] * 25 + walk(2, days=MORE - 25)}
    held = [DatedQuantity("A", 1.0), DatedQuantity("B", 1.0, day(30))]
    backtest = run([share("A"), share("B")], held, closes, missing=Missing.SKIP)
    first_full = 25 + WINDOW
    assert backtest.untested == (
        DayRange(day(31), day(first_full), first_full - 30, Cause.SHORT_WINDOW, ("B",)),
    )
    assert backtest.day_count + backtest.untested_count == MORE - 1 - WINDOW
    assert backtest.stretches.slices == (slice(0, 10), slice(10, backtest.day_count))
    assert backtest.stretches.places[10] - backtest.stretches.places[9] == first_full - 30 + 1
    assert backtest.left_out == ()


def test_a_delisted_share_leaves_the_end_untested_and_left_out() -> None:
    backtest = pair(gaps=range(50, MORE))
    gone = DayRange(day(50), day(MORE - 1), MORE - 50, Cause.NO_CLOSE, ("B",))
    assert backtest.untested == (gone,)
    assert backtest.left_out == (gone,)
    assert backtest.pnl_dates[-1] == day(49)
    assert not backtest.stretches.is_broken


@pytest.mark.parametrize("missing", list(Missing))
def test_a_book_of_one_delisted_share_counts_the_days_that_the_market_goes_on(
    missing: Missing,
) -> None:
    closes = {"A": walk(1, days=MORE), "B": [*walk(2, days=50), *[NOTHING] * (MORE - 50)]}
    backtest = run([share("B")], [DatedQuantity("B", 1.0)], closes, missing=missing)
    assert backtest.pnl_dates[-1] == day(49)
    gone = DayRange(day(50), day(MORE - 1), MORE - 50, Cause.NO_CLOSE, ("B",))
    assert backtest.untested == (gone,)
    sold = [DatedQuantity("B", 1.0), DatedQuantity("B", 0.0, day(52))]
    until = run([share("B")], sold, closes, missing=missing)
    assert [(days.first, days.last) for days in until.untested] == [(day(50), day(52))]
    ended = run([share("B")], sold[:1], closes, bounds=DayBounds(end=day(51)), missing=missing)
    assert [(days.first, days.last) for days in ended.untested] == [(day(50), day(51))]


def test_a_book_of_money_counts_the_days_after_its_last_rate() -> None:
    euro = [*walk(2, 1.1, days=50), *[NOTHING] * (MORE - 50)]
    cash = Listing("cash:EUR", AssetClass.CASH, "EUR")
    held = [DatedQuantity("cash:EUR", 100.0)]
    backtest = run([cash], held, {"A": walk(1, days=MORE)}, {"EUR": euro})
    assert backtest.untested == (
        DayRange(day(50), day(MORE - 1), MORE - 50, Cause.NO_CLOSE, ("fx:EUR",)),
    )


def test_a_skipped_day_is_spanned_and_named_and_breaks_no_stretch() -> None:
    backtest = pair(gaps=range(40, 41))
    skipped = DayRange(day(40), day(40), 1, Cause.NO_CLOSE, ("B",))
    assert backtest.untested == (skipped,)
    assert backtest.left_out == (skipped,)
    assert day(40) not in backtest.pnl_dates
    assert not backtest.stretches.is_broken


def test_a_day_left_out_of_the_warm_up_is_no_untested_day() -> None:
    backtest = pair(gaps=range(5, 7))
    assert [(days.first, days.last) for days in backtest.left_out] == [(day(5), day(6))]
    late = [(days.first, days.last, days.cause) for days in backtest.untested]
    assert late == [(day(WINDOW + 1), day(WINDOW + 2), Cause.SHORT_WINDOW)]


def test_a_dated_holding_counts_the_days_before_its_first_full_window() -> None:
    held = [DatedQuantity("A", 1.0, day(3))]
    backtest = run([share()], held, {"A": walk(1)})
    assert backtest.untested == (DayRange(day(4), day(WINDOW), WINDOW - 3, Cause.SHORT_WINDOW, ()),)
    undated = run([share()], [DatedQuantity("A", 1.0)], {"A": walk(1)})
    assert undated.untested == ()


def test_a_start_before_the_first_full_window_counts_the_days_in_between() -> None:
    backtest = run([share()], [DatedQuantity("A", 1.0)], {"A": walk(1)}, bounds=DayBounds(day(10)))
    assert backtest.untested == (DayRange(day(10), day(WINDOW), 11, Cause.SHORT_WINDOW, ()),)


def test_an_end_bounds_what_is_counted() -> None:
    backtest = pair(gaps=range(50, MORE), bounds=DayBounds(end=day(55)))
    assert [(days.first, days.last) for days in backtest.untested] == [(day(50), day(55))]


def test_a_missing_rate_is_responsible_by_its_series() -> None:
    euro = walk(2, 1.1, days=MORE)
    euro[40] = NOTHING
    closes = {"A": walk(1, days=MORE)}
    held = [DatedQuantity("A", 1.0)]
    backtest = run([share("A", "EUR")], held, closes, {"EUR": euro}, missing=Missing.SKIP)
    assert [days.series for days in backtest.untested] == [("fx:EUR",)]


def test_a_book_that_is_flat_in_between_and_from_the_middle_on_says_when() -> None:
    held = [
        DatedQuantity("A", 1.0),
        DatedQuantity("A", 0.0, day(25)),
        DatedQuantity("A", 2.0, day(28)),
        DatedQuantity("A", 0.0, day(33)),
    ]
    backtest = run([share()], held, {"A": walk(1)})
    assert backtest.flat == ((day(25), day(28)), (day(33), None))
    assert backtest.untested == ()
    assert backtest.pnl_dates == tuple(day(on) for on in (*range(21, 26), *range(29, 34)))
    assert [part.stop - part.start for part in backtest.stretches.slices] == [5, 5]


@pytest.mark.parametrize(
    ("held", "bounds", "since"),
    [
        ([DatedQuantity("A", 0.0)], DayBounds(), "every quantity is 0"),
        ([DatedQuantity("A", 0.0, day(9))], DayBounds(), "every quantity is 0"),
        (
            [DatedQuantity("A", 1.0), DatedQuantity("A", 0.0, day(30))],
            DayBounds(day(35)),
            f"all its positions are 0 since {day(30)}",
        ),
        (
            [DatedQuantity("A", 1.0, day(-9)), DatedQuantity("A", 0.0, day(-3))],
            DayBounds(),
            f"all its positions are 0 since {day(-3)}",
        ),
    ],
)
def test_a_book_that_holds_nothing_in_the_bounds_is_flat_and_not_short_of_closes(
    held: list[DatedQuantity], bounds: DayBounds, since: str
) -> None:
    with pytest.raises(FlatBookError, match=f"desk holds nothing: {since}"):
        run([share()], held, {"A": walk(1)}, bounds=bounds)


def test_a_book_closed_before_its_window_was_full_is_short_of_closes_and_not_flat() -> None:
    held = [DatedQuantity("A", 1.0, day(3)), DatedQuantity("A", 0.0, day(9))]
    when = f"no day to test.*held from {day(3)} until {day(9)}"
    with pytest.raises(NoBacktestDaysError, match=when):
        run([share()], held, {"A": walk(1)})
    with pytest.raises(NoBacktestDaysError, match=f"held from {day(DAYS + 9)}, P&L dates"):
        run([share()], [DatedQuantity("A", 1.0, day(DAYS + 9))], {"A": walk(1)})


def test_too_young_a_share_is_named_with_its_closes() -> None:
    closes = {"A": walk(1), "B": [NOTHING] * 35 + walk(2)[35:]}
    held = [DatedQuantity("A", 1.0), DatedQuantity("B", 1.0)]
    with pytest.raises(NoBacktestDaysError, match=r"B has the fewest, 5") as refused:
        run([share("A"), share("B")], held, closes)
    assert refused.value.scarcest == ("B", 5)


def test_nothing_is_said_about_the_time_before_the_first_dated_quantity() -> None:
    quantities = (DatedQuantity("A", 1.0, day(9)), DatedQuantity("A", 0.0, day(12)))
    book = BacktestBook("b", "USD", {"A": share()}, quantities)
    assert flat_periods(book) == ((day(12), None),)
    zero = BacktestBook("b", "USD", {"A": share()}, (DatedQuantity("A", 0.0),))
    assert flat_periods(zero) == ((ALWAYS, None),)


def test_ranges_break_at_another_cause_another_series_and_a_day_in_between() -> None:
    calendar = [day(number) for number in range(9)]
    days = [
        UntestedDay(day(1), Cause.NO_CLOSE, ("A",)),
        UntestedDay(day(2), Cause.NO_CLOSE, ("A",)),
        UntestedDay(day(3), Cause.NO_CLOSE, ("B",)),
        UntestedDay(day(4), Cause.SHORT_WINDOW, ("B",)),
        UntestedDay(day(6), Cause.SHORT_WINDOW, ("B",)),
    ]
    ranges = day_ranges(reversed(days), calendar)
    assert [(days.first, days.last, days.day_count) for days in ranges] == [
        (day(1), day(2), 2),
        (day(3), day(3), 1),
        (day(4), day(4), 1),
        (day(6), day(6), 1),
    ]


NAMES = ("A", "B")
NUMBERS = st.integers(0, DAYS - 1)


@settings(max_examples=80, deadline=None)
@given(
    absent=st.lists(st.frozensets(NUMBERS, max_size=8), min_size=2, max_size=2),
    begins=st.lists(st.integers(0, 15), min_size=2, max_size=2),
    dated=st.lists(st.tuples(st.sampled_from(NAMES), NUMBERS, st.integers(0, 2)), max_size=4),
    start=st.none() | NUMBERS,
    end=st.none() | NUMBERS,
)
def test_a_held_day_is_either_tested_or_explained(
    absent: list[frozenset[int]],
    begins: list[int],
    dated: list[tuple[str, int, int]],
    start: int | None,
    end: int | None,
) -> None:
    closes = {
        name: [
            NOTHING if number in gaps or number < first else close
            for number, close in enumerate(walk(seed))
        ]
        for seed, (name, gaps, first) in enumerate(zip(NAMES, absent, begins, strict=True))
    }
    held = {("A", ALWAYS): 1.0} | {(name, day(on)): float(amount) for name, on, amount in dated}
    quantities = [DatedQuantity(name, amount, on) for (name, on), amount in held.items()]
    bounds = DayBounds(None if start is None else day(start), None if end is None else day(end))
    try:
        backtest = run(
            [share(name) for name in NAMES],
            quantities,
            closes,
            missing=Missing.SKIP,
            bounds=bounds,
        )
    except InputError:
        return
    explained = _dates(backtest)
    assert not explained & set(backtest.pnl_dates)
    assert list(backtest.pnl_dates) == sorted(set(backtest.pnl_dates))
    assert min(backtest.stretches.places[1:] - backtest.stretches.places[:-1], default=1) >= 1
    for number in range(DAYS - 1):
        as_of, pnl_date = day(number), day(number + 1)
        if pnl_date in backtest.pnl_dates or pnl_date in explained:
            assert _in_bounds(bounds, pnl_date)
            continue
        days = [day(before) for before in range(number + 2)]
        traded = [_is_traded(quantities, closes, as_of, date) for date in days]
        if _in_bounds(bounds, pnl_date) and traded[-2] and traded[-1]:
            assert sum(traded[:-1]) <= WINDOW


def _dates(backtest: DailyBacktest) -> set[dt.date]:
    return {
        days.first + dt.timedelta(number)
        for days in backtest.untested
        for number in range((days.last - days.first).days + 1)
    }


def _now(quantities: list[DatedQuantity], date: dt.date) -> dict[str, float]:
    ordered = sorted(quantities, key=lambda quantity: quantity.held_from)
    return {held.instrument_id: held.quantity for held in ordered if held.held_from <= date}


def _is_traded(
    quantities: list[DatedQuantity], closes: dict[str, list[float]], as_of: dt.date, date: dt.date
) -> bool:
    """Return whether something that is held at one close has a close on another date."""
    held = [name for name, amount in _now(quantities, as_of).items() if amount]
    return any(not math.isnan(closes[name][(date - day(0)).days]) for name in held)


def _in_bounds(bounds: DayBounds, date: dt.date) -> bool:
    return (bounds.start or date) <= date <= (bounds.end or date)
