"""Relays and the small disk: how the product's processes are pointed at them."""

import os
import signal
from contextlib import closing

import pytest

from system.errors import UnavailableError
from system.runtime.components.kafka import server_properties
from system.settings import Connections
from validation.scenarios.faults.disk import SmallDisk, release
from validation.scenarios.faults.fault_points import (
    FaultPoints,
    listener_ports,
    refused_here,
    relayed_variables,
    require_possible,
    with_listener,
)
from validation.scenarios.file.fault_tables import BlackHole, Cut, Delay, DiskFull, Kill, KillAt

FACTS = {
    "kafka_bootstrap_servers": "127.0.0.1:19092",
    "database_url": "postgresql://risk:5432@127.0.0.1:5432/risk",
    "redis_url": "redis://:word@127.0.0.1:6379/0",
}


@pytest.fixture
def connections(tmp_path) -> Connections:
    return Connections(FACTS, tmp_path)


def test_the_products_variables_name_the_relays_and_keep_the_rest(connections):
    ports = {"kafka": 1_111, "postgres": 2_222, "redis": 3_333}
    assert relayed_variables(connections, ports) == {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1111",
        "DATABASE_URL": "postgresql://risk:5432@127.0.0.1:2222/risk",
        "REDIS_URL": "redis://:word@127.0.0.1:3333/0",
    }
    assert relayed_variables(connections, {}) == {}


def test_every_role_of_the_database_passes_its_relay(tmp_path):
    owner = "postgresql://owner:word@127.0.0.1:5432/risk"
    connections = Connections({**FACTS, "owner_database_url": owner}, tmp_path)
    variables = relayed_variables(connections, {"postgres": 2_222})
    assert variables["RISKSTREAM_OWNER_DATABASE_URL"] == owner.replace("5432", "2222")
    assert set(variables) == {"DATABASE_URL", "RISKSTREAM_OWNER_DATABASE_URL"}


def test_a_broker_gets_one_more_listener_that_sends_its_clients_back_to_the_relay(tmp_path):
    plain = server_properties({"broker": 19_092, "controller": 19_093}, tmp_path)
    changed = with_listener(plain, port=1_111, target_port=2_222)
    assert "listeners=PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093," in changed
    assert "RELAYED://127.0.0.1:2222" in changed
    assert "advertised.listeners=PLAINTEXT://127.0.0.1:19092,RELAYED://127.0.0.1:1111" in changed
    assert listener_ports(plain) is None
    assert listener_ports(changed) == (1_111, 2_222)


def test_a_scenario_asks_for_what_its_faults_need_and_for_nothing_else(connections):
    killing = FaultPoints([Kill(day=1, what="api")], None, connections)
    assert not killing.is_wanted
    assert killing.environment("stream") == {}
    assert FaultPoints([Delay(day=1, what="kafka")], None, connections).is_wanted
    assert FaultPoints([Cut(day=1, what="redis")], None, connections).is_wanted
    assert FaultPoints([DiskFull(day=1)], None, connections).is_wanted
    assert FaultPoints([BlackHole(day=1, what="redis")], None, connections).is_wanted
    assert FaultPoints([KillAt(day=1, point="commit")], None, connections).is_wanted


def test_only_the_driver_passes_a_relay_that_stops_at_its_requests(connections):
    with closing(FaultPoints([KillAt(day=1, point="commit")], None, connections)) as rig:
        rig.open()
        assert set(rig.environment("stream")) == {"DATABASE_URL"}
        assert rig.environment("api") == {}


def test_without_root_a_full_disk_is_refused_with_the_reason(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    assert "needs root" in refused_here([DiskFull(day=1)])
    assert refused_here([Kill(day=1, what="api")]) == ""
    with pytest.raises(UnavailableError, match=r"fault-disk cannot be run here: .* needs root"):
        require_possible("fault-disk", [DiskFull(day=1)])


@pytest.mark.skipif(bool(SmallDisk.why_not()), reason=SmallDisk.why_not())
def test_a_full_disk_takes_no_byte_and_is_gone_afterwards(tmp_path):
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    refused: list[OSError] = []

    def write(*_: object) -> None:
        try:
            (checkpoints / "offsets").write_bytes(bytes(100_000))
        except OSError as error:
            refused.append(error)

    previous = signal.signal(signal.SIGALRM, write)
    try:
        with SmallDisk(tmp_path) as disk:
            (checkpoints / "before").write_bytes(bytes(100_000))
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            told = disk.fill(0.4)
            assert (checkpoints / "before").stat().st_size == 100_000
            (checkpoints / "after").write_bytes(bytes(100_000))
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert "No space left" in str(refused[0])
    assert " 0 free at the end" in told
    assert list(checkpoints.iterdir()) == []
    release(tmp_path)
