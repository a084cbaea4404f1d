"""State and topics on real servers: each case of `riskstream recover`, from refusal to a new start.

A driver is played by what it calls: `taken_over` before it reads, and commits with the digest of
the last record that it has read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import msgspec
import psycopg
import pyarrow as pa
import pytest
import redis
from kafka import KafkaAdminClient, TopicPartition
from tenacity import retry, stop_after_delay, wait_fixed
from typer.testing import CliRunner

from system.book.book import Book
from system.bus.admin import create_topics
from system.bus.consumer import Record, read_topic
from system.bus.extents import topic_extents
from system.bus.producer import MessageProducer
from system.cli import app
from system.contracts.digests import record_digest
from system.contracts.messages import Portfolio, RiskSnapshot, Trade
from system.contracts.topics import INPUT_TOPICS, RISK_SNAPSHOTS, TOPICS, TRADES
from system.errors import InputError
from system.exits import ExitCode
from system.runtime.components.postgres import superuser_url
from system.runtime.recover import diagnosis, planned
from system.runtime.stack import EmbeddedStack
from system.settings import Connections, Settings
from system.store.errors import CommitsUndoneError, ForeignContentError, StateChangedError
from system.store.postgres.history import RiskHistory
from system.store.postgres.identity import LostRange
from system.store.records import BatchCommit
from system.store.redis.latest import LatestStore
from system.stream.batch.decode import batch_events, last_records
from system.stream.lifecycle.continuity import BreakKind, StateMismatchError
from system.stream.lifecycle.takeover import taken_over
from tests.integration.conftest import private_settings
from tests.integration.store.conftest import new_database_at
from tests.system.book.feed import MARKET, at_ns, holding, portfolio, rate, tick, trade

pytestmark = pytest.mark.integration
SERVERS = ("kafka", "postgres", "redis")
TRADES_PLACE = "trades:0"
BOUND_S = 30
BACKED_UP = ("stream_fence", "stream_offset", "book_state")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    chosen = private_settings(tmp_path_factory.mktemp("recovery"))
    with EmbeddedStack(chosen, components=SERVERS):
        yield chosen


@dataclass
class World:
    """One database, an empty Redis, and topics without a message; and the driver's part of each."""

    settings: Settings
    connections: Connections
    history: RiskHistory
    latest: LatestStore

    @property
    def kafka(self) -> str:
        return self.connections.kafka_bootstrap_servers

    def send(self, *messages: object) -> None:
        with MessageProducer(self.kafka) as producer:
            for message in messages:
                producer.send(message)
            producer.flush()

    def close(self) -> None:
        self.history.close()
        self.latest.close()

    def query(self, statement: str) -> list[tuple]:
        url = self.connections.database_url
        with closing(psycopg.connect(url, autocommit=True)) as plain, plain.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def tables(self) -> dict[str, list[tuple]]:
        """Return every row, as a backup holds it."""
        return {name: self.query(f"SELECT * FROM {name}") for name in BACKED_UP}

    def restore(self, backup: dict[str, list[tuple]]) -> None:
        """Put every row back."""
        url = self.connections.database_url
        with closing(psycopg.connect(url)) as plain, plain.cursor() as cursor:
            for name, rows in backup.items():
                cursor.execute(f"DELETE FROM {name}")
                for row in rows:
                    values = ", ".join(["%s"] * len(row))
                    cursor.execute(f"INSERT INTO {name} VALUES ({values})", row)
            plain.commit()

    def trade(self, number: int, quantity: float = 1.0) -> Trade:
        return trade(f"t-{number}", "A", quantity, 101.0)

    def take_over(self) -> int:
        return taken_over(self.history, self.latest, self.kafka)

    def run(self, fence: int, epoch: int = 0) -> RiskSnapshot:
        """Read all that waits as one batch, publish and commit it; return the number of book P."""
        stored = self.history.load()
        ends = topic_extents(self.kafka, {}).ends
        book = Book({place: stored.offsets.get(place, 0) for place in ends}, stored.state)
        records = [
            record
            for topic in INPUT_TOPICS
            for record in read_topic(self.kafka, topic, start=stored.offsets)
        ]
        book.absorb(batch_events(_table(records)), fence=fence, epoch=epoch)
        for name in book.portfolios:
            book._touched.touch(name)
        fold = book.settle()
        self.latest.publish(
            fold.snapshots, fence=fence, epoch=epoch, offsets=fold.offsets, published_ns=1
        )
        batch = BatchCommit(fence, epoch, fold.offsets, fold.state, fold.snapshots, fold.rejected)
        last = last_records(book.last_applied)
        assert self.history.commit(replace(batch, follows=stored.offsets, last_records=last))
        self.latest.mark_durable(fence, epoch)
        [of_book] = [each for each in fold.snapshots if each.portfolio == "P"]
        return of_book

    def refused(self) -> str:
        with pytest.raises(StateMismatchError) as caught:
            self.take_over()
        assert "\n" not in str(caught.value)
        result = diagnosis(self.connections)
        assert result.problems, "the command says the same"
        assert all(problem.sentence in str(caught.value) for problem in result.problems)
        return str(caught.value)

    def recover(self, kind: BreakKind) -> tuple[str, ...]:
        recovery = planned(self.connections, self.settings, kind)
        before = self.history.load()
        assert before == self.history.load(), "a plan changes nothing"
        self.history.recover(recovery, actor="tester")
        assert diagnosis(self.connections).problems == ()
        return recovery.books

    def recreate(self, *names: str) -> None:
        before = topic_extents(self.kafka, {}, topics=TOPICS).topic_ids
        with closing(KafkaAdminClient(bootstrap_servers=self.kafka)) as admin:
            admin.delete_topics(list(names))
        _made_again(self.kafka, names, before)

    def let_go(self, place: str, before: int) -> None:
        topic, _, partition = place.rpartition(":")
        with closing(KafkaAdminClient(bootstrap_servers=self.kafka)) as admin:
            admin.delete_records({TopicPartition(topic, int(partition)): before})


