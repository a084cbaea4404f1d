"""Sources: lines with their numbers, marks behind each day, and the state of a stream."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from system.bus.consumer import Record
from system.contracts.codec import decode_topic
from system.contracts.messages import Mark
from system.contracts.topics import TRADES, Topic
from system.errors import InputError
from system.feed import sources
from system.feed.field_map import FieldMap
from system.feed.sources import MAX_LINE_BYTES, is_table, json_lines, price_messages, stream_state
from system.store.postgres.history_fake import MemoryHistory
from system.store.records import BatchCommit


def test_lines_keep_their_number_and_blank_ones_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_bytes(b'{"a":1}\n\n  \r\n{"b":2}\r\n{"c":3}')
    expected = [("line 1", b'{"a":1}'), ("line 4", b'{"b":2}'), ("line 5", b'{"c":3}')]
    assert list(json_lines(str(path))) == expected


def test_a_line_without_an_end_is_read_no_further_than_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_bytes(b"x" * (2 * MAX_LINE_BYTES + 5) + b"\nlast\n")
    (long, last) = json_lines(str(path))
    assert (long[0], len(long[1])) == ("line 1", MAX_LINE_BYTES)
    assert last == ("line 2", b"last")


def test_standard_input_is_a_source(monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"one\ntwo\n")))
    assert list(json_lines("-")) == [("line 1", b"one"), ("line 2", b"two")]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl: No such file"):
        list(json_lines(str(tmp_path / "none.jsonl")))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.csv", True), ("a.CSV.gz", True), ("a.parquet", True), ("a.jsonl", False), ("-", False)],
)
def test_a_table_is_known_by_its_name(name: str, expected: bool) -> None:
    assert is_table(name) is expected


def test_each_day_is_closed_behind_its_last_price_at_its_time(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("date,A,B\n2020-03-05,1,2\n2020-03-06,3,\n2020-03-09,,4\n", "utf-8")
    messages = price_messages(path, FieldMap(), closes_days=True)
    assert [message.place for message in messages] == [
        "line 2, column A",
        "line 2, column B",
        "end of 2020-03-05",
        "line 3, column A",
        "end of 2020-03-06",
        "line 4, column B",
        "end of 2020-03-09",
    ]
    marks = [decode_topic(message.value, TRADES) for message in messages if "end" in message.place]
    times = [message.event_time_ns for message in messages if "end" not in message.place]
    assert [str(mark.date) for mark in marks] == ["2020-03-05", "2020-03-06", "2020-03-09"]
    assert [mark.event_time_ns for mark in marks] == times[1:]
    assert all(isinstance(mark, Mark) for mark in marks)
    assert len(price_messages(path, FieldMap())) == 4


def test_what_topics_have_kept_comes_in_the_order_of_the_brokers_time(monkeypatch) -> None:
    def of_topic(_: str, topic: Topic) -> list[Record]:
        times = {"reference": (5, 9), "market_data": (5, 7), "trades": (), "fx_rates": (5,)}
        stamped = enumerate(times[topic.name])
        return [Record(topic.name, 0, offset, b"", b"", at_ms) for offset, at_ms in stamped]

    monkeypatch.setattr(sources, "end_offsets", lambda *_: {"market_data:0": 2})
    monkeypatch.setattr(sources, "read_topic", of_topic)
    kept = [(record.topic, record.offset) for record in sources.kept_records("broker:1")]
    expected = [("reference", 0), ("fx_rates", 0), ("market_data", 0), ("market_data", 1)]
    assert kept == [*expected, ("reference", 1)]
    monkeypatch.setattr(sources, "end_offsets", lambda *_: {"market_data:0": 3_000_000})
    with pytest.raises(InputError, match="have 3000000 messages, 2000000 are judged at once"):
        sources.kept_records("broker:1")


def test_the_state_is_what_the_stream_has_committed(monkeypatch) -> None:
    history = MemoryHistory()
    value = msgspec.json.encode({"date": "2020-03-05", "event_time_ns": 1})
    fence = history.acquire_fence()
    history.commit(BatchCommit(fence, 0, {"trades:0": 7}, {"day": value}))
    monkeypatch.setattr(sources, "RiskHistory", lambda url: history)
    stored = stream_state(SimpleNamespace(reader_database_url="postgresql://x"))  # type: ignore[arg-type]
    assert (stored.offsets, stored.state) == ({"trades:0": 7}, {"day": value})
