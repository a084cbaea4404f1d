"""What a batch has done so far, until it is handed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from system.book.ingest.fold import Fold
from system.book.ingest.partitions import PartitionQueue, Partitions
from system.book.state.events import Event
from system.contracts.kept_values import KeptValue
from system.contracts.messages import Rejected, RejectReason, RiskSnapshot
from system.errors import MessageError

MAX_DETAIL_LENGTH: Final = 500
"""A detail may quote a message; the message itself is kept beside it."""

Kept = (
    msgspec.Struct | tuple[msgspec.Struct, ...] | Mapping[str, msgspec.Struct] | Mapping[str, int]
)


class BatchEffects:
    """Changed rows, rejected messages and snapshots of one batch."""

    def __init__(self) -> None:
        self.changed: dict[str, Kept | None] = {}
        """By key; None: the row is taken away."""
        self.snapshots: list[RiskSnapshot] = []
        self._rejected: list[Rejected] = []
        self._intended_ns = 0

    def note_intended(self, intended_ns: int) -> None:
        """Note when an applied message was meant to be sent."""
        self._intended_ns = max(self._intended_ns, intended_ns)

    def reject(self, event: Event, queue: PartitionQueue, error: MessageError) -> None:
        """Keep a message that was not applied, with the reason."""
        self.reject_at(queue, event.offset, event.values[event.row], error)

    def reject_at(
        self, queue: PartitionQueue, offset: int, value: KeptValue, error: MessageError
    ) -> None:
        """Keep a message of some offset of a partition, with the reason."""
        self._rejected.append(
            Rejected(
                topic=queue.topic,
                partition=queue.partition,
                offset=offset,
                reason=RejectReason(error.reason),
                detail=error.detail[:MAX_DETAIL_LENGTH],
                value=value.text,
                size_bytes=value.size_bytes,
                sha256=value.sha256,
            )
        )

    def state(self) -> dict[str, bytes | None]:
        """Return the changed rows as they are kept, None for one that is taken away."""
        return {
            key: None if row is None else msgspec.json.encode(row)
            for key, row in self.changed.items()
        }

    def handed_over(self, state: dict[str, bytes | None], partitions: Partitions) -> Fold:
        """Return all of it, its rows as ``state``, and begin with nothing again."""
        fold = Fold(
            snapshots=tuple(self.snapshots),
            rejected=tuple(self._rejected),
            offsets=partitions.offsets,
            state=state,
            waiting_for=partitions.missing_mark(),
            intended_ns=self._intended_ns,
            held=partitions.held,
        )
        self.changed, self.snapshots, self._rejected = {}, [], []
        self._intended_ns = 0
        return fold
