"""Carried closes in a backtest: the same days, the same bound and the same bits as the stream."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping

import numpy as np
import pytest

from system.backtest.daily import DailyBacktest, daily_backtest
from system.backtest.engine.days import BacktestMarket
from system.backtest.engine.methods import Method
from system.backtest.engine.positions import BacktestBook, DatedQuantity
from system.backtest.engine.specification import BacktestSettings
from system.backtest.engine.untested import Cause
from system.backtest.errors import InterruptedBookError
from system.contracts.messages import (
    AssetClass,
    CloseHistory,
    ClosePoint,
    FxRate,
    Instrument,
    Mark,
    OpeningPosition,
    OptionRight,
    OptionTerms,
    Portfolio,
    RiskSnapshot,
    Tick,
)
from system.risk.confidence import Confidence
from system.risk.listing import Listing
from system.risk.listing import OptionTerms as ListedTerms
from system.risk.scenarios.carry import CarryBound
from system.risk.scenarios.window import CloseTable, Missing
from tests.system.book.feed import Feed, end_of_day

FIRST = dt.date(2024, 1, 1)
EVERY_DAY = [FIRST + dt.timedelta(days=number) for number in range(120)]
WEEKDAYS = [day for day in EVERY_DAY if day.weekday() < 5]
WINDOW = 20
CONFIDENCE = "0.9"
CURRENCIES = {"A": "USD", "B": "USD", "G": "GBP", "COIN": "USD"}
RATES = {"fx:USD": 1.1, "fx:GBP": 0.8}
EXPIRY = dt.date(2025, 6, 20)
Closes = dict[str, dict[dt.date, float]]


def gapped(seed: int) -> Closes:
    """Return closes of shares, a coin and two rates; B and G are halted, rates have holidays."""
    rng = random.Random(seed)  # noqa: S311 - a test case
    halts = {name: rng.randrange(30, 70) for name in ("B", "G")}
    holidays = {rng.choice(WEEKDAYS) for _ in range(4)}
    closes: Closes = {}
    for name in (*CURRENCIES, *RATES):
        days = EVERY_DAY if name == "COIN" else WEEKDAYS
        silent = days[halts[name] : halts[name] + rng.choice([3, 6, 12])] if name in halts else []
        level = RATES.get(name, 100.0)
        closes[name] = {
            day: level * (1.0 + 0.002 * rng.randint(-20, 20))
            for day in days
            if day not in silent and not (name in RATES and day in holidays)
        }
    return closes


def history(name: str, closes: Mapping[dt.date, float], until: dt.date) -> CloseHistory:
    points = tuple(ClosePoint(day, close) for day, close in closes.items() if day <= until)
    return CloseHistory(series=name, closes=points)


def streamed(
    closes: Closes, held: Mapping[str, float], bound: CarryBound, start: dt.date
) -> dict[dt.date, RiskSnapshot]:
    """Return what the stream states at the close of each day from ``start`` on."""
    call = Instrument(
        instrument="B.CALL",
        asset_class=AssetClass.OPTION,
        currency="USD",
        option=OptionTerms(
            underlying="B", right=OptionRight.CALL, strike=100.0, expiry=EXPIRY, volatility=0.3
        ),
    )
    shares = [
        Instrument(instrument=name, asset_class=AssetClass.EQUITY, currency=currency)
        for name, currency in CURRENCIES.items()
    ]
    before = start - dt.timedelta(days=1)
    feed = Feed()
    feed.send(*shares, call, *(history(name, of_days, before) for name, of_days in closes.items()))
    positions = tuple(
        OpeningPosition(instrument=name, quantity=quantity, entry_price=1.0)
        for name, quantity in held.items()
    )
    book = Portfolio(
        portfolio="P",
        positions=positions,
        window=WINDOW,
        confidence=CONFIDENCE,
        carry_max_sessions=bound.max_sessions,
        carry_max_share=bound.max_share,
    )
    assert feed.send(book).rejected == ()
    ends = {}
    for day in (day for day in EVERY_DAY if day >= start):
        noon = int(dt.datetime.combine(day, dt.time(12), dt.UTC).timestamp()) * 10**9
        quotes = [
            quote(name, of_days[day], noon) for name, of_days in closes.items() if day in of_days
        ]
        assert feed.send(*quotes).rejected == ()
        mark = Mark(date=day, event_time_ns=noon + 9 * 3_600 * 10**9)
        ends[day] = end_of_day(feed.fold({name: [mark] for name in feed.names}))
    return ends


def quote(name: str, price: float, time_ns: int) -> Tick | FxRate:
    if name in RATES:
        currency = name.removeprefix("fx:")
        return FxRate(currency=currency, rate=price, event_time_ns=time_ns, sequence=time_ns)
    return Tick(
        ticker=name,
        bid=price,
        mid=price,
        ask=price,
        volume=1.0,
        event_time_ns=time_ns,
        sequence=time_ns,
    )


def backtested(closes: Closes, held: Mapping[str, float], bound: CarryBound) -> DailyBacktest:
    listings = {
        name: Listing(name, AssetClass.EQUITY, currency) for name, currency in CURRENCIES.items()
    }
    terms = ListedTerms(listings["B"], OptionRight.CALL, 100.0, EXPIRY, 0.3)
    listings["B.CALL"] = Listing("B.CALL", AssetClass.OPTION, "USD", option=terms)
    shares = CloseTable.of({name: closes[name] for name in CURRENCIES})
    both = sorted(closes["fx:USD"].keys() & closes["fx:GBP"].keys())
    pounds = {day: closes["fx:USD"][day] / closes["fx:GBP"][day] for day in both}
    book = BacktestBook(
        "P",
        "USD",
        listings,
        tuple(DatedQuantity(name, quantity) for name, quantity in sorted(held.items())),
    )
    settings = BacktestSettings(
        Method.HS, WINDOW, Confidence.parse(CONFIDENCE), Missing.CARRY, carry=bound
    )
    return daily_backtest(book, BacktestMarket(shares, CloseTable.of({"GBP": pounds})), settings)


BOOKS = (
    {"A": 100.0, "B": 4.0},
    {"A": 100.0, "B": 40.0, "G": 30.0},
    {"A": 60.0, "COIN": 20.0, "G": 3.0},
    {"A": 100.0, "B.CALL": 9.0, "COIN": 5.0},
)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("held", BOOKS, ids="-".join)
def test_the_stream_and_a_backtest_that_carries_state_the_same_bits(
    held: Mapping[str, float], seed: int
) -> None:
    closes, bound = gapped(seed), CarryBound()
    start = WEEKDAYS[WINDOW + 5]
    ends, batch = streamed(closes, held, bound, start), backtested(closes, held, bound)
    stated = dict(zip(batch.as_of_dates, batch.var.tolist(), strict=True))
    values = dict(zip(batch.as_of_dates, batch.value.tolist(), strict=True))
    own = {day for name in held for day in closes[name.partition(".")[0]]}
    rates = {day for name in RATES for day in closes[name]} if "G" in held else set()
    for day, snapshot in ends.items():
        if day in own | rates and day < max(own):
            assert snapshot.var == stated.get(day), f"{day}: {snapshot.not_available}"
            assert day not in values or snapshot.nav == values[day]


def halted(share: float, days: int, bound: CarryBound) -> DailyBacktest:
    """Return a book of A, and B as a part of it, which has no close on the last days."""
    closes = gapped(0)
    closes["B"] = dict.fromkeys(WEEKDAYS[:-days], 100.0)
    return backtested(closes, {"A": 100.0 * (1 - share), "B": 100.0 * share}, bound)


def test_days_behind_too_many_missing_closes_have_no_test_and_name_the_series() -> None:
    batch = halted(0.3, 20, CarryBound())
    (untested,) = batch.untested
    assert (untested.cause, untested.series) == (Cause.INTERRUPTED, ("B",))
    assert untested.first == WEEKDAYS[-14]
    assert untested.day_count == 14
    assert batch.pnl_dates[-1] == WEEKDAYS[-15]
    assert len(batch.scenario_dates) == batch.day_count == len(batch.var)


def test_a_small_part_of_the_book_or_a_larger_bound_is_carried() -> None:
    assert halted(0.02, 20, CarryBound()).untested == ()
    assert halted(0.3, 20, CarryBound(max_sessions=19)).untested == ()
    assert halted(0.3, 20, CarryBound(max_share=0.4)).untested == ()


def test_a_book_that_is_interrupted_on_every_day_is_refused_by_name() -> None:
    with pytest.raises(InterruptedBookError, match="closes of B are missing on more than 5 week"):
        halted(0.3, len(WEEKDAYS) - 2, CarryBound())


def test_a_share_that_is_listed_later_costs_days_and_no_book() -> None:
    closes = gapped(1)
    closes["B"] = dict.fromkeys(WEEKDAYS[20:], 100.0)
    batch = backtested(closes, {"A": 1.0, "B": 1.0}, CarryBound())
    assert batch.as_of_dates[0] == WEEKDAYS[20 + WINDOW]
    assert np.isfinite(batch.var).all()
