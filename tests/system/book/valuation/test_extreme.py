"""Reference data that are extreme and valid: numbers stay finite, and nothing is raised."""

from __future__ import annotations

import datetime as dt
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.book.book import Book
from system.book.valuation import snapshot as snapshot_module
from system.book.valuation.limits import limit_use
from system.contracts.codec import decode, encode
from system.contracts.limits import LimitLevel, LimitMeasure
from system.contracts.messages import (
    AssetClass,
    Dividend,
    Instrument,
    OptionRight,
    OptionTerms,
    RejectReason,
    RiskSnapshot,
    Split,
)
from system.risk.valuation import var_fraction
from tests.system.book.feed import (
    Feed,
    at_ns,
    date_of,
    end_of_day,
    holding,
    live,
    opened,
    portfolio,
    tick,
    trade,
)
from validation.fuzzing.rounds import Counts, checked_numbers, fuzz_world


def option(**terms: object) -> Instrument:
    plain: dict[str, object] = {
        "underlying": "A",
        "right": OptionRight.CALL,
        "strike": 100.0,
        "expiry": dt.date.max,
        "volatility": 0.2,
    }
    return Instrument(
        instrument="OPT",
        asset_class=AssetClass.OPTION,
        currency="USD",
        option=OptionTerms(**{**plain, **terms}),
    )


def is_finite(snapshot: RiskSnapshot) -> bool:
    return all(math.isfinite(number) for number in checked_numbers(snapshot, "$"))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_whatever_valid_messages_come_every_number_is_finite_and_nothing_is_raised(seed) -> None:
    counts = Counts()
    fuzz_world(seed, counts, message_count=30)
    assert counts.messages > 30


@pytest.mark.parametrize("terms", [{"rate": -0.1}, {"dividend_yield": -0.1}, {"rate": 1.0}])
def test_an_option_whose_rates_outgrow_numbers_is_refused_by_the_stream(terms) -> None:
    feed = opened(holding("A", 1.0))
    [rejected] = feed.send(option(**terms)).rejected
    assert rejected.reason is RejectReason.INVALID
    assert "until 9999-12-31" in rejected.detail
    assert "any day up to" in rejected.detail


def restored_with(*options: Instrument) -> Feed:
    """Return a book restored from rows of a version that did not bound the terms of options."""
    feed = opened(holding("A", 1.0))
    rows = {
        f"instrument:{option_message.instrument}": encode(option_message)
        for option_message in options
    }
    feed.rows |= rows
    feed.restart(feed.next_offsets)
    feed.send(portfolio("O", holding("A", 2.0), *(holding(o.instrument, 3.0) for o in options)))
    return feed


@pytest.mark.parametrize("terms", [{"rate": -0.1}, {"dividend_yield": -0.5}])
@pytest.mark.parametrize("price", [None, 5.0])
def test_an_option_that_was_accepted_earlier_is_named_and_everything_else_is_valued(
    terms, price
) -> None:
    feed = restored_with(option(**terms))
    quotes = [tick("A", 101.0)] + ([] if price is None else [tick("OPT", price)])
    snapshot = live(feed.send(*quotes), "O")
    assert is_finite(snapshot)
    assert (snapshot.missing, snapshot.nav, snapshot.var) == (("OPT",), 202.0, None)
    assert snapshot.not_available == (
        "no finite value of OPT: correct its terms, price or quantity"
    )
    assert decode(encode(snapshot), RiskSnapshot) == snapshot
    closed = end_of_day(feed.close(0), "O")
    feed.restart(feed.next_offsets)
    assert is_finite(closed)
    assert is_finite(live(feed.send(tick("A", 102.0, day=1)), "O"))


def test_a_close_that_an_earlier_version_kept_without_its_numbers_is_left_out() -> None:
    feed = opened(holding("A", 1.0))
    feed.close(0, tick("A", 101.0))
    state = msgspec.json.decode(feed.rows["portfolio:P"])
    state["close"]["positions"][0]["quantity"] = None
    feed.rows["portfolio:P"] = msgspec.json.encode(state)
    feed.restart(feed.next_offsets)
    snapshot = live(feed.send(tick("A", 102.0, day=1)), "P")
    assert snapshot.daily_pnl is None
    assert snapshot.nav == 102.0


