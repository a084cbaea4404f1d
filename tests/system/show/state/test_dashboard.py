"""The desk: what a browser gets, and that it gets nothing twice."""

from __future__ import annotations

from typing import Any

import msgspec

from system.contracts.api.risk import SnapshotPoint, StreamState, StreamStatus
from system.contracts.messages import RiskSnapshot, SnapshotKind, StageTimes
from system.show.state.dashboard import Cursor, DashboardState, durable_words, encoded
from tests.system.show.market import replace_struct

MS = 1_000_000


def status(fence: int = 1, epoch: int = 5, **changes: Any) -> StreamStatus:
    fields = {
        "state": StreamState.RUNNING,
        "heartbeat_age_ms": 10,
        "fence": fence,
        "epoch": epoch,
        "durable_fence": fence,
        "durable_epoch": epoch,
        "published_ns": 1,
        **changes,
    }
    return StreamStatus(**fields)


def desk_with(*snapshots: RiskSnapshot) -> DashboardState:
    desk = DashboardState()
    desk.opened(0)
    for snapshot in snapshots:
        desk.take_snapshot(snapshot, 0)
    desk.take_status(status(), 0)
    return desk


def pushed(
    desk: DashboardState, portfolio: str = "", cursor: Cursor | None = None
) -> tuple[Any, Cursor]:
    message, after = desk.message(portfolio, cursor or Cursor(), now_ns=0, wall_ns=0)
    return msgspec.json.decode(encoded(message)), after


def next_of(snapshot: RiskSnapshot, **changes: Any) -> RiskSnapshot:
    epoch = snapshot.epoch + 1
    moved = {
        "epoch": epoch,
        "snapshot_id": f"{snapshot.portfolio}-{snapshot.fence}-{epoch}",
        "event_time_ns": snapshot.event_time_ns + 60_000 * MS,
        **changes,
    }
    return replace_struct(snapshot, **moved)


def test_the_first_push_holds_everything_and_the_second_nothing(
    long_short: RiskSnapshot,
) -> None:
    desk = desk_with(long_short)
    first, cursor = pushed(desk)
    assert {"cards", "view", "curve", "days", "trades"} <= set(first)
    second, _ = pushed(desk, cursor=cursor)
    assert not {"cards", "view", "curve", "days", "trades"} & set(second)
    assert second["freshness"]["state"] == "live"


def test_a_new_snapshot_sends_the_view_and_one_new_point(long_short: RiskSnapshot) -> None:
    desk = desk_with(long_short)
    _, cursor = pushed(desk)
    desk.take_snapshot(next_of(long_short), 0)
    message, _ = pushed(desk, cursor=cursor)
    assert message["view"]["snapshot_id"] == f"long-short-1-{long_short.epoch + 1}"
    assert message["curve"]["start"] == 0
    assert len(message["curve"]["points"]) == 2
    assert "days" not in message
    assert "trades" not in message


def test_another_portfolio_is_sent_whole(
    long_short: RiskSnapshot, long_equities: RiskSnapshot
) -> None:
    desk = desk_with(long_short, long_equities)
    first, cursor = pushed(desk, "long-short")
    assert first["selected"] == "long-short"
    other, _ = pushed(desk, "long-equities", cursor)
    assert other["view"]["portfolio"] == "long-equities"
    assert other["curve"]["start"] == 0
    assert "cards" not in other


def test_an_unknown_portfolio_falls_back_to_the_first(
    long_short: RiskSnapshot, long_equities: RiskSnapshot
) -> None:
    message, _ = pushed(desk_with(long_short, long_equities), "nobody")
    assert message["selected"] == "long-equities"


def test_an_empty_desk_says_that_it_has_no_data() -> None:
    desk = DashboardState()
    message, _ = pushed(desk)
    assert message["freshness"]["state"] == "no_data"
    assert message["cards"] == []
    assert "view" not in message
    assert message["quiet_ms"] is None


