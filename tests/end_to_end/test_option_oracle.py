"""Options through the whole pipeline: the live oracle agrees, and records are explained."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import msgspec
import pytest

from system.bus.producer import MessageProducer
from system.contracts.messages import Mark, RiskSnapshot, SnapshotKind
from system.contracts.oracle import OracleStatus
from system.settings import Connections, Settings
from system.store.postgres.history import RiskHistory
from system.store.redis.latest import LatestStore
from tests.system.book.feed import MARKET, holding, mark, portfolio, rate, tick, trade
from tests.validation.oracle.recorded import CRISIS, FOREIGN, OPTIONS, crisis
from validation.oracle.history_check import check_live, check_recorded
from validation.run.read_back import await_committed, read_inputs, read_stated
from validation.verdict import Verdict

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.timeout(300),
    pytest.mark.pipeline("api", "oracle"),
]

DRAIN_BOUND_S = 120.0
ORACLE_BOUND_S = 40.0
HELD = (
    holding("Y.CALL", -3.0, 60.0),
    holding("B.PUT", 12.0, 5.0),
    holding("A.OVER", 2.0, 9.0),
    holding("A.STEADY", 4.0, 2.0),
    holding("Y", 40.0, 1_900.0),
    holding("C", 70.0, 880.0),
    holding("D", -0.2, 3_000.0),
    holding("cash:JPY", 90_000.0),
)
BOOK = portfolio("O", *HELD, base_currency="EUR")
BATCHES = (
    (*MARKET, *FOREIGN, *(crisis(name, start) for name, start in CRISIS.items()), *OPTIONS, BOOK),
    (tick("Y", 2_033.0), rate("JPY", 131.0), rate("USD", 1.12), tick("C", 905.0)),
    (tick("B", 96.5, hour=16.0), tick("Y.CALL", 95.0, hour=16.0), tick("A", 101.0, hour=16.0)),
    (mark(0),),
    (tick("Y", 1_990.0, day=1), trade("t-1", "B.PUT", -2.0, 6.0, "O")),
    (tick("A", 103.0, day=1), tick("D", 2_960.0, day=1)),
    (mark(1),),
    (tick("A", 99.0, day=2), tick("Y.CALL", 70.0, day=2)),
    (tick("B", 99.0, day=2),),
    (mark(2),),
)


@pytest.fixture(scope="module")
def played(connections: Connections) -> list[RiskSnapshot]:
    """Stored snapshots of three days of the book, oldest first."""
    with MessageProducer(connections.kafka_bootstrap_servers) as producer:
        for messages in BATCHES:
            for message in messages:
                if isinstance(message, Mark):
                    producer.send_mark_everywhere(message)
                else:
                    producer.send(message)
            producer.flush()
            assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
    return sorted(read_stated(connections.database_url).snapshots, key=lambda one: one.epoch)


@pytest.fixture(scope="module")
def said(connections: Connections, played: list[RiskSnapshot]) -> OracleStatus:
    """Status of the oracle once it has seen every end of day."""
    ends = {snapshot.snapshot_id for snapshot in played if snapshot.kind is SnapshotKind.END_OF_DAY}
    assert len(ends) == 3
    deadline = time.monotonic() + ORACLE_BOUND_S
    with LatestStore(connections.redis_url) as store:
        while time.monotonic() < deadline:
            status = store.status().oracle
            if status is not None and (status.checked >= len(ends) or status.first_difference):
                return status
            time.sleep(0.2)
    pytest.fail(f"the oracle has not looked at {ends} within {ORACLE_BOUND_S} s: {status}")


def test_the_live_oracle_agrees_with_a_book_of_options(said: OracleStatus) -> None:
    finding = check_live(said)
    assert finding.verdict is Verdict.PASSED, finding.detail
    assert said.not_compared == 0, said.newest


def test_every_stored_snapshot_is_recomputed_from_the_topics(
    connections: Connections, played: list[RiskSnapshot]
) -> None:
    finding = check_recorded(read_inputs(connections.kafka_bootstrap_servers), played)
    assert finding.verdict is Verdict.PASSED, finding.detail
    assert finding.figures["compared"] == len(played) >= 6
    assert all(snapshot.var is not None for snapshot in played)


@pytest.mark.parametrize("way", ["id", "address", "file"])
def test_a_record_is_explained_by_its_id_its_address_and_from_a_file(
    way: str,
    connections: Connections,
    stack_settings: Settings,
    played: list[RiskSnapshot],
    tmp_path: Path,
) -> None:
    record = played[-1]
    address = f"{connections.api_url}/v1/snapshots/{record.snapshot_id}"
    if way == "file":
        path = tmp_path / "record.json"
        headers = {"Authorization": f"Bearer {connections.api_token}"}
        path.write_bytes(httpx.get(address, headers=headers, timeout=10.0).content)
    named = {"id": record.snapshot_id, "address": address, "file": str(tmp_path / "record.json")}
    assert explained(stack_settings, named[way]).returncode == 0


def test_a_record_that_was_changed_is_not_explained_and_the_field_is_named(
    connections: Connections, stack_settings: Settings, played: list[RiskSnapshot], tmp_path: Path
) -> None:
    with RiskHistory(connections.database_url) as history:
        kept = history.snapshot_json(played[-1].snapshot_id)
    assert kept is not None
    raw = msgspec.json.decode(kept)
    raw["greeks"]["vega"] += 1.0
    path = tmp_path / "changed.json"
    path.write_bytes(msgspec.json.encode(raw))
    done = explained(stack_settings, str(path))
    assert done.returncode == 1
    assert "greeks.vega: recorded" in done.stdout


def explained(settings: Settings, record: str) -> subprocess.CompletedProcess[str]:
    """Run ``riskstream explain`` beside the stack."""
    command = (sys.executable, "-m", "system.cli", "explain", record)
    environment = {**os.environ, "RISKSTREAM_STATE_DIR": str(settings.state_dir)}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
