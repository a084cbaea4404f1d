"""The record of a run: what the observer saw, one JSON line each, in order of receipt.

A line is written when it is seen and the file is readable up to its last whole line,
also after a kill. What a portfolio holds is written once and referred to by number.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from system.contracts.messages import SnapshotKind, StageTimes
from system.errors import InputError

MAX_LINE_BYTES: Final = 8_000_000


class RecordError(InputError):
    """A line of a record cannot be read; names the file, the line and what is wrong."""


class Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="line"):
    """Base of the lines of a record."""


class Holding(Line, frozen=True, kw_only=True, tag="holding"):
    """Inputs that move a portfolio: tickers held, and ``fx:CCY`` for rates it depends on."""

    index: int
    keys: tuple[str, ...]


class SeenSnapshot(Line, frozen=True, kw_only=True, tag="snapshot"):
    """A snapshot as it arrived at the observer."""

    received_ns: int
    entry_id: str
    snapshot_id: str
    portfolio: str
    kind: SnapshotKind
    fence: int
    epoch: int
    offsets: dict[str, int]
    holding: int
    stages: StageTimes
    event_time_ns: int
    asof: dt.date | None
    var: float | None
    trade_ids: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()


class SeenWatermark(Line, frozen=True, kw_only=True, tag="watermark"):
    """A watermark as it was read by the observer."""

    received_ns: int
    fence: int
    epoch: int
    offsets: dict[str, int]


RecordLine = Holding | SeenSnapshot | SeenWatermark
RECORD_LINE: Final[msgspec.json.Decoder[RecordLine]] = msgspec.json.Decoder(RecordLine)
"""Decodes one line."""


class RecordWriter:
    """Appends lines to a record file; flushed after each call of ``write``.

    Parameters
    ----------
    stream : BinaryIO
        An open, writable binary file.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._encoder = msgspec.json.Encoder(order="deterministic")

    def write(self, *lines: RecordLine) -> None:
        """Append lines and hand them to the operating system."""
        for line in lines:
            self._stream.write(self._encoder.encode(line) + b"\n")
        self._stream.flush()


def read_record(path: Path) -> Iterator[RecordLine]:
    """Yield the lines of a record; a last line that was cut off by a kill is left out.

    Raises
    ------
    RecordError
        If a whole line is not a line of a record; names it.
    """
    for number, raw in enumerate(whole_lines(path), 1):
        yield _decoded(raw, f"{path}:{number}")


def whole_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file that exists; a last one that was cut off by a kill is left out."""
    with path.open("rb") as stream:
        for raw in iter(lambda: stream.readline(MAX_LINE_BYTES), b""):
            if not raw.endswith(b"\n"):
                return
            yield raw


def _decoded(raw: bytes, where: str) -> RecordLine:
    try:
        return RECORD_LINE.decode(raw)
    except msgspec.DecodeError as error:
        msg = f"{where}: not a line of a record ({error}); record the run again"
        raise RecordError(msg) from None
