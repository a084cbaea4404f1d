"""Frames of the record link: read in whatever pieces they come, and refused where they are none."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.stream.engines.frames import (
    RECORDS,
    End,
    FrameError,
    FrameReader,
    Hello,
    Records,
    records_table,
)
from system.stream.spark.fetched_rows import EMPTY
from tests.system.stream.engines.link_frames import end, framed, hello, records

WHOLE = (
    hello("word", task=3, attempt=1, batch=7)
    + records("market_data", 1, 40, [b"a", b"", b"ccc"], appended_ms=5)
    + records("trades", 0, 2, [b"t"])
    + end()
)


@given(cuts=st.lists(st.integers(0, len(WHOLE)), max_size=6))
def test_frames_are_the_same_however_their_bytes_are_cut(cuts):
    reader = FrameReader()
    bounds = [0, *sorted(cuts), len(WHOLE)]
    frames = [
        frame
        for begin, finish in itertools.pairwise(bounds)
        for frame in reader.frames(WHOLE[begin:finish])
    ]
    assert [type(frame) for frame in frames] == [Hello, Records, Records, End]
    assert frames[0] == Hello(3, 1, 7, b"word")
    assert isinstance(frames[1], Records)
    assert (frames[1].place, frames[1].next_offset) == ("market_data:1", 43)


def test_a_table_has_every_row_with_its_own_columns():
    _, first, second, _ = FrameReader().frames(WHOLE)
    assert isinstance(first, Records)
    assert isinstance(second, Records)
    table = records_table([first, second])
    assert table.schema == EMPTY.schema
    assert table["topic"].to_pylist() == ["market_data"] * 3 + ["trades"]
    assert table["partition"].to_pylist() == [1, 1, 1, 0]
    assert table["offset"].to_pylist() == [40, 41, 42, 2]
    assert table["value"].to_pylist() == [b"a", b"", b"ccc", b"t"]
    assert [stamp.value for stamp in table["timestamp"]] == [5_000] * 3 + [0]


def test_no_frames_are_a_table_without_rows():
    assert records_table([]) == EMPTY


@pytest.mark.parametrize(
    "received",
    [
        records("market_data", 0, 0, [b"a"]),  # no HELLO before it
        hello("x" * 10_000),
        framed(9),
        framed(-1),
        struct.pack("<ii", 1, -5),
    ],
    ids=["no hello", "a long hello", "another kind", "a kind below", "a length below"],
)
def test_a_connection_begins_with_a_short_hello(received):
    with pytest.raises(FrameError):
        list(FrameReader().frames(received))


@pytest.mark.parametrize(
    "body",
    [
        b"\0",
        struct.pack("<iii", 0, 0, 0),
        struct.pack("<iii", 0, 0, 1),
        struct.pack("<iii", 0, 0, 1) + bytes(16) + struct.pack("<i", 7) + b"six..",
    ],
)
def test_records_that_do_not_add_up_are_refused(body):
    reader = FrameReader()
    list(reader.frames(hello("word")))
    with pytest.raises(FrameError):
        list(reader.frames(framed(RECORDS, body)))
