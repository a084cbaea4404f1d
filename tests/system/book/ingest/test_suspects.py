"""Isolated ticks and rates: counted, named, and rejected once following ones contradict them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from system.contracts.codec import encode
from system.contracts.messages import AssetClass, RejectReason
from system.risk.scenarios.suspect_returns import MOVE_BOUNDS
from tests.system.book.feed import (
    MARKET,
    Feed,
    end_of_day,
    history,
    holding,
    instrument,
    live,
    opened,
    portfolio,
    rate,
    reasons,
    tick,
)
from tests.system.book.script import Script, folded
from tests.system.book.script import cuts as any_cuts
from tests.system.book.script import restarts as any_restarts
from tests.system.book.state.test_adjustments import split


def ticked(*prices: float, name: str = "A") -> tuple[Feed, list]:
    """Return a feed that has had ticks of a share one by one, and what each batch did."""
    feed = opened(holding(name, 10.0))
    folds = [
        feed.send(tick(name, price, hour=14.0 + index / 10)) for index, price in enumerate(prices)
    ]
    return feed, folds


def test_a_tick_that_two_following_ones_contradict_is_rejected_after_all() -> None:
    feed, folds = ticked(100.0, 10.0, 100.5, 99.5)
    assert [reasons(fold) for fold in folds] == [[], [], [], [RejectReason.CONTRADICTED]]
    (row,) = folds[-1].rejected
    assert (row.topic, row.value) == (
        "market_data",
        encode(tick("A", 10.0, hour=14.1)).decode(),
    )
    assert "A at 10 between 100 before" in row.detail
    assert feed.counts("market_data") == {"applied": 3, "rejected": 1}


def test_it_counts_until_then_and_the_snapshot_names_it() -> None:
    _, folds = ticked(100.0, 10.0, 100.5, 99.5)
    snapshots = [live(fold) for fold in folds]
    assert [snapshot.positions[0].price for snapshot in snapshots] == [100.0, 10.0, 100.5, 99.5]
    named = ("A 2020-02-03",)
    assert [snapshot.suspect_ticks for snapshot in snapshots] == [(), named, named, ()]


@pytest.mark.parametrize(
    "prices",
    [
        (100.0, 60.0, 62.0, 61.0, 60.0),
        (100.0, 60.0, 100.0, 61.0, 62.0),
        (100.0, 80.0, 100.0, 101.0),
        (100.0, 130.0, 120.0, 100.0, 100.0),
        (100.0, 80.0, 62.0, 50.0, 40.0, 50.0, 62.0, 80.0, 100.0),
    ],
    ids=["a fall", "two flickers", "within the bound", "half way back", "a crash in steps"],
)
def test_a_move_that_following_ticks_do_not_contradict_stands(prices) -> None:
    feed, folds = ticked(*prices)
    assert [reasons(fold) for fold in folds if fold.rejected] == []
    assert feed.counts("market_data") == {"applied": len(prices)}


def test_a_suspect_tick_that_made_the_close_stands() -> None:
    feed, _ = ticked(100.0, 10.0)
    closed = end_of_day(feed.close(0))
    assert closed.positions[0].price == 10.0
    assert "A 2020-02-03" in closed.suspect
    fold = feed.send(tick("A", 100.0, day=1), tick("A", 100.0, day=1, hour=16.0))
    assert reasons(fold) == []
    assert "A 2020-02-03" in end_of_day(feed.close(1)).suspect


def test_late_and_repeated_ticks_contradict_nothing() -> None:
    feed, _ = ticked(100.0, 10.0)
    back = tick("A", 100.0, hour=15.0)
    fold = feed.send(back, back, tick("A", 100.0, hour=14.5))
    assert reasons(fold) == []
    assert feed.counts("market_data") == {"applied": 3, "duplicate": 1, "superseded": 1}


def test_a_split_over_night_is_no_suspect_tick() -> None:
    feed = opened(holding("A", 10.0))
    feed.close(0, tick("A", 100.0), split())
    fold = feed.send(tick("A", 25.0, day=1))
    assert live(fold).suspect_ticks == ()


@pytest.mark.parametrize("asset_class", [AssetClass.ETF, AssetClass.FUTURE, AssetClass.EQUITY])
def test_each_class_has_its_bound(asset_class) -> None:
    bound = MOVE_BOUNDS[asset_class]
    for move, is_suspect in ((bound * 0.99, False), (bound * 1.01, True)):
        feed = opened()
        feed.send(instrument("N", asset_class), portfolio("N", holding("N", 1.0)))
        feed.send(tick("N", 100.0))
        fold = feed.send(tick("N", 100.0 * (1 + move), hour=16.0))
        assert bool(live(fold, "N").suspect_ticks) is is_suspect


# -- rates -----------------------------------------------------------------------------------


def rated(*values: float, currency: str = "JPY") -> tuple[Feed, list]:
    """Return a feed of a book in yen that has had rates one by one, and what each batch did."""
    feed = Feed()
    feed.send(
        instrument("Y", currency=currency), portfolio("P", holding("Y", 10.0), base_currency="EUR")
    )
    feed.send(tick("Y", 1_000.0, hour=9.0))
    folds = [
        feed.send(rate(currency, value, hour=14.0 + index / 10))
        for index, value in enumerate(values)
    ]
    return feed, folds


def test_a_rate_that_two_following_ones_contradict_is_rejected_after_all() -> None:
    feed, folds = rated(120.0, 1.2, 120.1, 120.2)
    assert [reasons(fold) for fold in folds] == [[], [], [], [RejectReason.CONTRADICTED]]
    (row,) = folds[-1].rejected
    assert (row.topic, row.offset) == ("fx_rates", 1)
    assert row.value == encode(rate("JPY", 1.2, hour=14.1)).decode()
    assert "fx:JPY at 1.2 between 120 before" in row.detail
    assert feed.counts("fx_rates") == {"applied": 3, "rejected": 1}


def test_a_wild_rate_counts_and_is_named_until_it_is_judged() -> None:
    _, folds = rated(120.0, 1.2, 120.1, 120.2)
    snapshots = [live(fold) for fold in folds]
    assert [snapshot.rates["JPY"] for snapshot in snapshots] == [120.0, 1.2, 120.1, 120.2]
    named = ("fx:JPY 2020-02-03",)
    assert [snapshot.suspect_ticks for snapshot in snapshots] == [(), named, named, ()]


@pytest.mark.parametrize(
    ("values", "suspect_after"),
    [
        ((1.20, 0.98, 1.03, 1.04), [0, 1, 0, 0]),
        ((1.20, 0.98, 1.20, 1.00, 1.01), [0, 1, 1, 1, 0]),
        ((120.0, 1 / 120.0, 1 / 120.1, 1 / 120.2), [0, 1, 0, 0]),
        ((120.0, 1.2, 1.21, 120.0, 120.1), [0, 1, 0, 1, 0]),
        ((120.0, 131.0, 121.0, 120.0), [0, 0, 0, 0]),
        ((1.2, 120.0, 120.1), [0, 1, 0]),
    ],
    ids=[
        "the franc of January 2015",
        "a peg that breaks at the second attempt",
        "inverse for good",
        "two wrong ones in a row",
        "within the bound",
        "the first one is wrong",
    ],
)
def test_a_rate_that_following_ones_do_not_contradict_is_confirmed(values, suspect_after) -> None:
    feed, folds = rated(*values)
    assert [reasons(fold) for fold in folds if fold.rejected] == []
    assert [len(live(fold).suspect_ticks) for fold in folds] == suspect_after
    assert feed.counts("fx_rates") == {"applied": len(values)}


def test_a_rate_quoted_the_wrong_way_round_is_contradicted() -> None:
    _, folds = rated(120.0, 1 / 120.0, 120.0, 120.0)
    assert reasons(folds[-1]) == [RejectReason.CONTRADICTED]


def test_a_wild_rate_that_made_the_close_is_confirmed() -> None:
    feed, _ = rated(120.0, 1.2)
    assert end_of_day(feed.close(0)).rates["JPY"] == 1.2
    fold = feed.send(rate("JPY", 120.0, day=1), rate("JPY", 120.1, day=1, hour=16.0))
    assert reasons(fold) == []
    assert live(fold).suspect_ticks == ()
    assert feed.counts("fx_rates") == {"applied": 4, "mark": 1}


@pytest.mark.parametrize("rates_before", [2, 3])
def test_a_suspect_rate_survives_a_restart(rates_before: int) -> None:
    values = (120.0, 1.2, 120.1, 120.2)
    feed, _ = rated(*values[:rates_before])
    feed.restart(feed.next_offsets)
    (again,) = feed.book.revalue(fence=2, epoch=1).snapshots
    assert again.suspect_ticks == ("fx:JPY 2020-02-03",)
    rest = [rate("JPY", value, hour=15.0 + value) for value in values[rates_before:]]
    fold = feed.send(*rest)
    assert reasons(fold) == [RejectReason.CONTRADICTED]
    assert msgspec.json.decode(fold.rejected[0].value)["rate"] == 1.2


def test_the_rate_of_the_base_currency_is_named_in_a_foreign_book_only() -> None:
    feed = opened(holding("A", 1.0))
    feed.send(portfolio("Q", holding("B", 1.0)))
    feed.send(rate("USD", 1.1))
    fold = feed.send(rate("USD", 1.3, hour=16.0))
    assert live(fold, "Q").suspect_ticks == ("fx:USD 2020-02-03",)
    fold = feed.send(tick("A", 100.0))
    assert live(fold).suspect_ticks == ()


def test_pence_are_named_by_the_rate_of_the_pound() -> None:
    feed = opened(holding("C", 1.0))
    feed.send(tick("C", 900.0), rate("USD", 1.1), rate("GBP", 0.85))
    fold = feed.send(rate("GBP", 85.0, hour=16.0))
    assert live(fold).suspect_ticks == ("fx:GBP 2020-02-03",)


def test_a_wrong_first_rate_is_named_and_contradicted_where_a_close_is_known() -> None:
    feed = Feed()
    book = portfolio("P", holding("Y", 10.0), base_currency="EUR")
    feed.send(instrument("Y", currency="JPY"), history("fx:JPY", [119.0, 120.0]), book)
    first = feed.send(tick("Y", 1_000.0, hour=9.0), rate("JPY", 1 / 120.0))
    assert live(first).suspect_ticks == ("fx:JPY 2020-02-03",)
    fold = feed.send(rate("JPY", 120.1, hour=15.1), rate("JPY", 120.2, hour=15.2))
    assert reasons(fold) == [RejectReason.CONTRADICTED]
    assert live(fold).suspect_ticks == ()
    assert feed.counts("fx_rates") == {"applied": 2, "rejected": 1}


def test_a_first_tick_is_compared_with_the_last_close_in_the_shares_of_today() -> None:
    feed = opened(holding("A", 10.0))
    feed.close(0, split())
    close = feed.book.market.newest_close("A")
    assert live(feed.send(tick("A", close * 1.01, day=1))).suspect_ticks == ()
    other = opened(holding("A", 10.0))
    other.close(0)
    assert live(other.send(tick("A", close, day=1))).suspect_ticks == ("A 2020-02-04",)


def test_late_and_repeated_rates_contradict_nothing() -> None:
    feed, _ = rated(120.0, 1.2)
    back = rate("JPY", 120.0, hour=15.0)
    assert reasons(feed.send(back, back, rate("JPY", 120.0, hour=14.05))) == []
    assert feed.counts("fx_rates") == {"applied": 3, "duplicate": 1, "superseded": 1}


prices = st.sampled_from([100.0, 101.0, 99.0, 60.0, 10.0, 300.0])
names = st.sampled_from(["A", "B", "C", "fx:USD", "fx:GBP"])
days = st.lists(st.tuples(names, prices, st.integers(1, 90)), max_size=20)


def quote(name: str, price: float, day: int, hour: float):
    """Return a tick, or the rate of ``fx:CCY``."""
    if name.startswith("fx:"):
        return rate(name.removeprefix("fx:"), price / 100.0, day=day, hour=hour)
    return tick(name, price, day=day, hour=hour)


@given(st.lists(days, min_size=1, max_size=3), any_cuts, any_restarts)
@settings(max_examples=80, deadline=None)
def test_however_batches_are_cut_and_restarted_the_same_ticks_are_rejected(
    told, cuts, restarts
) -> None:
    script = Script(
        reference=(*MARKET, portfolio("P", holding("A", 10.0), holding("C", 3.0))),
        days=tuple(
            tuple(quote(name, price, day, 1 + second / 10) for name, price, second in one)
            for day, one in enumerate(told)
        ),
    )
    whole = folded(script)
    cut = folded(script, cuts=cuts, restarts=restarts)
    assert sorted(cut.rejected) == sorted(whole.rejected)
    assert cut.ends == whole.ends
    assert cut.counts == whole.counts
    for place, stated in cut.live.items():
        if place in whole.live:
            assert stated == whole.live[place]


def test_a_suspect_tick_survives_a_restart() -> None:
    feed, _ = ticked(100.0, 10.0)
    feed.restart(feed.next_offsets)
    fold = feed.send(tick("A", 100.0, hour=15.0), tick("A", 100.0, hour=15.1))
    assert reasons(fold) == [RejectReason.CONTRADICTED]
    assert msgspec.json.decode(fold.rejected[0].value)["mid"] == 10.0
