"""What is known decides what cannot be: each refusal with its reason."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from system.book.ingest.reference import Reference
from system.book.state.events import QuoteRow
from system.book.state.market import FUTURE_BOUND_DAYS, Market, Staleness
from system.book.state.quotes import QuoteOutcome
from system.book.state.rows import DayState
from system.contracts.currencies import unit_of
from system.contracts.messages import AssetClass, Instrument, Mark, RejectReason
from system.errors import MessageError
from tests.system.book.feed import (
    DAY,
    LAST_CLOSE,
    at_ns,
    date_of,
    history,
    holding,
    instrument,
    mark,
    opened,
    portfolio,
    rate,
)


class World:
    def __init__(self) -> None:
        self.market = Market(Staleness(0))
        self.reference = Reference(self.market)
        self.reference.add_instrument(instrument("A"))
        self.reference.add_instrument(instrument("EUR", AssetClass.FX, "EUR"))

    def close(self, day: int = 0) -> None:
        self.market.close_day(DayState(date=date_of(day), event_time_ns=at_ns(day, 21.0)))


@pytest.fixture
def world() -> World:
    return World()


def quote(name: str, day: int = 0, hour: float = 15.0) -> QuoteRow:
    return QuoteRow(name, 1.0, at_ns(day, hour), 1, 0)


def refusal(check, *arguments) -> RejectReason:
    with pytest.raises(MessageError) as caught:
        check(*arguments)
    assert caught.value.detail
    return RejectReason(caught.value.reason)


# -- quotes ---------------------------------------------------------------------------------


def test_a_tick_of_a_known_instrument_is_accepted(world: World) -> None:
    world.reference.check_quote(quote("A"))


def test_a_tick_of_an_unknown_instrument_is_refused(world: World) -> None:
    assert refusal(world.reference.check_quote, quote("B")) is RejectReason.UNKNOWN_INSTRUMENT


def test_money_takes_no_ticks(world: World) -> None:
    assert refusal(world.reference.check_quote, quote("EUR")) is RejectReason.INVALID


def test_a_tick_of_cash_is_refused_for_the_same_reason_whoever_asked_for_cash_before(
    world: World,
) -> None:
    before = refusal(world.reference.check_quote, quote("cash:USD"))
    world.reference.check_known("cash:USD")
    assert refusal(world.reference.check_quote, quote("cash:USD")) is before


@pytest.mark.parametrize("currency", ["EUR", "GBp"])
def test_what_is_no_rate_per_euro_is_refused(world: World, currency: str) -> None:
    assert refusal(world.reference.check_rate, quote(currency)) is RejectReason.UNKNOWN_CURRENCY


def test_a_quote_of_a_closed_day_is_late(world: World) -> None:
    world.reference.add_history(history("A", [1.0]))
    last_ns = at_ns(0, 0.0)
    late, in_time = (QuoteRow("A", 1.0, last_ns + step, 1, 0) for step in (-1, 0))
    assert refusal(world.reference.check_quote, late) is RejectReason.LATE
    world.reference.check_quote(in_time)


def test_a_quote_up_to_the_last_mark_is_late(world: World) -> None:
    world.close(0)
    assert refusal(world.reference.check_quote, quote("A", hour=21.0)) is RejectReason.LATE
    world.reference.check_quote(quote("A", hour=21.0001))
    assert refusal(world.reference.check_rate, quote("USD", hour=21.0)) is RejectReason.LATE


def test_a_quote_too_far_beyond_the_last_close_is_far_off(world: World) -> None:
    world.close(0)
    world.reference.check_quote(quote("A", day=FUTURE_BOUND_DAYS, hour=21.0))
    far = quote("A", day=FUTURE_BOUND_DAYS, hour=21.0001)
    assert refusal(world.reference.check_quote, far) is RejectReason.TIME_FAR_OFF
    far_rate = quote("USD", day=FUTURE_BOUND_DAYS, hour=21.0001)
    assert refusal(world.reference.check_rate, far_rate) is RejectReason.TIME_FAR_OFF


# -- marks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("hour", [-24.0, 0.0, 16.0, 24.0, 48.0])
def test_a_mark_may_lie_a_day_off_its_date_in_any_time_zone(world: World, hour: float) -> None:
    world.reference.check_mark(mark(0, hour=hour))


@pytest.mark.parametrize(
    "found",
    [
        mark(0, hour=-24.001),
        mark(0, hour=48.001),
        Mark(date=dt.date(9999, 12, 31), event_time_ns=at_ns()),
        Mark(date=DAY, event_time_ns=2**62),
        Mark(date=DAY, event_time_ns=0),
        Mark(date=dt.date(1, 1, 1), event_time_ns=at_ns()),
    ],
)
def test_a_mark_whose_time_is_not_of_its_date_is_far_off(world: World, found: Mark) -> None:
    assert refusal(world.reference.check_mark, found) is RejectReason.TIME_FAR_OFF


# -- instruments -------------------------------------------------------------------------------


def test_the_same_instrument_again_is_a_duplicate(world: World) -> None:
    assert world.reference.add_instrument(instrument("A")) is QuoteOutcome.DUPLICATE
    assert world.reference.add_instrument(instrument("B")) is QuoteOutcome.APPLIED


@pytest.mark.parametrize(
    "change",
    [{"currency": "EUR"}, {"asset_class": AssetClass.ETF}, {"multiplier": 2.0}, {"name": "x"}],
)
def test_an_instrument_that_contradicts_a_known_one_is_refused(world: World, change: dict) -> None:
    other = msgspec.structs.replace(instrument("A"), **change)
    assert refusal(world.reference.add_instrument, other) is RejectReason.CONFLICT
    assert world.market.instruments["A"] == instrument("A")


def test_cash_cannot_be_declared(world: World) -> None:
    other = instrument("cash:USD", AssetClass.CASH, "USD")
    assert refusal(world.reference.add_instrument, other) is RejectReason.CONFLICT


def test_nothing_with_a_price_may_bear_the_name_of_a_series_of_rates(world: World) -> None:
    """Its closes and those of the currency would be one series."""
    other = instrument("fx:USD", AssetClass.EQUITY)
    assert refusal(world.reference.add_instrument, other) is RejectReason.CONFLICT
    money = instrument("fx:USD", AssetClass.FX, "USD")
    assert world.reference.add_instrument(money) is QuoteOutcome.APPLIED


# -- histories -------------------------------------------------------------------------------


def test_closes_that_are_known_are_a_duplicate_also_in_part(world: World) -> None:
    assert world.reference.add_history(history("A", [1.0, 2.0, 3.0])) is QuoteOutcome.APPLIED
    assert world.reference.add_history(history("A", [2.0, 3.0])) is QuoteOutcome.DUPLICATE
    assert world.reference.add_history(history("A", [])) is QuoteOutcome.DUPLICATE


@pytest.mark.parametrize(
    "other",
    [
        history("A", [1.0, 2.5]),
        history("A", [0.5, 1.0, 2.0]),
        history("A", [2.0, 3.0], last=DAY),
    ],
)
def test_a_close_that_contradicts_or_extends_a_known_series_is_refused(world: World, other) -> None:
    world.reference.add_history(history("A", [1.0, 2.0]))
    assert refusal(world.reference.add_history, other) is RejectReason.CONFLICT
    assert world.market.closes["A"].values == (1.0, 2.0)


def test_an_empty_history_does_not_stand_in_the_way_of_a_full_one(world: World) -> None:
    assert world.reference.add_history(history("A", [])) is QuoteOutcome.APPLIED
    assert world.reference.add_history(history("A", [1.0])) is QuoteOutcome.APPLIED
    assert world.market.closes["A"].values == (1.0,)


def test_nobody_sees_closes_of_days_to_come(world: World) -> None:
    world.close(0)
    ahead = history("A", [1.0, 2.0], last=date_of(1))
    assert refusal(world.reference.add_history, ahead) is RejectReason.TIME_FAR_OFF
    assert "A" not in world.market.closes
    assert world.reference.add_history(history("A", [1.0], last=DAY)) is QuoteOutcome.APPLIED


# -- portfolios -----------------------------------------------------------------------------


def test_a_book_of_known_instruments_is_accepted(world: World) -> None:
    world.reference.check_portfolio(portfolio("P", holding("A", 1.0), holding("cash:CHF", 1.0)))


@pytest.mark.parametrize("name", ["B", "cash:foo", "cash:"])
def test_a_book_with_an_unknown_instrument_is_refused(world: World, name: str) -> None:
    book = portfolio("P", holding("A", 1.0), holding(name, 1.0))
    assert refusal(world.reference.check_portfolio, book) is RejectReason.UNKNOWN_INSTRUMENT


@pytest.mark.parametrize("confidence", ["0.5", "0.0", "0.05", "0.000001"])
def test_a_confidence_that_is_none_is_refused(world: World, confidence: str) -> None:
    book = portfolio(confidence=confidence)
    assert refusal(world.reference.check_portfolio, book) is RejectReason.INVALID


def test_the_last_close_before_is_the_bound_of_a_series_with_history(world: World) -> None:
    world.reference.add_history(history("A", [1.0], last=LAST_CLOSE - dt.timedelta(days=30)))
    assert refusal(world.reference.check_quote, quote("A")) is RejectReason.TIME_FAR_OFF


def test_pence_in_another_spelling_are_the_same_instrument() -> None:
    feed = opened()
    london = Instrument(instrument="EZJ.L", asset_class=AssetClass.EQUITY, currency="GBp")
    spelled, pounds, dearer = (
        msgspec.structs.replace(london, currency="GBX"),
        msgspec.structs.replace(london, currency="GBP"),
        msgspec.structs.replace(london, currency="GBX", multiplier=2.0),
    )
    fold = feed.send(london, spelled, pounds, dearer)
    assert [rejection.reason for rejection in fold.rejected] == [RejectReason.CONFLICT] * 2
    assert feed.counts("reference")["duplicate"] == 1


@pytest.mark.parametrize("unit", ["GBp", "GBX", "ILA", "KWF"])
def test_a_rate_of_a_minor_unit_is_rejected_with_the_currency_to_quote(unit: str) -> None:
    (rejected,) = opened().send(rate(unit, 1.0)).rejected
    assert rejected.reason is RejectReason.UNKNOWN_CURRENCY
    assert unit_of(unit).currency in rejected.detail