def _move_state(world: World, *, back_to_record_of: bytes) -> None:
    """Let the state remember another last record of `trades`, as if Kafka had lost that one."""
    digest = record_digest(back_to_record_of, 1)
    world.query(f"UPDATE stream_offset SET digest = '{digest}' WHERE partition_key = 'trades:0'")


def _table(records: list[Record]) -> pa.Table:
    return pa.table(
        {
            "topic": [record.topic for record in records],
            "partition": pa.array([record.partition for record in records], pa.int32()),
            "offset": pa.array([record.offset for record in records], pa.int64()),
            "value": pa.array([record.value for record in records], pa.binary()),
            "timestamp": pa.array(
                [record.appended_at_ms * 1_000 for record in records], pa.timestamp("us", "UTC")
            ),
        }
    )


@retry(stop=stop_after_delay(BOUND_S), wait=wait_fixed(0.2), reraise=True)
def _made_again(kafka: str, names: tuple[str, ...], before: dict[str, str]) -> None:
    """Make deleted topics again, once the broker has let them go."""
    create_topics(kafka)
    ids = topic_extents(kafka, {}, topics=TOPICS).topic_ids
    assert all(ids[name] != before[name] for name in names)


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    """Book P with 10 A, and two trades of 1.0 each, all of it in the state and on screens."""
    world = emptied_world(settings)
    world.recreate(*(topic.name for topic in (*INPUT_TOPICS, RISK_SNAPSHOTS)))
    with redis.Redis.from_url(world.connections.redis_url) as plain:
        plain.flushdb()
    world.send(*MARKET, portfolio("P", holding("A", 10.0)), tick("A", 101.0), rate("USD", 1.1))
    world.send(world.trade(1), world.trade(2))
    assert quantity(world.run(world.take_over())) == 12.0
    yield world
    world.close()


def emptied_world(settings: Settings) -> World:
    """Return a world with an empty database; Kafka and Redis are as they are."""
    connections = settings.connections()
    url = new_database_at(superuser_url(connections))
    facts = {name: fact for name, fact in connections.facts.items() if "database" not in name}
    own = replace(connections, facts={**facts, "database_url": url})
    history = RiskHistory(url)
    history.migrate()
    return World(settings, own, history, LatestStore(own.redis_url))


