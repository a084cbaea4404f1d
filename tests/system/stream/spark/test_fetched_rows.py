"""A batch's object in the JVM is let go when its work is done, also when that failed."""

from __future__ import annotations

import pyarrow as pa
import pytest

from system.stream.spark.fetched_rows import EMPTY, BatchFunction, Read

NAME = "frame"


class Frame:
    """Rows that py4j hands over; counts how often they are released."""

    def __init__(self) -> None:
        self.let_go = 0

    def _detach(self) -> None:
        self.let_go += 1


def test_a_batch_is_held_while_its_rows_are_read_and_no_longer():
    frame, seen = Frame(), []

    def collect(of: Frame) -> pa.Table:
        seen.append((of, of.let_go))
        return EMPTY

    def work(read: Read) -> None:
        assert read() is EMPTY
        seen.append((frame, frame.let_go))

    BatchFunction(work, collect).call(frame, 7)
    assert seen == [(frame, 0), (frame, 0)]
    assert frame.let_go == 1


def test_a_batch_whose_work_failed_is_let_go_and_its_error_ends_the_query():
    frame = Frame()

    def work(_: Read) -> None:
        raise RuntimeError(NAME)

    with pytest.raises(RuntimeError, match=NAME):
        BatchFunction(work, lambda _: EMPTY).call(frame, 7)
    assert frame.let_go == 1
