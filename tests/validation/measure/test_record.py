"""The record of a run: what was written comes back, also after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from validation.measure.record import Holding, RecordError, RecordWriter, SeenWatermark, read_record

LINES = (
    Holding(index=0, keys=("AAPL", "fx:USD")),
    SeenWatermark(received_ns=5, fence=1, epoch=2, offsets={"market_data:0": 7}),
)


def written(path: Path) -> Path:
    with path.open("wb") as stream:
        RecordWriter(stream).write(*LINES)
    return path


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    assert tuple(read_record(written(tmp_path / "record"))) == LINES


def test_a_line_that_a_kill_cut_off_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "record")
    path.write_bytes(path.read_bytes()[:-4])
    assert tuple(read_record(path)) == LINES[:1]


def test_a_whole_line_that_is_none_is_refused_by_number(tmp_path: Path) -> None:
    path = written(tmp_path / "record")
    path.write_bytes(path.read_bytes() + b'{"line":"guess"}\n')
    with pytest.raises(RecordError, match=r"record:3: not a line of a record"):
        list(read_record(path))


def test_lines_reach_the_file_before_the_writer_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "record"
    with path.open("wb") as stream:
        RecordWriter(stream).write(LINES[0])
        assert tuple(read_record(path)) == LINES[:1]
