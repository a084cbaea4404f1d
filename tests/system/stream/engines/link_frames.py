"""Frames as ``riskstream.RecordWriter`` sends them, made by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from system.stream.engines.frames import END, HELLO, RECORDS


def framed(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<ii", kind, len(body)) + body


def hello(secret: str, *, task: int = 0, attempt: int = 0, batch: int = 0) -> bytes:
    return framed(HELLO, struct.pack("<iiq", task, attempt, batch) + secret.encode())


def records(
    topic: str, partition: int, first: int, values: Sequence[bytes], appended_ms: int = 0
) -> bytes:
    """Return a frame of records at consecutive offsets."""
    count, name = len(values), topic.encode()
    body = struct.pack("<iii", partition, len(name), count) + name
    body += struct.pack(f"<{count}q", *range(first, first + count))
    body += struct.pack(f"<{count}q", *[appended_ms] * count)
    body += struct.pack(f"<{count}i", *map(len, values))
    return framed(RECORDS, body + b"".join(values))


def end() -> bytes:
    return framed(END)
