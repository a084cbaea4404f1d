"""What waited in the topics when a driver began: until it is read, numbers are old."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from system.contracts.topics import offset_key


class CatchingUp:
    """The ends that a driver has to reach before it may say that the stream is running.

    Parameters
    ----------
    offsets : mapping of str to int
        Where it begins, ``topic:partition``.
    ends : mapping of str to int
        Where the partitions end as it begins.
    """

    def __init__(self, offsets: Mapping[str, int], ends: Mapping[str, int]) -> None:
        self._left = {name: end for name, end in ends.items() if end > offsets.get(name, 0)}

    @property
    def is_done(self) -> bool:
        """Whether everything that waited has been read."""
        return not self._left

    def note(self, table: pa.Table) -> None:
        """Take what one batch has read; its columns topic, partition and offset count."""
        if self.is_done:
            return
        newest = table.group_by(["topic", "partition"]).aggregate([("offset", "max")])
        for row in newest.to_pylist():
            name = offset_key(row["topic"], row["partition"])
            if row["offset_max"] + 1 >= self._left.get(name, 0):
                self._left.pop(name, None)
