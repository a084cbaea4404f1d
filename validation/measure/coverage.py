"""When each message was covered: the laws of the latency figure.

1. A message *concerns* a portfolio when the portfolio held its key (the ticker; for a
   rate, ``fx:CCY``) in the last snapshot that does not cover the message, or holds it in
   the first one that does while the message came after everything that earlier batches
   covered. So a message that came long before a purchase is not charged to the buyer,
   and one that shares the purchase's batch is.
2. A message is *covered* at the moment when every portfolio it concerns was readable at
   offsets beyond it: the maximum over those portfolios of the receipt of the first
   snapshot whose running maximum offset is beyond the message. One portfolio that never
   gets there leaves the message uncovered, and uncovered is never dropped.
3. A message that concerns nobody is covered by the first watermark beyond it and is
   reported apart.
4. The stages of a message are those of the snapshot that completed its coverage, so that
   they add up to its latency exactly.

The algorithm is one binary search (``numpy.searchsorted``) per portfolio and partition
in the running maximum of its offsets: ``O(messages x portfolios x log snapshots)``.
``tests/validation/measure/test_coverage.py`` holds the plain version that it must equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NEVER: Final = -1
STAGES: Final = ("waiting", "reading", "folding", "valuing", "publishing", "observing")
"""Intended send to batch start, to read by Spark, to folded, to valued, to published, to
observed."""


@dataclass(frozen=True)
class Inputs:
    """Messages sent, one entry each.

    Parameters
    ----------
    partition, offset : ndarray of int64, shape (message_count,)
        Where the message lies: index of its topic partition, and its Kafka offset.
    key : ndarray of int64, shape (message_count,)
        Index of the ticker or currency.
    intended_ns : ndarray of int64, shape (message_count,)
        When the schedule meant to send it, CLOCK_MONOTONIC.
    """

    partition: Int64Array
    offset: Int64Array
    key: Int64Array
    intended_ns: Int64Array

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self.offset)


@dataclass(frozen=True)
class Observations:
    """Snapshots in the order in which they were received, one entry each.

    Parameters
    ----------
    received_ns, portfolio, holding : ndarray of int64, shape (snapshot_count,)
        Receipt (CLOCK_MONOTONIC), index of the portfolio, row of ``held``.
    version : ndarray of int64, shape (snapshot_count, 2)
        Fence and epoch of the batch.
    offsets : ndarray of int64, shape (snapshot_count, partition_count)
        First offset of each partition that is not covered.
    stages_ns : ndarray of int64, shape (snapshot_count, 5)
        Batch started, read, folded, valued, published, CLOCK_MONOTONIC.
    held : ndarray of bool, shape (holding_count, key_count)
        Which keys move a portfolio with this holding.
    """

    received_ns: Int64Array
    portfolio: Int64Array
    holding: Int64Array
    version: Int64Array
    offsets: Int64Array
    stages_ns: Int64Array
    held: BoolArray


@dataclass(frozen=True)
class Watermarks:
    """Watermarks in the order in which they were seen: receipt and offsets."""

    received_ns: Int64Array
    offsets: Int64Array


@dataclass(frozen=True)
class Coverage:
    """Coverage of each message: the time and the snapshot that completed it.

    Parameters
    ----------
    holder_count : ndarray of int64, shape (message_count,)
        How many portfolios the message concerns.
    covered_ns : ndarray of int64, shape (message_count,)
        When it was covered, CLOCK_MONOTONIC; ``NEVER`` if it was not.
    completed_by : ndarray of int64, shape (message_count,)
        The snapshot that completed its coverage; ``NEVER`` without one.
    """

    holder_count: Int64Array
    covered_ns: Int64Array
    completed_by: Int64Array


def coverage(
    inputs: Inputs,
    observations: Observations,
    watermarks: Watermarks,
    *,
    portfolio: int | None = None,
) -> Coverage:
    """Return when each message was covered, every message judged.

    Parameters
    ----------
    inputs : Inputs
        The messages, in any order.
    observations : Observations
        The snapshots, in order of receipt.
    watermarks : Watermarks
        The watermarks, in order of receipt; they judge what concerns nobody.
    portfolio : int, optional
        Judge as if this were the only portfolio; all of them count by default.

    Returns
    -------
    Coverage
        One entry per message; see the laws at the head of this module.
    """
    holder_count = np.zeros(len(inputs), dtype=np.int64)
    completed_by = np.full(len(inputs), NEVER, dtype=np.int64)
    missed = np.zeros(len(inputs), dtype=np.bool_)
    floor = batch_floor(observations)
    for rows in _rows_by_portfolio(observations, portfolio):
        for partition, members in enumerate(_members(inputs, observations.offsets.shape[1])):
            concerned, first = _first_cover(inputs, members, observations, rows, partition, floor)
            holder_count[members] += concerned
            missed[members] |= concerned & (first == NEVER)
            completed_by[members] = np.maximum(
                completed_by[members], np.where(concerned, first, NEVER)
            )
    covered_ns = _covered_ns(inputs, observations, watermarks, holder_count, completed_by)
    covered_ns[missed] = NEVER
    completed_by[missed] = NEVER
    return Coverage(holder_count, covered_ns, completed_by)


def batch_floor(observations: Observations) -> Int64Array:
    """Return, per snapshot, what batches before its own had covered.

    Returns
    -------
    ndarray of int64, shape (snapshot_count, partition_count)
        Running maximum of the offsets over all snapshots of smaller (fence, epoch); 0
        before the first batch.
    """
    if not len(observations.offsets):
        return observations.offsets.copy()
    batches, batch = np.unique(observations.version, axis=0, return_inverse=True)
    reach = np.zeros((len(batches) + 1, observations.offsets.shape[1]), dtype=np.int64)
    np.maximum.at(reach, batch.reshape(-1) + 1, observations.offsets)
    return np.asarray(np.maximum.accumulate(reach, axis=0)[batch.reshape(-1)])


def stage_durations(inputs: Inputs, observations: Observations, outcome: Coverage) -> Int64Array:
    """Return how long each message spent in each stage.

    Returns
    -------
    ndarray of int64, shape (message_count, 6)
        Nanoseconds in the order of ``STAGES``; a row adds up to covered minus intended.
        Rows of messages without a completing snapshot are 0.
    """
    done = outcome.completed_by != NEVER
    moments = np.zeros((len(inputs), len(STAGES) + 1), dtype=np.int64)
    rows = outcome.completed_by[done]
    moments[done, 0] = inputs.intended_ns[done]
    moments[done, 1:-1] = observations.stages_ns[rows]
    moments[done, -1] = observations.received_ns[rows]
    return np.diff(moments, axis=1)


def _rows_by_portfolio(observations: Observations, only: int | None) -> list[Int64Array]:
    seen = np.unique(observations.portfolio)
    chosen = seen if only is None else seen[seen == only]
    return [np.flatnonzero(observations.portfolio == portfolio) for portfolio in chosen]


def _members(inputs: Inputs, partition_count: int) -> list[Int64Array]:
    return [np.flatnonzero(inputs.partition == index) for index in range(partition_count)]


def _first_cover(
    inputs: Inputs,
    members: Int64Array,
    observations: Observations,
    rows: Int64Array,
    partition: int,
    floor: Int64Array,
) -> tuple[BoolArray, Int64Array]:
    """Return whom of ``members`` this portfolio concerns, and its first covering snapshot."""
    reach = np.maximum.accumulate(observations.offsets[rows, partition])
    place = np.searchsorted(reach, inputs.offset[members], side="right")
    covered = place < len(rows)
    row = rows[np.minimum(place, len(rows) - 1)]
    before = rows[np.maximum(place - 1, 0)]
    key = inputs.key[members]
    held_before = (place > 0) & observations.held[observations.holding[before], key]
    same_batch = inputs.offset[members] >= floor[row, partition]
    held_now = covered & same_batch & observations.held[observations.holding[row], key]
    return held_before | held_now, np.where(covered, row, NEVER)


def _covered_ns(
    inputs: Inputs,
    observations: Observations,
    watermarks: Watermarks,
    holder_count: Int64Array,
    completed_by: Int64Array,
) -> Int64Array:
    covered_ns = _watermark_ns(inputs, watermarks)
    held = holder_count > 0
    received = np.append(observations.received_ns, NEVER)
    covered_ns[held] = received[completed_by[held]]
    return covered_ns


def _watermark_ns(inputs: Inputs, watermarks: Watermarks) -> Int64Array:
    covered_ns = np.full(len(inputs), NEVER, dtype=np.int64)
    received = np.append(watermarks.received_ns, NEVER)
    for partition, members in enumerate(_members(inputs, watermarks.offsets.shape[1])):
        reach = np.maximum.accumulate(watermarks.offsets[:, partition])
        covered_ns[members] = received[np.searchsorted(reach, inputs.offset[members], side="right")]
    return covered_ns
