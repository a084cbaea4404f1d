"""Stressed VaR in every snapshot: which windows, when, and what is said where there is none."""

from __future__ import annotations

import datetime as dt

import msgspec
import numpy as np
import pytest

from system.contracts.measures import StressedRisk
from system.contracts.messages import (
    AssetClass,
    ClosePoint,
    Instrument,
    RiskSnapshot,
    StressedHistory,
)
from system.risk.confidence import Confidence
from system.risk.historical import historical_var
from tests.system.book.feed import (
    DAY,
    Feed,
    holding,
    live,
    numbers,
    opened,
    portfolio,
    rate,
    reasons,
    tick,
    trade,
    walk,
)
from tests.system.book.valuation.test_options import optioned

FIRST, LAST = dt.date(2008, 9, 2), dt.date(2008, 9, 30)


def crisis(
    series: str,
    seed: int,
    *,
    window: str = "2008",
    first: dt.date = FIRST,
    last: dt.date = LAST,
    start: float = 50.0,
    version: str = "v1",
) -> StressedHistory:
    """Return closes of every day of a window and of the day before it."""
    count = (last - first).days + 2
    days = [first + dt.timedelta(days=index - 1) for index in range(count)]
    closes = walk(seed, start=start, count=count)
    return StressedHistory(
        window=window,
        first=first,
        last=last,
        version=version,
        series=series,
        closes=tuple(ClosePoint(*point) for point in zip(days, closes, strict=True)),
    )


CRISIS = (
    crisis("A", 21),
    crisis("B", 22),
    crisis("fx:USD", 23, start=1.4),
)


def stressed(snapshot: RiskSnapshot, window: str = "2008") -> StressedRisk:
    (found,) = (window_risk for window_risk in snapshot.stressed if window_risk.window == window)
    return found


def feed_with(*messages: object, quantity: float = 10.0) -> Feed:
    feed = opened(holding("A", quantity))
    assert feed.send(*messages).rejected == ()
    return feed


def test_a_snapshot_states_the_var_of_todays_book_under_the_returns_of_the_crisis() -> None:
    risk = stressed(live(feed_with(*CRISIS).send(tick("A", 120.0))))
    closes = np.array([point.value for point in CRISIS[0].closes])
    pnl = 10.0 * 120.0 * (closes[1:] / closes[:-1] - 1.0)
    assert risk.var == pytest.approx(historical_var(pnl, confidence=Confidence.parse("0.8")))
    assert (risk.scenario_count, risk.tail_rank) == (29, 6)
    assert (risk.first, risk.last, risk.version) == (FIRST, LAST, "v1")
    assert risk.not_available == ""
    assert risk.proxied == ()


def test_the_rate_moves_inside_the_scenarios_of_a_crisis() -> None:
    feed = opened(holding("B", 7.0))
    feed.send(*CRISIS)
    risk = stressed(live(feed.send(tick("B", 90.0), rate("USD", 1.2))))
    closes, rates = (np.array([point.value for point in history.closes]) for history in CRISIS[1:])
    growth = closes[1:] / closes[:-1] * (rates[1:] / rates[:-1])
    pnl = 7.0 * 90.0 * 1.2 * (growth - 1.0)
    assert risk.var == pytest.approx(historical_var(pnl, confidence=Confidence.parse("0.8")))


def test_without_stressed_data_a_snapshot_states_no_window() -> None:
    assert live(feed_with().send(tick("A", 120.0))).stressed == ()


def test_windows_stand_in_order_of_name() -> None:
    later = crisis("A", 5, window="2020", first=DAY - dt.timedelta(40), last=DAY - dt.timedelta(9))
    snapshot = live(feed_with(later, *CRISIS).send(tick("A", 120.0)))
    assert [window_risk.window for window_risk in snapshot.stressed] == ["2008", "2020"]


def test_a_window_that_is_not_over_is_not_available_with_n() -> None:
    now = crisis("A", 5, window="now", first=DAY - dt.timedelta(20), last=DAY + dt.timedelta(20))
    snapshot = live(feed_with(now).send(tick("A", 120.0)))
    risk = stressed(snapshot, "now")
    assert (risk.var, risk.tail_rank, risk.scenario_count) == (None, None, 20)
    assert f"ends on {now.last}, not before the as-of date" in risk.not_available
    assert snapshot.var is not None


