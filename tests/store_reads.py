"""Laws of reads that PostgreSQL and its fake share."""

from __future__ import annotations

from dataclasses import replace

from system.book.state.rows import TradeState
from system.contracts.codec import encode
from system.contracts.messages import Rejected, RejectReason, Trade
from system.store.postgres.history import RiskHistory
from system.store.postgres.history_fake import MemoryHistory
from system.store.records import BatchCommit, PageKey, SnapshotQuery
from system.store.sample_snapshots import EVENT_STEP_NS, sample_snapshot

History = RiskHistory | MemoryHistory


def check_pages_of_state(history: History) -> None:
    """Check that pages of a prefix join to its rows in the order of their keys."""
    names = ["A", "B b", "b", "a:1", "Ä", "a"]
    state = {f"instrument:{name}": name.encode() for name in names}
    others = {"instrument": b"1", "instrumenu:x": b"2", "instr:z": b"3"}
    history.commit(BatchCommit(history.acquire_fence(), 0, {}, {**state, **others}))
    joined: list[tuple[str, bytes]] = []
    after = ""
    for _ in range(len(names)):
        page = history.state_page("instrument:", after=after, limit=2)
        joined += page
        if len(page) < 2:
            break
        after = page[-1][0]
    assert joined == sorted(state.items(), key=lambda row: row[0].encode())


def trade(trade_id: str, portfolio: str = "alpha") -> Trade:
    """Return a trade of a portfolio."""
    return Trade(
        trade_id=trade_id, portfolio=portfolio, instrument="EQ000", quantity=1.0, price=2.0
    )


def check_reads_of_trades(history: History) -> None:
    """Check pages of open trades, the snapshot that names one, and the message that was refused."""
    state = {
        f"trade:{name}": encode(TradeState(trade=trade(name, portfolio), rank=rank))
        for name, portfolio, rank in (
            *((f"t{rank}", "alpha", rank) for rank in range(11)),
            ("u", "beta", 3),
        )
    }
    refused = [
        Rejected(
            topic=topic,
            partition=0,
            offset=offset,
            reason=RejectReason.CONFLICT,
            detail=detail,
            value=encode(trade(name)).decode(),
        )
        for topic, offset, name, detail in (
            ("trades", 0, "r%", "first"),
            ("trades", 1, "r%", "second"),
            ("trades", 2, "r", "another"),
            ("market_data", 3, "r%", "another topic"),
        )
    ]
    fence = history.acquire_fence()
    history.commit(
        BatchCommit(
            fence,
            0,
            {},
            state,
            snapshots=[sample_snapshot(fence=fence, epoch=0, trade_ids=("t1", "t,2"))],
            rejected=refused,
        )
    )
    later = sample_snapshot(fence=fence, epoch=1, trade_ids=("t1",))
    history.commit(
        BatchCommit(fence, 1, {}, snapshots=[later, sample_snapshot("beta", fence=fence, epoch=1)])
    )
    first = history.trade_page("alpha", limit=6)
    rest = history.trade_page("alpha", limit=6, before=5)
    assert [row in first for row in state.values()] == [False] * 5 + [True] * 6 + [False]
    assert [*first, *rest] == [state[f"trade:t{rank}"] for rank in reversed(range(11))]
    assert history.naming_snapshot("t1") == later.snapshot_id
    assert history.naming_snapshot("t,2") == f"alpha-{fence}-0"
    assert history.naming_snapshot("t") is None
    refusal = history.rejected_trade("r%")
    assert refusal is not None
    assert (refusal.topic, refusal.detail) == ("trades", "second")
    assert history.rejected_trade("%") is None


def check_resolution(history: History) -> None:
    """Check that pages of each resolution join to the last points of intervals, both ways."""
    fence = history.acquire_fence()
    snapshots = [sample_snapshot(fence=fence, epoch=epoch) for epoch in range(40)]
    history.commit(BatchCommit(fence, 0, {}, snapshots=[*snapshots, sample_snapshot("beta")]))
    points = history.points(SnapshotQuery("alpha"))
    assert len(points) == len(snapshots)
    for length_ns in (1, 3 * EVENT_STEP_NS, 10**9, 86_400 * 10**9):
        last = {point.event_time_ns // length_ns: point.snapshot_id for point in points}
        for newest_first in (False, True):
            query = SnapshotQuery(
                "alpha", limit=3, newest_first=newest_first, resolution_ns=length_ns
            )
            joined: list[str] = []
            while page := history.points(query):
                joined += [point.snapshot_id for point in page]
                end = page[-1]
                key = PageKey(end.event_time_ns, end.fence, end.epoch, end.snapshot_id)
                query = replace(query, after=key)
            expected = list(last.values())
            assert joined == (expected[::-1] if newest_first else expected), length_ns
