"""Which snapshots are kept for ever."""

from __future__ import annotations

from system.contracts.messages import SnapshotKind
from system.store.postgres.retention import LimitWatch
from system.store.sample_snapshots import sample_snapshot


def test_a_trade_and_an_end_of_day_are_pinned_and_plain_ticks_are_not() -> None:
    watch = LimitWatch()
    watch.pins(sample_snapshot())
    assert not watch.pins(sample_snapshot(epoch=1))
    assert watch.pins(sample_snapshot(epoch=2, trade_ids=("t",)))
    assert watch.pins(sample_snapshot(epoch=3, kind=SnapshotKind.END_OF_DAY))


def test_crossing_the_limit_is_pinned_both_ways_and_staying_beyond_is_not() -> None:
    watch = LimitWatch()
    over = [watch.pins(sample_snapshot(var_fraction=f)) for f in (0.01, 0.03, 0.03, 0.01, 0.01)]
    assert over == [True, True, False, True, False]


def test_each_portfolio_has_its_own_side_of_the_limit() -> None:
    watch = LimitWatch()
    watch.pins(sample_snapshot("alpha", var_fraction=0.03))
    assert watch.pins(sample_snapshot("beta", var_fraction=0.01))
    assert not watch.pins(sample_snapshot("alpha", var_fraction=0.03))


def test_a_limit_that_stops_meaning_something_is_a_crossing() -> None:
    watch = LimitWatch()
    watch.pins(sample_snapshot())
    assert watch.pins(sample_snapshot(var_fraction=None))