def test_a_window_becomes_available_once_the_as_of_date_has_passed_it() -> None:
    now = crisis("A", 5, window="now", first=DAY - dt.timedelta(20), last=DAY)
    feed = feed_with(now)
    feed.close(0, tick("A", 120.0))
    assert stressed(live(feed.send(tick("A", 121.0, day=1))), "now").var is None
    feed.close(1, tick("A", 122.0, day=1, hour=16))
    assert stressed(live(feed.send(tick("A", 121.0, day=2))), "now").var is not None


def test_a_tail_too_thin_for_the_confidence_is_not_available_and_fails_nothing() -> None:
    feed = feed_with(*CRISIS)
    feed.send(
        msgspec.structs.replace(
            portfolio("T", holding("A", 1.0), window=100, confidence="0.8"), confidence="0.99"
        )
    )
    risk = stressed(live(feed.send(tick("A", 120.0)), "T"))
    assert (risk.var, risk.scenario_count) == (None, 29)
    assert "29 scenarios are too few" in risk.not_available


def test_an_instrument_without_history_in_the_window_is_named_and_the_var_stands() -> None:
    feed = opened(holding("A", 1.0), holding("D", 1.0))
    feed.send(*CRISIS)
    snapshot = live(feed.send(tick("A", 120.0)))
    risk = stressed(snapshot)
    assert risk.var is None
    assert "no history of D" in risk.not_available
    assert snapshot.var is not None


def test_a_proxy_moves_in_the_crisis_for_an_instrument_without_history_and_is_named() -> None:
    feed = opened()
    young = Instrument(instrument="N", asset_class=AssetClass.ETF, currency="USD", proxy="A")
    feed.send(
        *CRISIS, young, portfolio("N", holding("N", 10.0)), portfolio("A", holding("A", 10.0))
    )
    fold = feed.send(tick("A", 120.0), tick("N", 120.0))
    found, own = stressed(live(fold, "N")), stressed(live(fold, "A"))
    assert found.var == own.var
    assert found.proxied == ("N=A",)
    assert live(fold, "N").proxied == ("N=A",)
    assert live(fold, "N").var == live(fold, "A").var


def test_an_option_keeps_its_volatility_in_a_crisis_without_a_history_of_it_and_is_named() -> None:
    feed = optioned(*CRISIS)
    without = stressed(live(feed.send(tick("B", 103.0)), "O"))
    assert without.var is not None
    assert without.constant_volatility == ("B.CALL",)
    feed.send(crisis("VOL", 24))
    moved = stressed(live(feed.send(tick("B", 103.0, hour=16)), "O"))
    assert moved.constant_volatility == ()
    assert moved.var != without.var


def test_stressed_data_of_another_version_or_other_dates_are_a_conflict() -> None:
    feed = feed_with(*CRISIS)
    fold = feed.send(
        crisis("C", 3, version="v2"), crisis("C", 3, last=LAST - dt.timedelta(1)), crisis("A", 99)
    )
    assert [str(reason) for reason in reasons(fold)] == ["conflict"] * 3
    assert "version of window 2008 is v1, not v2" in fold.rejected[0].detail
    assert "last of window 2008" in fold.rejected[1].detail
    assert "closes of A in window 2008" in fold.rejected[2].detail


def test_the_same_stressed_data_again_are_a_duplicate() -> None:
    feed = feed_with(*CRISIS)
    assert feed.send(*CRISIS).rejected == ()
    assert feed.counts("reference")["duplicate"] == 3


def test_a_trade_changes_the_stressed_var_at_once() -> None:
    feed = feed_with(*CRISIS)
    before = stressed(live(feed.send(tick("A", 120.0))))
    after = stressed(live(feed.send(trade("t", "A", 10.0, 120.0))))
    assert before.var is not None
    assert after.var == pytest.approx(2.0 * before.var)


def test_a_restarted_book_states_the_same_stressed_bits() -> None:
    feed = feed_with(*CRISIS)
    first = live(feed.send(tick("A", 120.0)))
    feed.restart(dict(feed.next_offsets))
    again = live(feed.book.revalue(fence=1, epoch=7))
    assert numbers(again) == numbers(first)
    assert again.stressed == first.stressed
    assert stressed(again).var is not None