def quantity(snapshot: RiskSnapshot) -> float:
    return snapshot.positions[0].quantity


def restated(world: World, held: float) -> Portfolio:
    """Return the statement that a person makes after a recovery, as of now."""
    return msgspec.structs.replace(portfolio("P", holding("A", held)), as_of_ns=at_ns(0, 20.0))


def test_a_state_goes_on_with_its_own_topics(world: World) -> None:
    assert diagnosis(world.connections).problems == ()
    world.send(world.trade(3))
    assert quantity(world.run(world.take_over())) == 13.0


def test_topics_that_were_made_again(world: World) -> None:
    world.recreate(TRADES.name)
    for number in range(3, 7):
        world.send(world.trade(number))
    said = world.refused()
    assert "topic trades is not the one that the state was made from" in said
    assert "riskstream recover --case topics" in said
    assert world.recover(BreakKind.TOPICS) == ("P",)
    after = world.run(world.take_over())
    assert after.var is None
    assert "messages of trades:0 from offset 2 on are lost" in after.not_available
    assert quantity(after) == 16.0, "every trade of the new topic is applied, and none is skipped"
    world.send(restated(world, 40.0))
    fence = world.take_over()
    stated = world.run(fence)
    assert (quantity(stated), stated.positions_unknown) == (40.0, "")
    [recovery] = world.history.recoveries()
    assert (recovery.actor, recovery.lost) == ("tester", (LostRange("trades:0", 2),))


def test_a_tail_that_was_lost_and_filled_again(world: World) -> None:
    """The offsets are there again, under the same topic, with other records."""
    _move_state(world, back_to_record_of=b"another")
    assert "trades:0 holds another record at offset 1" in world.refused()
    world.recover(BreakKind.TOPICS)
    assert quantity(world.run(world.take_over())) == 12.0, "a trade counts once by its id"


def test_a_retention_gap(world: World) -> None:
    for number in range(3, 8):
        world.send(world.trade(number))
    world.let_go(TRADES_PLACE, 5)
    said = world.refused()
    assert "trades:0 begins at offset 5, and the state ends at 2, committed" in said
    assert "the 3 messages from offset 2 to 4" in said
    assert len(said) < 500
    with pytest.raises(InputError, match="nothing of that case"):
        planned(world.connections, world.settings, BreakKind.TOPICS)
    world.recover(BreakKind.GAP)
    after = world.run(world.take_over())
    assert quantity(after) == 14.0
    assert "3 messages of trades:0 (offsets 2 to 4) are lost" in after.not_available


def test_a_database_that_is_lost_while_topics_lack_their_beginning(world: World) -> None:
    world.let_go(TRADES_PLACE, 1)
    lost = emptied_world(world.settings)
    said = lost.refused()
    assert "the database holds no state, and trades:0 begins at offset 1" in said
    assert "Restore a backup" in said
    lost.recover(BreakKind.DATABASE)
    after = lost.run(lost.take_over())
    assert (quantity(after), after.var) == (11.0, None)
    assert "the message of trades:0 at offset 0 is lost" in after.not_available
    lost.close()


def test_a_database_that_is_lost_while_topics_are_whole(world: World) -> None:
    before = world.latest.watermark()
    lost = emptied_world(world.settings)
    result = diagnosis(lost.connections)
    assert result.problems == ()
    assert any("Redis holds numbers of another database" in note for note in result.notes)
    fence = lost.take_over()
    assert before is not None
    assert fence > before.fence, "ids of snapshots are not given out again"
    assert lost.latest.portfolios() == [], "numbers of the other database are gone"
    assert quantity(lost.run(fence)) == 12.0
    lost.close()


