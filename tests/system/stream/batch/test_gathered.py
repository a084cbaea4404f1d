"""Batches gathered into one transaction: state by key, the newest live snapshot, all the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from system.book.ingest.fold import Fold
from system.contracts.limits import LimitEvent, LimitLevel, LimitMeasure
from system.contracts.messages import Rejected, RejectReason, RiskSnapshot, SnapshotKind
from system.store.records import LastRecord
from system.store.sample_snapshots import sample_snapshot
from system.stream.batch.gathered import Gathered

EMPTY = Fold((), (), {"trades:0": 0}, {}, (), 0)


def snapshot(epoch: int, book: str = "P", **changes: Any) -> RiskSnapshot:
    made = sample_snapshot(book, fence=1, epoch=epoch, position_count=1)
    plain = {"kind": SnapshotKind.LIVE, "trade_ids": (), "var_fraction": 0.01}
    return msgspec.structs.replace(made, **{**plain, **changes})


def gathered(*folds: Fold, announce: bool = True) -> Gathered:
    made = Gathered(1, 4, {"trades:0": 0}, since_ns=0)
    for epoch, fold in enumerate(folds, 4):
        made.add(fold, epoch=epoch, announce=announce, last={})
    return made


def kept(*snapshots: RiskSnapshot) -> list[str]:
    """Return what is kept of snapshots that come one a batch."""
    batch = gathered(*(replace(EMPTY, snapshots=(each,)) for each in snapshots)).commit()
    return [each.snapshot_id for each in batch.snapshots]


def ids(*snapshots: RiskSnapshot) -> list[str]:
    return [each.snapshot_id for each in snapshots]


def test_it_is_one_transaction_from_the_first_batch_to_the_last():
    folds = [replace(EMPTY, offsets={"trades:0": at}) for at in (2, 5, 9)]
    batch = gathered(*folds).commit()
    assert (batch.fence, batch.first_epoch, batch.epoch, batch.after_epoch) == (1, 4, 6, 3)
    assert (batch.follows, batch.offsets) == ({"trades:0": 0}, {"trades:0": 9})


def test_each_row_of_the_state_has_its_newest_value():
    states: list[dict[str, bytes | None]] = [
        {"a": b"1", "b": b"1", "c": b"1"},
        {"b": b"2", "c": None, "d": None},
        {"d": b"3"},
    ]
    batch = gathered(*(replace(EMPTY, state=state) for state in states)).commit()
    assert batch.state == {"a": b"1", "b": b"2", "c": None, "d": b"3"}


def test_of_live_snapshots_the_newest_of_each_portfolio_is_kept():
    first, other, last = snapshot(4), snapshot(5, "Q"), snapshot(6)
    assert kept(first, other, last) == ids(other, last)


def test_a_snapshot_that_names_a_trade_is_kept():
    naming = snapshot(4, trade_ids=("t1",))
    assert kept(naming, snapshot(5), last := snapshot(6)) == ids(naming, last)


def test_an_end_of_day_is_kept():
    end = snapshot(5, kind=SnapshotKind.END_OF_DAY)
    assert kept(snapshot(4), end, last := snapshot(6)) == ids(end, last)


@pytest.mark.parametrize("sides", [(0.01, 0.03, 0.01), (None, 0.01, None)])
def test_both_sides_of_a_crossed_limit_are_kept(sides):
    """A row that crossed the limit is pinned in the history; it must come there first."""
    crossing = [snapshot(epoch, var_fraction=side) for epoch, side in enumerate(sides)]
    assert kept(*crossing) == ids(*crossing)


def test_the_snapshot_at_which_a_level_changed_is_kept():
    raised = snapshot(4)
    event = LimitEvent(
        portfolio="P",
        measure=LimitMeasure.GROSS,
        before=LimitLevel.OK,
        after=LimitLevel.WARNING,
        value=0.9,
        warning=0.8,
        breach=1.0,
        snapshot_id=raised.snapshot_id,
        event_time_ns=0,
    )
    folds = [
        replace(EMPTY, snapshots=(raised,), limit_events=(event,)),
        replace(EMPTY, snapshots=(snapshot(5),)),
        replace(EMPTY, snapshots=(last := snapshot(6),)),
    ]
    batch = gathered(*folds).commit()
    assert ids(*batch.snapshots) == ids(raised, last)
    assert batch.limit_events == (event,)


def test_every_rejected_message_is_kept_in_order():
    rejections = [
        Rejected(
            topic="trades",
            partition=0,
            offset=offset,
            reason=RejectReason.INVALID,
            detail="",
            value="",
        )
        for offset in range(3)
    ]
    batch = gathered(*(replace(EMPTY, rejected=(each,)) for each in rejections)).commit()
    assert list(batch.rejected) == rejections


def test_the_newest_record_below_each_offset_is_kept():
    made = Gathered(1, 0, {}, since_ns=0)
    for epoch in range(2):
        last = {"trades:0": LastRecord(f"digest {epoch}", epoch)}
        made.add(EMPTY, epoch=epoch, announce=True, last=last)
    assert made.commit().last_records == {"trades:0": LastRecord("digest 1", 1)}


def test_only_ends_of_day_are_announced_while_live_snapshots_are_held_back():
    live, end = snapshot(4), snapshot(4, "Q", kind=SnapshotKind.END_OF_DAY)
    made = gathered(replace(EMPTY, snapshots=(end, live)), announce=False)
    assert ids(*made.announced()) == ids(end)
