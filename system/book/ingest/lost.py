"""Messages that the state lacks: what is not known of a book until its positions are stated again.

Where Kafka lost messages, and a person went on without them (`riskstream recover`), a trade may be
missing. A book has no risk then until a statement says what it holds, as of a moment after them.
"""

from __future__ import annotations

import msgspec

from system.book.ingest.partitions import PartitionQueue
from system.book.state.rows import LostMessages, PortfolioState


def opened_by(
    state: PortfolioState, lost: LostMessages | None, queue: PartitionQueue
) -> PortfolioState:
    """Return the state of a book that a message opens.

    Parameters
    ----------
    state : PortfolioState
        As its definition says.
    lost : LostMessages or None
        What the state lacks.
    queue : PartitionQueue
        The message was taken out last.
    """
    if lost is None or is_after(lost, queue):
        return state
    return msgspec.structs.replace(state, positions_unknown=lost.reason)


def stated_again(
    before: PortfolioState,
    after: PortfolioState,
    lost: LostMessages | None,
    queue: PartitionQueue,
) -> PortfolioState:
    """Return the state of a book after a message about it: known again, if it states positions.

    Parameters
    ----------
    before, after : PortfolioState
        Around the message.
    lost : LostMessages or None
        What the state lacks.
    queue : PartitionQueue
        The message was taken out last.
    """
    if not before.positions_unknown or lost is None or not is_after(lost, queue):
        return after
    if after.restated is None or after.restated.as_of_ns < lost.since_ns:
        return after
    return msgspec.structs.replace(after, positions_unknown="")


def is_after(lost: LostMessages, queue: PartitionQueue) -> bool:
    """Return whether the message that was taken out last came after the recovery."""
    return queue.next_offset > lost.until.get(queue.name, 0)
