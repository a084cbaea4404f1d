"""The oracle's memory and its questions on a real PostgreSQL, as the oracle's own role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from system.contracts.codec import encode
from system.contracts.oracle import OracleCheck, OracleVerdict
from system.settings import Connections
from system.store.errors import StoreUnavailableError
from system.store.postgres.history import RiskHistory
from system.store.postgres.oracle_record import OracleRecord
from system.store.postgres.retention import Budget
from system.store.records import BatchCommit
from system.store.sample_snapshots import sample_snapshot
from tests.integration.store.postgres.test_roles import as_role, refused

pytestmark = pytest.mark.integration
SNAPSHOT = sample_snapshot(trade_ids=("t",))


def check(name: str) -> OracleCheck:
    return OracleCheck(
        snapshot_id=name,
        portfolio="P",
        verdict=OracleVerdict.DIFFERS,
        largest_difference=None,
        detail="nav: ü \x01 off",
        checked_at_ms=1,
    )


@pytest.fixture
def oracle_url(database_url: str, store_connections: Connections) -> str:
    with RiskHistory(database_url) as history:
        history.migrate()
        history.commit(BatchCommit(history.acquire_fence(), 0, {}, snapshots=[SNAPSHOT]))
    return as_role(database_url, store_connections, "oracle_database_url")


@pytest.fixture
def record(oracle_url: str) -> Iterator[OracleRecord]:
    with OracleRecord(oracle_url) as opened:
        yield opened


def test_the_first_difference_is_kept_until_it_is_acknowledged(
    record: OracleRecord, oracle_url: str
) -> None:
    assert record.open_difference() is None
    assert record.acknowledge(actor="me", note="") is None
    record.keep(check("a"))
    record.keep(check("b"))
    with OracleRecord(oracle_url) as another:
        assert another.open_difference() == check("a")
        assert another.acknowledge(actor="me", note="a bug") == check("a")
        assert another.acknowledge(actor="me", note="") is None
    assert record.open_difference() is None
    record.keep(check("c"))
    assert record.open_difference() == check("c")


def test_its_trail_cannot_be_changed_by_who_writes_it(
    record: OracleRecord, oracle_url: str, database_url: str
) -> None:
    record.keep(check("a"))
    for statement in ("UPDATE oracle_event SET finding = ''", "DELETE FROM oracle_event"):
        assert refused(oracle_url, statement)
        with (
            closing(psycopg.connect(database_url)) as owner,
            pytest.raises(psycopg.errors.RaiseException, match="never changed"),
        ):
            owner.execute(statement)


def test_a_snapshot_is_told_by_its_bytes_also_when_its_payload_is_gone(
    record: OracleRecord, database_url: str
) -> None:
    value, name = encode(SNAPSHOT), SNAPSHOT.snapshot_id
    assert record.is_stored(name, value)
    assert not record.is_stored(name, value.replace(b'"nav":', b'"nav":1'))
    assert not record.is_stored("made-up", value)
    with RiskHistory(database_url) as history:
        assert sum(history.prune(Budget(pinned_bodies=0))) == 1
    assert record.is_stored(name, value)
    assert not record.is_stored(name, value + b" ")


@pytest.mark.parametrize(
    ("fence", "epoch", "may"),
    [(1, 1, True), (1, 0, False), (1, 2, False), (2, 0, False), (0, 5, False), (99, 0, False)],
)
def test_only_the_batch_behind_the_last_may_still_be_committed(
    record: OracleRecord, fence: int, epoch: int, may: bool
) -> None:
    assert record.may_come(fence, epoch) is may


def test_the_first_batch_of_a_new_driver_may_come(record: OracleRecord, database_url: str) -> None:
    with RiskHistory(database_url) as history:
        history.acquire_fence()
    assert record.may_come(2, 0)
    assert not record.may_come(2, 1)


def test_a_silent_server_is_unavailable_and_answers_again(record: OracleRecord) -> None:
    assert record.open_difference() is None
    assert record._connection is not None
    record._connection.close()
    with pytest.raises(StoreUnavailableError):
        record.open_difference()
    assert record.open_difference() is None
