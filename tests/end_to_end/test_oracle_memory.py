"""The live oracle on the real stack: killed, restarted, lied to; it goes on and stays red."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
from kafka import KafkaProducer

from system.bus.producer import MessageProducer
from system.contracts.codec import encode
from system.contracts.messages import SnapshotKind
from system.contracts.oracle import OracleCheck, OracleStatus, OracleVerdict
from system.contracts.topics import RISK_SNAPSHOTS
from system.runtime.components.registry import SERVERS
from system.runtime.running import RunningStack
from system.runtime.stack import EmbeddedStack
from system.settings import Connections, Settings
from system.store.postgres.oracle_record import OracleRecord
from system.store.redis.latest import LatestStore
from tests.system.book.feed import MARKET, holding, mark, portfolio, rate, tick
from validation.run.read_back import await_committed, read_stated

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.timeout(420),
    pytest.mark.pipeline(own_stack=True),
]
BOUND_S = 60.0
SOON_S = 20.0
"""Of a restart on a busy machine; reading everything again would take as long as the topics."""


@pytest.fixture(scope="module")
def running(stack_settings: Settings) -> Iterator[RunningStack]:
    with EmbeddedStack(stack_settings, components=(*SERVERS, "stream", "oracle")) as stack:
        yield stack.running


@pytest.fixture(scope="module")
def connections(running: RunningStack, stack_settings: Settings) -> Connections:
    connections = stack_settings.connections()
    book = portfolio("P", holding("A", 10.0), holding("B", -3.0))
    play(connections, (*MARKET, book, rate("USD", 1.1), rate("GBP", 0.85)))
    play(connections, (tick("A", 101.0), tick("B", 96.0)))
    end_day(connections, 0)
    return connections


def play(connections: Connections, messages: tuple) -> None:
    with MessageProducer(connections.kafka_bootstrap_servers) as producer:
        for message in messages:
            producer.send(message)
        producer.flush()
    assert await_committed(connections, timeout_s=BOUND_S)


def end_day(connections: Connections, day: int) -> None:
    with MessageProducer(connections.kafka_bootstrap_servers) as producer:
        producer.send_mark_everywhere(mark(day))
        producer.flush()
    assert await_committed(connections, timeout_s=BOUND_S)


def status(connections: Connections) -> OracleStatus:
    with LatestStore(connections.redis_url) as store:
        return store.status().oracle or OracleStatus(running=False, samples_per_s=0.0)


def awaited(
    connections: Connections, is_so: Callable[[OracleStatus], bool], bound_s: float = BOUND_S
) -> OracleStatus:
    deadline = time.monotonic() + bound_s
    while not is_so(said := status(connections)):
        assert time.monotonic() < deadline, said
        time.sleep(0.1)
    return said


def command(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "system.cli", *words),
        env={**os.environ, "RISKSTREAM_STATE_DIR": str(settings.state_dir)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_agrees_and_says_what_it_did_not_check(connections: Connections) -> None:
    said = awaited(connections, lambda each: each.agreed >= 1)
    assert said.verdict is OracleVerdict.AGREED
    assert said.base == "the beginning of the topics"
    assert said.since_ms > 0


def test_a_forged_snapshot_is_counted_and_the_next_end_of_day_is_checked(
    connections: Connections,
) -> None:
    stated = read_stated(connections.database_url).snapshots
    newest = max(stated, key=lambda each: each.epoch)
    far = {place: offset + 5 for place, offset in newest.offsets.items()}
    forged = [
        msgspec.structs.replace(newest, snapshot_id="P-eod-2099-01-01", nav=1.0, offsets=far),
        msgspec.structs.replace(newest, nav=newest.nav + 1.0, kind=SnapshotKind.END_OF_DAY),
    ]
    before = status(connections)
    producer = KafkaProducer(bootstrap_servers=connections.kafka_bootstrap_servers)
    for snapshot in forged:
        producer.send(RISK_SNAPSHOTS.name, encode(snapshot)).get(10)
    producer.close()
    play(connections, (tick("A", 103.0, day=1), tick("B", 97.0, day=1)))
    end_day(connections, 1)
    said = awaited(connections, lambda each: each.checked > before.checked and each.not_stored >= 1)
    assert said.verdict is OracleVerdict.AGREED
    checked = said.newest["P"].snapshot_id
    assert checked in {each.snapshot_id for each in read_stated(connections.database_url).snapshots}


def test_a_restarted_oracle_goes_on_from_its_checkpoint_and_checks_again(
    connections: Connections, running: RunningStack
) -> None:
    awaited(connections, lambda each: each.checked >= 2)
    running.restart("oracle")
    said = awaited(connections, lambda each: each.base == "a checkpoint", SOON_S)
    assert said.checked == 0
    play(connections, (tick("A", 104.0, day=2),))
    said = awaited(connections, lambda each: each.checked >= 1, SOON_S)
    assert said.verdict is OracleVerdict.AGREED


def test_red_survives_a_kill_and_an_emptied_redis_until_a_person_acknowledges_it(
    connections: Connections, running: RunningStack, stack_settings: Settings
) -> None:
    difference = OracleCheck(
        snapshot_id="P-1.2",
        portfolio="P",
        verdict=OracleVerdict.DIFFERS,
        largest_difference=1.0,
        detail="nav: [bold]off[/bold]",
        checked_at_ms=1,
    )
    with OracleRecord(connections.oracle_database_url) as record:
        record.keep(difference)
    awaited(connections, lambda each: each.verdict is OracleVerdict.DIFFERS)
    pid = running.pid("oracle")
    os.kill(pid, signal.SIGKILL)
    with LatestStore(connections.redis_url) as store:
        store._redis.flushdb()
    said = awaited(connections, lambda each: each.first_difference == difference)
    assert said.verdict is OracleVerdict.DIFFERS
    shown = command(stack_settings, "oracle", "status")
    assert shown.returncode == 1
    assert "DIFFERS: P, P-1.2: nav: [bold]off[/bold]" in shown.stdout
    done = command(stack_settings, "oracle", "acknowledge", "--by", "me", "--note", "a test")
    assert done.returncode == 0, done.stderr
    said = awaited(connections, lambda each: each.first_difference is None and each.running)
    assert said.verdict is not OracleVerdict.DIFFERS
    assert command(stack_settings, "oracle", "status").returncode == 0
