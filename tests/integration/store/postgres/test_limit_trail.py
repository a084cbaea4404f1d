"""The laws of the audit trail of limits, for PostgreSQL and for its fake alike."""

from __future__ import annotations

import psycopg
import pytest

from system.contracts.limits import LimitEvent, LimitLevel, LimitMeasure, TrailKind
from system.store.postgres.history import RiskHistory
from system.store.postgres.history_fake import MemoryHistory
from system.store.records import BatchCommit

History = RiskHistory | MemoryHistory
VAR, GROSS = LimitMeasure.VAR, LimitMeasure.GROSS
OK, WARNING, BREACH = LimitLevel.OK, LimitLevel.WARNING, LimitLevel.BREACH


def level(epoch: int, before: LimitLevel, after: LimitLevel, **changes) -> LimitEvent:
    told = {"portfolio": "alpha", "measure": VAR, "value": 0.021, "warning": 0.016, "breach": 0.02}
    return LimitEvent(
        **{**told, **changes},
        before=before,
        after=after,
        snapshot_id=f"alpha-1-{epoch}",
        event_time_ns=epoch,
    )


def noted(history: History, *events: LimitEvent) -> None:
    fence = history.acquire_fence()
    history.commit(BatchCommit(fence, 0, {}, limit_events=events))


def test_a_new_store_has_raised_nothing(history: History) -> None:
    assert history.limit_levels() == {}
    assert history.limit_trail("alpha") == history.limit_standing("alpha") == []


def test_levels_go_on_where_the_last_commit_left_them(history: History) -> None:
    noted(
        history,
        level(1, OK, WARNING),
        level(2, OK, WARNING, measure=GROSS),
        level(3, WARNING, BREACH),
        level(4, OK, BREACH, portfolio="beta"),
    )
    assert history.limit_levels() == {
        ("alpha", VAR): BREACH,
        ("alpha", GROSS): WARNING,
        ("beta", VAR): BREACH,
    }


def test_the_trail_is_read_newest_first_page_by_page(history: History) -> None:
    noted(history, *(level(epoch, OK, BREACH) for epoch in range(5)))
    first = history.limit_trail("alpha", limit=3)
    rest = history.limit_trail("alpha", limit=3, before=first[-1].event_id)
    assert [row.event_time_ns for row in (*first, *rest)] == [4, 3, 2, 1, 0]
    assert {row.kind for row in first} == {TrailKind.LEVEL}
    assert (first[0].value, first[0].warning, first[0].breach) == (0.021, 0.016, 0.02)


def test_a_level_of_a_snapshot_is_noted_once(history: History) -> None:
    noted(history, level(1, OK, WARNING))
    noted(history, level(1, OK, WARNING), level(2, WARNING, OK))
    assert [row.event_time_ns for row in history.limit_trail("alpha")] == [2, 1]


def test_what_is_raised_is_acknowledged_by_a_person(history: History) -> None:
    noted(history, level(1, OK, WARNING), level(2, WARNING, BREACH))
    seen = history.acknowledge_limit("alpha", VAR, actor="J. Doe", note="hedged; 100 %")
    assert seen is not None
    breach = next(
        row for row in history.limit_trail("alpha") if row.after is BREACH and not row.actor
    )
    assert (seen.kind, seen.acknowledges) == (TrailKind.ACKNOWLEDGED, breach.event_id)
    assert (seen.actor, seen.note) == ("J. Doe", "hedged; 100 %")
    assert (seen.before, seen.after, seen.snapshot_id) == (BREACH, BREACH, "alpha-1-2")
    standing = {row.kind: row for row in history.limit_standing("alpha")}
    assert standing[TrailKind.ACKNOWLEDGED] == seen
    assert standing[TrailKind.LEVEL] == breach
    assert history.limit_levels() == {("alpha", VAR): BREACH}


def test_nothing_raised_is_nothing_to_acknowledge(history: History) -> None:
    assert history.acknowledge_limit("alpha", VAR, actor="a", note="") is None
    noted(history, level(1, OK, WARNING), level(2, WARNING, OK))
    assert history.acknowledge_limit("alpha", VAR, actor="a", note="") is None


@pytest.mark.integration
def test_the_trail_in_postgresql_cannot_be_changed(database_url: str) -> None:
    with RiskHistory(database_url) as history:
        history.migrate()
        noted(history, level(1, OK, WARNING))
        for statement in (
            "UPDATE limit_event SET value = 0",
            "DELETE FROM limit_event",
            "TRUNCATE limit_event",
        ):
            with (
                psycopg.connect(database_url) as connection,
                connection.cursor() as cursor,
                pytest.raises(psycopg.errors.RaiseException, match="never changed"),
            ):
                cursor.execute(statement)
        assert len(history.limit_trail("alpha")) == 1
