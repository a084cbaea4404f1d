"""State against topics: the ones that belong together, and the sentence for those that do not."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from system.bus.consumer import Record
from system.bus.extents import TopicExtents
from system.contracts.digests import record_digest
from system.store.postgres.identity import StateIdentity
from system.store.records import LastRecord, StoredState
from system.stream.lifecycle.continuity import (
    BreakKind,
    StateMismatchError,
    breaks,
    check_continuity,
    last_offsets,
)

APPENDED_MS = 1_606_774_800_123


def record(value: bytes = b"the last one", *, offset: int = 9, at_ms: int = APPENDED_MS) -> Record:
    return Record("trades", 0, offset, b"key", value, at_ms)


def digest_of(last: Record) -> LastRecord:
    return LastRecord(record_digest(last.value, last.appended_at_ms), last.appended_at_ms)


STATE = StoredState({"trades:0": 10, "reference:0": 0}, {}, {"trades:0": digest_of(record())})
IDENTITY = StateIdentity(
    "0d6a0c3a-0000-4000-8000-000000000001",
    7,
    7,
    cluster_id="cluster-a",
    topic_ids={"trades": "t1", "reference": "r1"},
    committed_at=dt.datetime(2026, 11, 30, 22, 0, tzinfo=dt.UTC),
)
TOPICS = TopicExtents(
    "cluster-a",
    {"trades": "t1", "reference": "r1"},
    {"trades:0": 0, "reference:0": 0},
    {"trades:0": 15, "reference:0": 4},
    {"trades:0": record()},
)
NOTHING = StoredState({}, {})


def sentence(stored: StoredState, topics: TopicExtents, identity: StateIdentity = IDENTITY) -> str:
    with pytest.raises(StateMismatchError) as caught:
        check_continuity(stored, identity, topics)
    return str(caught.value)


def kinds(stored: StoredState, topics: TopicExtents) -> list[BreakKind]:
    return [each.kind for each in breaks(stored, IDENTITY, topics)]


def test_a_state_goes_on_with_its_own_topics():
    check_continuity(STATE, IDENTITY, TOPICS)


def test_the_record_below_each_offset_is_read_where_its_digest_is_kept():
    assert last_offsets(STATE) == {"trades:0": 9}


def test_a_new_database_starts_with_the_first_message_of_every_partition():
    check_continuity(NOTHING, replace(IDENTITY, cluster_id=None, topic_ids={}), TOPICS)


def test_a_state_of_before_digests_were_kept_goes_on():
    plain = replace(IDENTITY, cluster_id=None, topic_ids={}, committed_at=None)
    check_continuity(StoredState({"trades:0": 10}, {}), plain, TOPICS)


def test_another_cluster_is_refused():
    said = sentence(STATE, replace(TOPICS, cluster_id="cluster-b"))
    assert "made from Kafka cluster cluster-a, and the brokers are of cluster cluster-b" in said
    assert "`riskstream recover --case topics`" in said


def test_a_topic_that_was_made_again_is_refused():
    again = replace(TOPICS, topic_ids={"trades": "t2", "reference": "r1"})
    said = sentence(STATE, again)
    assert (
        "topic trades is not the one that the state was made from: its id was t1 and is t2" in said
    )
    assert kinds(STATE, again) == [BreakKind.TOPICS]


def test_a_partition_that_is_gone_is_refused():
    gone = replace(TOPICS, ends={"reference:0": 4}, beginnings={"reference:0": 0}, records={})
    assert "partition trades:0 up to offset 10, and Kafka has no such" in sentence(STATE, gone)


def test_a_partition_that_ends_below_the_state_is_refused():
    short = replace(TOPICS, ends={"trades:0": 8, "reference:0": 4}, records={"trades:0": None})
    assert "trades:0 up to offset 10, and the partition ends at 8" in sentence(STATE, short)


@pytest.mark.parametrize(
    "other", [record(b"another"), record(at_ms=APPENDED_MS + 1)], ids=["bytes", "append time"]
)
def test_a_tail_that_was_lost_and_filled_again_is_refused(other):
    said = sentence(STATE, replace(TOPICS, records={"trades:0": other}))
    assert "trades:0 holds another record at offset 9" in said
    assert "2020-11-30 22:20:00.123 UTC" in said


def test_a_record_that_compaction_took_away_is_no_break():
    check_continuity(STATE, IDENTITY, replace(TOPICS, records={"trades:0": None}))


def test_a_gap_names_partition_range_time_and_remedy():
    cut = replace(TOPICS, beginnings={"trades:0": 13, "reference:0": 0}, records={"trades:0": None})
    said = sentence(STATE, cut)
    assert said.count("\n") == 0
    assert "trades:0 begins at offset 13, and the state ends at 10" in said
    assert "committed 2026-11-30 22:00:00+00:00" in said
    assert "the 3 messages from offset 10 to 12" in said
    assert "`riskstream recover --case gap`" in said
    assert kinds(STATE, cut) == [BreakKind.GAP]
    one = replace(cut, beginnings={"trades:0": 11, "reference:0": 0})
    assert "the message at offset 10 of the topic's retention is lost, unread" in sentence(
        STATE, one
    )


def test_a_partition_that_begins_where_the_state_ends_lacks_nothing():
    cut = replace(TOPICS, beginnings={"trades:0": 10, "reference:0": 0}, records={"trades:0": None})
    check_continuity(STATE, IDENTITY, cut)


def test_an_empty_database_is_not_computed_from_topics_that_lack_their_beginning():
    cut = replace(TOPICS, beginnings={"trades:0": 1, "reference:0": 0})
    said = sentence(NOTHING, cut)
    assert "the database holds no state, and trades:0 begins at offset 1" in said
    assert "the message at offset 0 was let go by the topic's retention" in said
    assert "Restore a backup of the database" in said
    assert kinds(NOTHING, cut) == [BreakKind.DATABASE]


def test_a_partition_that_the_state_does_not_know_lacks_its_beginning_too():
    known = replace(STATE, offsets={"trades:0": 10})
    cut = replace(TOPICS, beginnings={"trades:0": 0, "reference:0": 2})
    assert kinds(known, cut) == [BreakKind.GAP]
