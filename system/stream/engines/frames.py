"""Frames that tasks of a real-time query send to the driver (``riskstream.RecordWriter``).

All numbers are little-endian. A frame is its kind and the length of its body (int32 each), then
the body:

* HELLO: task, attempt (int32 each), batch (int64), then the secret, ASCII. First on a connection.
* RECORDS: partition, length of the topic's name, row count (int32 each), the name, UTF-8; then
  column by column offsets (int64), append times in milliseconds (int64), lengths of the values
  (int32), and the values one after the other. Rows are of one partition, in offset order.
* END: empty. The task has sent every row of its batch.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from system.contracts.topics import offset_key
from system.errors import InternalError
from system.stream.spark.fetched_rows import EMPTY

HELLO: Final = 1
RECORDS: Final = 2
END: Final = 3
MAX_FRAME_BYTES: Final = 16 * 2**20
"""Longest body; the writer ends a frame after a MiB of values."""
MAX_HELLO_BYTES: Final = 256
_HEAD: Final = struct.Struct("<ii")
_HELLO: Final = struct.Struct("<iiq")
_RECORDS: Final = struct.Struct("<iii")
_OFFSET: Final = struct.Struct("<q")


class FrameError(InternalError):
    """Bytes on the link are no frame."""


class Hello(NamedTuple):
    """First frame of a connection: which task of which batch, and the link's secret."""

    task: int
    attempt: int
    batch: int
    secret: bytes


class End(NamedTuple):
    """Last frame of a task that has sent all rows of its batch."""


class Records(NamedTuple):
    """Rows of one partition, column by column, as they were sent."""

    topic: str
    partition: int
    row_count: int
    offsets: bytes
    appended_ms: bytes
    lengths: bytes
    values: bytes

    @property
    def place(self) -> str:
        """``topic:partition``."""
        return offset_key(self.topic, self.partition)

    @property
    def next_offset(self) -> int:
        """The offset that follows the last row."""
        return int(_OFFSET.unpack_from(self.offsets, 8 * (self.row_count - 1))[0]) + 1


Frame = Hello | Records | End


class FrameReader:
    """Frames of one connection, from its bytes in whatever pieces they come."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._longest = MAX_HELLO_BYTES

    @property
    def is_between_frames(self) -> bool:
        """True where every byte belongs to a frame that was returned."""
        return not self._bytes

    def frames(self, received: bytes) -> Iterator[Frame]:
        """Yield the frames that are complete with these bytes.

        Raises
        ------
        FrameError
            If they are no frames, or the first one is not HELLO.
        """
        self._bytes += received
        start = 0
        while (body := self._body(start)) is not None:
            kind, begin, end = body
            frame = _frame(kind, bytes(memoryview(self._bytes)[begin:end]))
            if self._longest == MAX_HELLO_BYTES and not isinstance(frame, Hello):
                raise FrameError(f"the first frame is of kind {kind}, not HELLO")
            self._longest = MAX_FRAME_BYTES
            start = end
            yield frame
        del self._bytes[:start]

    def _body(self, start: int) -> tuple[int, int, int] | None:
        """Return kind, beginning and end of the next frame's body, None while it is incomplete."""
        begin = start + _HEAD.size
        if len(self._bytes) < begin:
            return None
        kind, length = _HEAD.unpack_from(self._bytes, start)
        if not 0 <= length <= self._longest:
            raise FrameError(f"a frame of kind {kind} and {length} bytes")
        return (kind, begin, begin + length) if len(self._bytes) >= begin + length else None


def _frame(kind: int, body: bytes) -> Frame:
    try:
        if kind == HELLO:
            task, attempt, batch = _HELLO.unpack_from(body)
            return Hello(task, attempt, batch, body[_HELLO.size :])
        if kind == RECORDS:
            return _records(body)
        if kind == END:
            return End()
    except (struct.error, UnicodeDecodeError) as error:
        raise FrameError(f"a frame of kind {kind} is malformed: {error}") from error
    raise FrameError(f"a frame of kind {kind}")


def _records(body: bytes) -> Records:
    partition, name_length, count = _RECORDS.unpack_from(body)
    columns = []
    start = _RECORDS.size
    for length in (name_length, 8 * count, 8 * count, 4 * count):
        columns.append(body[start : start + length])
        start += length
    name, offsets, appended_ms, lengths = columns
    values = body[start:]
    if count < 1 or len(lengths) != 4 * count or _sum(lengths) != len(values):
        raise FrameError(f"{len(body)} bytes are not {count} records")
    return Records(name.decode(), partition, count, offsets, appended_ms, lengths, values)


def _sum(lengths: bytes) -> int:
    return int(np.frombuffer(lengths, "<i4").sum(dtype=np.int64))


def records_table(frames: Sequence[Records]) -> pa.Table:
    """Return the rows of some frames, one after the other.

    Returns
    -------
    pyarrow.Table
        Columns of ``system.stream.spark.query.COLUMNS``.
    """
    if not frames:
        return EMPTY
    counts = np.array([frame.row_count for frame in frames])
    topics = sorted({frame.topic for frame in frames})
    index = np.repeat([topics.index(frame.topic) for frame in frames], counts).astype(np.int32)
    lengths = np.frombuffer(b"".join(frame.lengths for frame in frames), "<i4")
    ends = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    values = b"".join(frame.values for frame in frames)
    appended_ms = np.frombuffer(b"".join(frame.appended_ms for frame in frames), "<i8")
    columns = [
        pa.DictionaryArray.from_arrays(pa.array(index), pa.array(topics)).cast(pa.string()),
        pa.array(np.repeat([frame.partition for frame in frames], counts).astype(np.int32)),
        pa.array(np.frombuffer(b"".join(frame.offsets for frame in frames), "<i8")),
        pa.BinaryArray.from_buffers(
            pa.binary(), len(lengths), [None, pa.py_buffer(ends), pa.py_buffer(values)]
        ),
        pa.array(appended_ms * 1_000).cast(pa.timestamp("us", "UTC")),
    ]
    return pa.table(columns, EMPTY.schema)
