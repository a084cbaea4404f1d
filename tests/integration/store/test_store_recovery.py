"""A recovery in PostgreSQL: all of it, or nothing where the state is another one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest

from system.contracts.messages import Rejected, RejectReason
from system.settings import Connections
from system.store.errors import FencedError, StateChangedError
from system.store.postgres.history import RiskHistory
from system.store.postgres.identity import LostRange, Recovery
from system.store.records import BatchCommit, LastRecord
from tests.integration.store.conftest import new_database

pytestmark = pytest.mark.integration

STATE = BatchCommit(
    1,
    0,
    {"trades:0": 4, "fx_rates:0": 2, "trades:1": 9},
    {"portfolio:P": b'"known"'},
    rejected=[
        Rejected(
            topic="trades",
            partition=0,
            offset=1,
            reason=RejectReason.NOT_JSON,
            detail="why",
            value="x",
        )
    ],
    last_records={"trades:0": LastRecord("5e" * 32, 7), "fx_rates:0": LastRecord("6f" * 32, 8)},
)
RECOVERY = Recovery(
    before=dict(STATE.offsets),
    offsets={"trades:0": 0, "fx_rates:0": 2, "reference:0": 3},
    lost=(LostRange("trades:0", 4), LostRange("trades:1", 9)),
    books=("P",),
    reason="messages are lost",
    rows={"portfolio:P": b'"unknown"', "lost": b"{}"},
    cluster_id="cluster-b",
    topic_ids={"trades": "t2"},
    replaced=("trades",),
)


@pytest.fixture
def history(database_url: str) -> Iterator[RiskHistory]:
    with closing(RiskHistory(database_url)) as store:
        store.migrate()
        store.keep_source("cluster-a", {"trades": "t1", "fx_rates": "f1"})
        assert store.commit(replace(STATE, fence=store.acquire_fence()))
        yield store


def test_identity_of_a_new_database(history: RiskHistory) -> None:
    identity = history.identity()
    assert (identity.cluster_id, identity.generation, identity.fence) == ("cluster-a", 0, 1)
    assert identity.topic_ids == {"trades": "t1", "fx_rates": "f1"}
    assert not identity.is_copy
    assert identity.committed_at is not None
    assert identity.name == f"{identity.database_id}/{identity.server_identifier}/0"
    progress, whole = history.progress(), history.load()
    assert (progress.offsets, progress.last_records) == (whole.offsets, whole.last_records)


def test_two_databases_of_one_server_are_not_the_same(
    history: RiskHistory, store_connections: Connections
) -> None:
    with closing(RiskHistory(new_database(store_connections))) as other:
        other.migrate()
        assert other.identity().name != history.identity().name


def test_a_restore_on_another_server_is_known_and_then_remembered(
    history: RiskHistory, database_url: str
) -> None:
    with psycopg.connect(database_url) as plain:
        plain.execute("UPDATE state_identity SET system_identifier = 7")
    assert history.identity().is_copy
    history.keep_source("cluster-a", {})
    assert not history.identity().is_copy


def test_a_recovery_moves_offsets_marks_books_and_is_recorded(history: RiskHistory) -> None:
    history.recover(RECOVERY, actor="Ada")
    stored, identity = history.load(), history.identity()
    assert stored.offsets == RECOVERY.offsets
    assert stored.last_records == {"fx_rates:0": LastRecord("6f" * 32, 8)}
    assert stored.state == RECOVERY.rows
    assert (identity.generation, identity.cluster_id) == (1, "cluster-b")
    assert identity.topic_ids == {"trades": "t2"}
    [recorded] = history.recoveries()
    assert (recorded.actor, recorded.reason) == ("Ada", "messages are lost")
    assert recorded.lost == RECOVERY.lost


def test_a_recovery_fences_off_a_driver_that_runs(history: RiskHistory) -> None:
    history.recover(RECOVERY, actor="Ada")
    with pytest.raises(FencedError):
        history.commit(BatchCommit(1, 1, {"trades:0": 5}))


def test_a_recovery_of_another_state_changes_nothing(history: RiskHistory) -> None:
    before = history.load()
    with pytest.raises(StateChangedError, match="nothing was changed"):
        history.recover(replace(RECOVERY, before={"trades:0": 3}), actor="Ada")
    assert history.load() == before
    assert (history.recoveries(), history.identity().generation) == ([], 0)
    assert history.identity().fence == 1


def test_what_the_new_topic_has_at_an_old_place_is_kept_too(history: RiskHistory) -> None:
    history.recover(RECOVERY, actor="Ada")
    fence = history.acquire_fence()
    history.commit(BatchCommit(fence, 0, {"trades:0": 2}, rejected=STATE.rejected))
    rows, _ = history.rejected()
    assert len(rows) == 2


def test_what_was_lost_is_never_changed(history: RiskHistory, database_url: str) -> None:
    history.recover(RECOVERY, actor="Ada")
    with (
        psycopg.connect(database_url) as plain,
        pytest.raises(psycopg.errors.RaiseException, match="never changed"),
    ):
        plain.execute("DELETE FROM state_recovery")
