"""The laws of the history, for PostgreSQL and for its fake alike."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from system.book.state.rows import TradeState
from system.contracts.codec import encode
from system.contracts.messages import Rejected, RejectReason, SnapshotKind, Trade
from system.store.errors import CommitsUndoneError, FencedError, SnapshotConflictError
from system.store.postgres.history import RiskHistory
from system.store.postgres.history_fake import MemoryHistory
from system.store.records import (
    BatchCommit,
    LastRecord,
    PageKey,
    Position,
    SnapshotQuery,
    StoredState,
)
from system.store.sample_snapshots import FIRST_EVENT_NS, sample_snapshot

History = RiskHistory | MemoryHistory
GARBAGE = 'not JSON: \x00 \\ " \n ü 💥'


def rejected(offset: int, reason: RejectReason = RejectReason.NOT_JSON) -> Rejected:
    return Rejected(
        topic="trades", partition=0, offset=offset, reason=reason, detail="why", value=GARBAGE
    )


def with_snapshots(history: History, count: int) -> list[str]:
    fence = history.acquire_fence()
    snapshots = [sample_snapshot(epoch=epoch, fence=fence) for epoch in range(count)]
    for snapshot in snapshots:
        history.commit(BatchCommit(fence, snapshot.epoch, {}, snapshots=[snapshot]))
    return [snapshot.snapshot_id for snapshot in snapshots]


def test_a_new_store_has_nothing_and_no_last_commit(history: History) -> None:
    stored = history.load()
    assert (stored.offsets, stored.state, history.committed()) == ({}, {}, None)


def test_a_commit_is_what_the_next_driver_loads(history: History) -> None:
    fence = history.acquire_fence()
    first = BatchCommit(fence, 0, {"trades:0": 4}, {"a": b'{"x":-0.0}', "b": b"[1e22]"})
    second = BatchCommit(fence, 1, {"trades:0": 5, "fx_rates:0": 1}, {"b": None, "c": b'"\\u0000"'})
    assert history.commit(first)
    assert history.commit(second)
    stored = history.load()
    assert stored.offsets == {"trades:0": 5, "fx_rates:0": 1}
    assert stored.state == {"a": b'{"x":-0.0}', "c": b'"\\u0000"'}
    assert history.committed() == Position(fence, 1)


def test_a_batch_that_was_committed_changes_nothing_again(history: History) -> None:
    fence = history.acquire_fence()
    batch = BatchCommit(fence, 0, {"trades:0": 4}, {"a": b"1"})
    assert history.commit(batch)
    assert not history.commit(batch)
    assert history.load().offsets == {"trades:0": 4}
    assert history.load().state == {"a": b"1"}


@pytest.mark.parametrize("epoch", [0, 1, 3, 4], ids=lambda epoch: f"epoch {epoch}")
def test_a_batch_that_does_not_follow_the_last_one_is_refused(history: History, epoch) -> None:
    fence = history.acquire_fence()
    for each in (0, 1):
        assert history.commit(BatchCommit(fence, each, {"trades:0": each + 1}))
    with pytest.raises(CommitsUndoneError, match="PostgreSQL holds"):
        history.commit(BatchCommit(fence, epoch, {"trades:0": 9}, {"a": b"2"}))
    assert history.load() == StoredState({"trades:0": 2}, {})
    assert history.commit(BatchCommit(fence, 2, {"trades:0": 3})), "the next one still follows"


def test_a_batch_is_not_committed_onto_other_offsets_than_its_driver_left(history: History) -> None:
    fence = history.acquire_fence()
    assert history.commit(BatchCommit(fence, 0, {"trades:0": 4, "fx_rates:0": 2}))
    next_batch = BatchCommit(fence, 1, {"trades:0": 6}, follows={"trades:0": 5, "fx_rates:0": 2})
    with pytest.raises(CommitsUndoneError, match="trades:0 at offset 4 instead of 5"):
        history.commit(next_batch)
    assert history.load().offsets == {"trades:0": 4, "fx_rates:0": 2}
    assert history.commit(replace(next_batch, follows={"trades:0": 4, "fx_rates:0": 2}))


def test_a_fence_that_was_taken_back_is_no_takeover(history: History) -> None:
    fence = history.acquire_fence()
    with pytest.raises(CommitsUndoneError, match="a backup that was restored"):
        history.commit(BatchCommit(fence + 1, 0, {}))


def test_a_fence_is_above_the_one_that_redis_has_seen(history: History) -> None:
    assert history.acquire_fence(above=999) == 1000
    assert history.acquire_fence(above=7) == 1001


def test_the_last_record_of_a_partition_is_kept_with_its_offset(history: History) -> None:
    fence = history.acquire_fence()
    last = {"trades:0": LastRecord("5e" * 32, 7)}
    history.commit(BatchCommit(fence, 0, {"trades:0": 4, "fx_rates:0": 1}, last_records=last))
    assert history.load().last_records == last
    history.commit(BatchCommit(fence, 1, {"trades:0": 4, "fx_rates:0": 2}))
    assert history.load().last_records == last, "nothing came: the record is the same"
    history.commit(BatchCommit(fence, 2, {"trades:0": 5, "fx_rates:0": 2}))
    assert history.load().last_records == {}, "no digest is better than that of another record"


def test_a_driver_that_was_superseded_writes_nothing_more(history: History) -> None:
    old = history.acquire_fence()
    new = history.acquire_fence()
    assert new > old
    with pytest.raises(FencedError, match=f"fence {old} is superseded by {new}"):
        history.commit(BatchCommit(old, 0, {"trades:0": 1}, {"a": b"1"}, [sample_snapshot()]))
    assert history.load().state == {}
    assert history.snapshot("alpha-1-0") is None


def test_a_new_driver_starts_its_epochs_afresh(history: History) -> None:
    history.commit(BatchCommit(history.acquire_fence(), 0, {}))
    second = history.acquire_fence()
    assert history.committed() == Position(second - 1, 0)
    assert history.commit(BatchCommit(second, 0, {}))
    assert history.committed() == Position(second, 0)


def test_a_snapshot_comes_back_to_the_bit(history: History) -> None:
    snapshot = sample_snapshot(
        position_count=7,
        nav=0.1 + 0.2,
        var=-5e-324,
        diversification=-0.0,
        expected_shortfall=1.7976931348623157e308,
        trade_ids=("t,1", 'quote"d', "back\\slash", "{}"),
    )
    history.commit(BatchCommit(history.acquire_fence(), 0, {}, snapshots=[snapshot]))
    read_back = history.snapshot(snapshot.snapshot_id)
    assert read_back == snapshot
    assert encode(read_back) == encode(snapshot) == history.snapshot_json(snapshot.snapshot_id)


def test_a_second_snapshot_of_one_id_is_an_error_and_the_first_stays(history: History) -> None:
    fence = history.acquire_fence()
    history.commit(BatchCommit(fence, 0, {}, snapshots=[sample_snapshot(nav=1.0)]))
    with pytest.raises(SnapshotConflictError, match=r"alpha-1-0.* already exists"):
        history.commit(BatchCommit(fence, 1, {"a:0": 1}, snapshots=[sample_snapshot(nav=2.0)]))
    read_back = history.snapshot("alpha-1-0")
    assert read_back is not None
    assert read_back.nav == 1.0
    assert history.load().offsets == {}, "nothing of the batch is there"


def test_snapshots_come_in_order_of_time_and_by_kind(history: History) -> None:
    fence = history.acquire_fence()
    batch = [
        sample_snapshot(epoch=2),
        sample_snapshot(epoch=1, kind=SnapshotKind.END_OF_DAY),
        sample_snapshot(epoch=0),
        sample_snapshot("beta", epoch=1),
    ]
    history.commit(BatchCommit(fence, 0, {}, snapshots=batch))
    everything = [s.snapshot_id for s in history.snapshots(SnapshotQuery("alpha"))]
    assert everything == ["alpha-1-0", "alpha-eod-2020-02-04", "alpha-1-2"]
    closes = history.snapshots(SnapshotQuery("alpha", kind=SnapshotKind.END_OF_DAY))
    assert [s.asof for s in closes] == [dt.date(2020, 2, 4)]
    newest = history.snapshots(SnapshotQuery("alpha", newest_first=True, limit=1))
    assert [s.snapshot_id for s in newest] == ["alpha-1-2"]


def test_a_time_range_includes_its_start_and_not_its_end(history: History) -> None:
    ids = with_snapshots(history, 5)
    start, end = (FIRST_EVENT_NS + epoch * 100_000_000 for epoch in (1, 3))
    points = history.points(SnapshotQuery("alpha", from_ns=start, to_ns=end))
    assert [point.snapshot_id for point in points] == ids[1:3]


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_are_the_whole_without_gap_or_overlap(history: History, newest_first: bool) -> None:
    ids = with_snapshots(history, 7)
    after: PageKey | None = None
    seen: list[str] = []
    while page := history.points(
        SnapshotQuery("alpha", limit=3, after=after, newest_first=newest_first)
    ):
        seen += [point.snapshot_id for point in page]
        last = page[-1]
        after = PageKey(last.event_time_ns, last.fence, last.epoch, last.snapshot_id)
    assert seen == (ids[::-1] if newest_first else ids)


def test_a_point_holds_what_its_snapshot_says(history: History) -> None:
    snapshot = sample_snapshot(kind=SnapshotKind.END_OF_DAY, var=None, var_fraction=None)
    history.commit(BatchCommit(history.acquire_fence(), 0, {}, snapshots=[snapshot]))
    (point,) = history.points(SnapshotQuery("alpha"), with_components=True)
    assert point.component_var == {p.instrument: p.component_var for p in snapshot.positions}
    for name in ("kind", "asof", "nav", "var", "expected_shortfall", "breach", "previous_var"):
        assert getattr(point, name) == getattr(snapshot, name)
    (plain,) = history.points(SnapshotQuery("alpha"))
    assert plain.component_var is None


def test_a_rejected_message_is_kept_once_with_its_bytes(history: History) -> None:
    fence = history.acquire_fence()
    history.commit(BatchCommit(fence, 0, {}, rejected=[rejected(1), rejected(2)]))
    history.commit(BatchCommit(fence, 1, {}, rejected=[rejected(2), rejected(3)]))
    rows, after = history.rejected(limit=10)
    assert [row.offset for row in rows] == [3, 2, 1]
    assert {row.value for row in rows} == {GARBAGE}
    assert after is None
    assert history.rejected_counts() == {"not_json": 3}


def test_rejected_messages_are_paged_newest_first_and_by_reason(history: History) -> None:
    late = [rejected(offset, RejectReason.LATE) for offset in range(5)]
    others = [rejected(10)]
    history.commit(BatchCommit(history.acquire_fence(), 0, {}, rejected=[*late, *others]))
    first, after = history.rejected(limit=3, reason=RejectReason.LATE)
    assert after is not None
    second, _ = history.rejected(limit=3, before=after, reason=RejectReason.LATE)
    assert [row.offset for row in (*first, *second)] == [4, 3, 2, 1, 0]
    assert history.rejected_counts() == {"late": 5, "not_json": 1}


def test_state_is_read_by_key_and_by_prefix(history: History) -> None:
    state = {"trade:1": b"1", "trade:2": b"2", "trades": b"3", "portfolio:a": b"4"}
    history.commit(BatchCommit(history.acquire_fence(), 0, {}, state))
    assert history.state_value("trade:2") == b"2"
    assert history.state_value("trade:3") is None
    assert history.state_values(["trade:1", "none"]) == {"trade:1": b"1"}
    assert history.state_keys("trade:") == ["trade:1", "trade:2"]


def test_rows_that_contain_a_text_are_found_under_a_prefix(history: History) -> None:
    state = {
        "ids:1": b'["a_b-%c"]',
        "ids:2": b'["a_b-%cd"]',
        "idsx": b'"a_b-%c"',
        "ids:3": b'["%"]',
    }
    history.commit(BatchCommit(history.acquire_fence(), 0, {}, state))
    assert sorted(history.state_containing("ids:", '"a_b-%c')) == [state["ids:1"], state["ids:2"]]
    assert history.state_containing("ids:", '"%') == [state["ids:3"]]
    assert history.state_containing("none:", "%") == []


def test_the_trades_of_a_portfolio_are_found_among_all(history: History) -> None:
    names = ("a", "b", 'ÅF "B" 50 %', "a")
    trades = [
        Trade(trade_id=f"t{n}", portfolio=name, instrument="A", quantity=1.0, price=1.0)
        for n, name in enumerate(names)
    ]
    rows = {f"trade:{trade.trade_id}": encode(TradeState(trade=trade, rank=0)) for trade in trades}
    other = {"trades": b"{}", "portfolio:a": b"{}"}
    history.commit(BatchCommit(history.acquire_fence(), 0, {}, {**rows, **other}))
    assert sorted(history.trades_of("a")) == sorted([rows["trade:t0"], rows["trade:t3"]])
    assert history.trades_of(names[2]) == [rows["trade:t2"]]
    assert history.trades_of("none") == []
