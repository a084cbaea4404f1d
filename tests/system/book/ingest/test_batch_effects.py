"""Effects of a batch: gathered, handed over once, begun again with nothing."""

from __future__ import annotations

import msgspec

from system.book.ingest.batch_effects import MAX_DETAIL_LENGTH, BatchEffects
from system.book.ingest.partitions import Partitions
from system.book.state.events import Event, Unreadable
from system.contracts.kept_values import kept_value
from system.contracts.messages import RejectReason
from system.errors import MessageError


class Row(msgspec.Struct):
    """Row of the state."""

    a: int


def partitions() -> Partitions:
    return Partitions({"trades:0": 5, "reference:0": 0})


def test_a_rejected_message_keeps_its_place_reason_and_bytes():
    effects, queues = BatchEffects(), partitions()
    queue = next(queue for queue in queues.queues if queue.name == "trades:0")
    value = kept_value(b"{not json")
    event = Event(5, Unreadable(RejectReason.NOT_JSON, "no JSON"), [value], 0)
    effects.reject(event, queue, MessageError(RejectReason.NOT_JSON, "x" * 2_000))
    [rejected] = effects.handed_over({}, queues).rejected
    assert (rejected.topic, rejected.partition, rejected.offset) == ("trades", 0, 5)
    assert (rejected.reason, rejected.value) == (RejectReason.NOT_JSON, value.text)
    assert (rejected.size_bytes, rejected.sha256) == (value.size_bytes, value.sha256)
    assert rejected.detail == "x" * MAX_DETAIL_LENGTH


def test_the_newest_intended_time_counts():
    effects = BatchEffects()
    for intended_ns in (3, 9, 4):
        effects.note_intended(intended_ns)
    assert effects.handed_over({}, partitions()).intended_ns == 9


def test_rows_are_kept_as_json_and_a_row_that_is_taken_away_as_none():
    effects = BatchEffects()
    effects.changed |= {"one": Row(1), "gone": None, "counts": {"a": 2}, "pair": (Row(1), Row(2))}
    assert effects.state() == {
        "one": b'{"a":1}',
        "gone": None,
        "counts": b'{"a":2}',
        "pair": b'[{"a":1},{"a":2}]',
    }


def test_what_was_handed_over_is_not_handed_over_again():
    effects = BatchEffects()
    effects.changed["one"] = Row(1)
    effects.note_intended(9)
    first = effects.handed_over(effects.state(), partitions())
    second = effects.handed_over(effects.state(), partitions())
    assert first.state == {"one": b'{"a":1}'}
    assert first.offsets == {"trades:0": 5, "reference:0": 0}
    assert (second.state, second.rejected, second.snapshots, second.intended_ns) == ({}, (), (), 0)
