"""Rows of the state a page at a time: the laws of both histories, here of the fake."""

from __future__ import annotations

from system.contracts.limits import LimitEvent, LimitLevel, LimitMeasure
from system.store.postgres.history_fake import MemoryHistory
from system.store.records import BatchCommit
from tests.store_reads import check_pages_of_state, check_resolution


def test_pages_of_state_join_to_all_rows_of_a_prefix() -> None:
    check_pages_of_state(MemoryHistory())


def test_standings_are_of_every_portfolio() -> None:
    history = MemoryHistory()
    events = [
        LimitEvent(
            portfolio=name,
            measure=LimitMeasure.VAR,
            before=LimitLevel.OK,
            after=LimitLevel.BREACH,
            value=0.03,
            warning=0.016,
            breach=0.02,
            snapshot_id=f"{name}-1",
            event_time_ns=1,
        )
        for name in ("beta", "alpha")
    ]
    history.commit(BatchCommit(history.acquire_fence(), 0, {}, limit_events=events))
    assert [row.portfolio for row in history.limit_standings()] == ["alpha", "beta"]


def test_a_series_of_a_resolution_has_the_last_point_of_each_interval() -> None:
    check_resolution(MemoryHistory())