def test_a_database_that_was_restored_from_an_older_backup(world: World) -> None:
    backup = world.tables()
    world.send(world.trade(3))
    for _ in range(3):
        assert quantity(world.run(world.take_over())) == 13.0
    ahead = world.latest.claimed_fence()
    world.restore(backup)
    result = diagnosis(world.connections)
    assert result.problems == ()
    assert any("an older backup was restored" in note for note in result.notes)
    fence = world.take_over()
    assert fence > ahead
    newest = world.latest.latest("P")
    assert newest is not None
    assert not newest.durable, "PostgreSQL does not have it any more"
    assert quantity(world.run(fence)) == 13.0, "the trade after the backup is read again"


def test_a_commit_that_postgresql_lost_under_a_running_driver(world: World) -> None:
    fence = world.take_over()
    world.run(fence, 0)
    backup = world.tables()
    world.send(world.trade(3))
    world.run(fence, 1)
    world.restore(backup)
    world.send(world.trade(4))
    with pytest.raises(CommitsUndoneError, match=f"holds batch 0 of fence {fence}"):
        world.run(fence, 2)
    assert quantity(world.run(world.take_over())) == 14.0


def test_a_recovery_is_of_the_state_that_was_looked_at(world: World) -> None:
    world.send(world.trade(3))
    world.let_go(TRADES_PLACE, 3)
    plan = planned(world.connections, world.settings, BreakKind.GAP)
    other = replace(plan, before={**plan.before, TRADES_PLACE: 1})
    with pytest.raises(StateChangedError):
        world.history.recover(other, actor="tester")
    assert world.history.recoveries() == []


def test_what_was_rejected_of_a_lost_topic_hides_nothing_of_the_new_one(world: World) -> None:
    for _ in range(2):
        world.send(trade("t-9", "NOBODY-KNOWS", 1.0, 1.0))
        world.run(world.take_over())
        world.recreate(TRADES.name)
        world.recover(BreakKind.TOPICS)
    world.send(world.trade(1), world.trade(2), trade("t-9", "NOBODY-KNOWS", 1.0, 1.0))
    world.run(world.take_over())
    rows, _ = world.history.rejected()
    assert len(rows) == 3


def test_a_database_of_a_newer_version_is_left_alone(world: World) -> None:
    world.query("UPDATE alembic_version SET version_num = '9999'")
    [problem] = diagnosis(world.connections).problems
    assert "made by a newer riskstream" in problem.sentence
    with pytest.raises(InputError, match=r"newer riskstream.*nothing was changed"):
        planned(world.connections, world.settings, BreakKind.TOPICS)


def test_a_fence_in_redis_that_no_driver_has_written(world: World) -> None:
    with redis.Redis.from_url(world.connections.redis_url) as plain:
        plain.set("riskstream:fence", b"9" * 30)
    [problem] = diagnosis(world.connections).problems
    assert "riskstream:fence, which no driver has written: delete that key" in problem.sentence
    with pytest.raises(ForeignContentError):
        world.take_over()


def test_the_command_prints_sentence_and_remedy_and_mends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("database_url", "redis_url", "kafka_bootstrap_servers"):
        monkeypatch.setenv(name.upper(), world.connections.facts[name])
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(world.settings.state_dir))
    world.send(world.trade(3), world.trade(4))
    world.let_go(TRADES_PLACE, 3)
    said = CliRunner().invoke(app, ["recover"])
    assert said.exit_code == ExitCode.NEEDS_RECOVERY
    assert "trades:0 begins at offset 3, and the state ends at 2" in said.output
    assert "riskstream recover --case gap" in said.output
    dry = CliRunner().invoke(app, ["recover", "--case", "gap", "--dry-run"])
    assert dry.exit_code == 0
    assert "the message of trades:0 at offset 2: would be recorded as lost" in dry.output
    assert "Nothing was changed" in dry.output
    assert world.history.recoveries() == []
    mended = CliRunner().invoke(app, ["recover", "--case", "gap", "--by", "Ada"])
    assert mended.exit_code == 0
    assert "P: no risk until its positions are stated again" in mended.output
    result = CliRunner().invoke(app, ["recover", "--json"])
    assert result.exit_code == 0
    answer = msgspec.json.decode(result.output)
    assert (answer["problems"], list(answer["unknown"])) == ([], ["P"])
    assert answer["recoveries"][0]["actor"] == "Ada"
