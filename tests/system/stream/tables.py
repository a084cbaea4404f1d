"""Messages as the query hands them to a batch: what the tests of this folder share."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from system.contracts.codec import encode
from system.contracts.messages import Message
from system.contracts.topics import REFERENCE

APPENDED_AT_MS = 1_606_774_800_123
Row = tuple[str, int, int, bytes]
"""Topic, partition, offset and value of one record."""


def table_of(rows: Sequence[Row], *, appended_at_ms: int = APPENDED_AT_MS) -> pa.Table:
    """Return records in the columns of `system.stream.spark.query`, all appended at one moment."""
    appended = [appended_at_ms * 1_000 + 999] * len(rows)
    topics, partitions, offsets, values = zip(*rows, strict=True)
    return pa.table(
        {
            "topic": pa.array(topics),
            "partition": pa.array(partitions, pa.int32()),
            "offset": pa.array(offsets, pa.int64()),
            "value": pa.array(values, pa.binary()),
            "timestamp": pa.array(appended, pa.timestamp("us", "UTC")),
        }
    )


def reference_table(*messages: Message, first_offset: int = 0) -> pa.Table:
    """Return reference messages that lie one after the other."""
    return table_of(
        [
            (REFERENCE.name, 0, first_offset + index, encode(message))
            for index, message in enumerate(messages)
        ]
    )