def test_splits_that_multiply_beyond_any_number_of_shares_are_refused() -> None:
    feed = opened(holding("A", 1.0))
    ratios = []
    for day in range(5):
        split = Split(instrument="A", date=date_of(day + 1), last_day=date_of(day), ratio=1e4)
        fold = feed.send(split)
        ratios.append(fold.rejected)
        feed.close(day, tick("A", 100.0, day=day))
    assert [len(rejected) for rejected in ratios] == [0, 0, 0, 1, 1]
    [rejected] = ratios[3]
    assert rejected.reason is RejectReason.INVALID
    assert "1e+16" in rejected.detail
    undone = Split(instrument="A", date=date_of(9), last_day=date_of(8), ratio=1e-4)
    assert feed.send(undone).rejected == ()


def test_dividends_that_leave_no_price_leave_no_option_value_and_stop_nothing() -> None:
    feed = opened(holding("A", 1.0))
    feed.send(option(expiry=date_of(400)), portfolio("O", holding("OPT", 1.0)))
    feed.send(tick("A", 1e-9))
    for day in range(6):
        close = feed.book.market.price("A").value
        amount = math.nextafter(close, 0.0)
        feed.send(
            Dividend(instrument="A", date=date_of(day + 1), last_day=date_of(day), amount=amount)
        )
        feed.close(day)
    assert feed.book.market.price("A").value < 1e-40
    snapshot = feed.book.revalue(fence=1, epoch=99).snapshots
    assert all(map(is_finite, snapshot))
    assert {stated_snapshot.portfolio: stated_snapshot.missing for stated_snapshot in snapshot}[
        "O"
    ] == ("OPT",)


@pytest.mark.parametrize("day", [dt.date.min, dt.date.max])
@pytest.mark.parametrize("is_known", [False, True])
def test_positions_as_of_the_ends_of_the_calendar_stop_nothing(day, is_known) -> None:
    feed = opened(holding("A", 1.0))
    name = "P" if is_known else "new"
    stated = msgspec.structs.replace(portfolio(name, holding("A", 7.0)), as_of_day=day)
    feed.send(stated, trade("t", "A", 1.0, 100.0, book=name, event_time_ns=at_ns()))
    feed.close(0, tick("A", 101.0))
    feed.restart(feed.next_offsets)
    assert is_finite(live(feed.send(tick("A", 99.0, day=1)), name))


@pytest.mark.parametrize("error", [OverflowError("math range error"), ZeroDivisionError()])
def test_a_book_that_arithmetic_breaks_down_on_is_named_and_stops_no_other(
    monkeypatch, error
) -> None:
    feed = opened(holding("A", 1.0))
    feed.send(portfolio("Q", holding("B", 3.0)))
    whole = snapshot_module.stressed_risks

    def breaks_down(book, *inputs):
        if book.definition.portfolio == "P":
            raise error
        return whole(book, *inputs)

    monkeypatch.setattr(snapshot_module, "stressed_risks", breaks_down)
    fold = feed.send(tick("A", 101.0), tick("B", 99.0))
    broken, other = live(fold, "P"), live(fold, "Q")
    assert (broken.missing, broken.positions, broken.var) == (("A",), (), None)
    assert broken.not_available.startswith("it cannot be valued")
    assert decode(encode(broken), RiskSnapshot) == broken
    assert other.var is not None
    assert end_of_day(feed.close(0), "P").var is None
    feed.restart(feed.next_offsets)
    monkeypatch.undo()
    mended = live(feed.send(tick("A", 102.0, day=1)), "P")
    assert (mended.nav, mended.daily_pnl) == (102.0, None)


def test_fractions_of_nearly_nothing_are_not_stated() -> None:
    assert var_fraction(1e10, 5e-324) is None
    assert var_fraction(1.0, 2.0) == 0.5
    use = limit_use(LimitMeasure.VAR, 1e10, 5e-324, 5e-324)
    assert (use.used, use.level) == (None, LimitLevel.BREACH)


def test_quantities_and_prices_at_their_bounds_are_valued() -> None:
    largest = 9.999999999999998e14
    feed = Feed()
    feed.send(
        Instrument(
            instrument="BIG", asset_class=AssetClass.EQUITY, currency="USD", multiplier=largest
        ),
        portfolio("P", holding("BIG", largest, largest)),
    )
    snapshot = live(feed.send(tick("BIG", largest)), "P")
    assert snapshot.nav == pytest.approx(1e45)
    assert snapshot.missing == ()
    assert is_finite(snapshot)
    assert isinstance(feed.book, Book)