def test_a_browser_that_has_all_books_gets_only_those_that_moved(
    long_short: RiskSnapshot, long_equities: RiskSnapshot
) -> None:
    desk = desk_with(long_short, long_equities)
    first, cursor = pushed(desk)
    assert [card["portfolio"] for card in first["cards"]] == ["long-equities", "long-short"]
    assert first["cards_whole"]
    desk.take_snapshot(next_of(long_short), 0)
    second, cursor = pushed(desk, cursor=cursor)
    assert [card["portfolio"] for card in second["cards"]] == ["long-short"]
    assert "cards_whole" not in second
    assert "cards" not in pushed(desk, cursor=cursor)[0]


def test_a_snapshot_that_is_not_newer_changes_nothing(long_short: RiskSnapshot) -> None:
    desk = desk_with(next_of(long_short))
    _, cursor = pushed(desk)
    desk.take_snapshot(long_short, 0)
    message, _ = pushed(desk, cursor=cursor)
    assert "view" not in message


def test_an_end_of_day_and_what_follows_in_its_batch_both_count(
    long_short: RiskSnapshot,
) -> None:
    end = replace_struct(
        long_short, kind=SnapshotKind.END_OF_DAY, snapshot_id="long-short-eod-2020-02-18"
    )
    after = replace_struct(long_short, event_time_ns=long_short.event_time_ns + MS)
    desk = desk_with(end, after)
    message, _ = pushed(desk)
    assert message["view"]["snapshot_id"] == long_short.snapshot_id
    assert len(message["days"]["days"]) == 1


def test_a_lower_fence_is_another_history_and_forgets_everything(
    long_short: RiskSnapshot,
) -> None:
    desk = desk_with(replace_struct(long_short, fence=9))
    _, cursor = pushed(desk)
    assert desk.portfolios() == ()
    desk.take_snapshot(long_short, 0)
    message, _ = pushed(desk, cursor=cursor)
    assert message["view"]["snapshot_id"] == long_short.snapshot_id
    assert message["curve"]["start"] == 0


def test_a_status_without_a_batch_forgets_nothing(long_short: RiskSnapshot) -> None:
    desk = desk_with(long_short)
    desk.take_status(status(fence=-1, epoch=-1, state=StreamState.STALE), 0)
    assert desk.portfolios() == ("long-short",)


def test_the_age_of_the_selected_number_is_by_the_readers_clock(
    long_short: RiskSnapshot,
) -> None:
    desk = desk_with(long_short)
    message, _ = desk.message("", Cursor(), now_ns=1_500 * MS, wall_ns=0)
    assert message.quiet_ms == 1_500.0


def test_the_header_shows_median_and_tail_of_the_newest_spans(long_short: RiskSnapshot) -> None:
    desk = DashboardState()
    for number in range(1, 101):
        times = StageTimes(intended_ns=1, published_ns=1 + number * MS)
        epoch = long_short.epoch + number
        desk.take_snapshot(
            replace_struct(long_short, epoch=epoch, snapshot_id=f"s-{epoch}", stages=times), 0
        )
    latency = desk.message("", Cursor(), now_ns=0, wall_ns=0)[0].latency
    assert (latency.newest, latency.median, latency.p99) == (
        "100\u202fms",
        "50\u202fms",
        "99\u202fms",
    )


def test_stored_points_become_days_and_the_start_of_the_curve(
    long_short: RiskSnapshot, ends_of_day: tuple[RiskSnapshot, ...]
) -> None:
    desk = desk_with(long_short)
    _, cursor = pushed(desk)
    names = [name for name in SnapshotPoint.__struct_fields__ if name != "component_var"]
    points = [SnapshotPoint(**{n: getattr(s, n) for n in names}) for s in ends_of_day]
    desk.take_history("long-short", points)
    message, _ = pushed(desk, cursor=cursor)
    assert len(message["days"]["days"]) == len(ends_of_day)
    assert len(message["curve"]["points"]) == len(ends_of_day)


def test_how_far_the_database_is_behind_is_said_in_batches() -> None:
    assert durable_words(None) == ""
    assert durable_words(status(epoch=-1)) == ""
    assert durable_words(status(durable_epoch=4)) == "up to date"
    assert durable_words(status(epoch=40, durable_epoch=4)) == "36 batches behind"
    assert durable_words(status(fence=3, durable_fence=2)) == "nothing of this run yet"
