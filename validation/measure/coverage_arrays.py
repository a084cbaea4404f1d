"""Arrays that coverage is computed on, made from records and messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from validation.measure.coverage import STAGES, Inputs, Int64Array, Observations, Watermarks
from validation.measure.record import Holding, RecordLine, SeenSnapshot, SeenWatermark

STAMP_COUNT: Final = len(STAGES) - 1
"""Stamps inside the pipeline; the last stage ends with the observer's."""


class SentMessage(msgspec.Struct, frozen=True):
    """A message whose coverage is judged: where it lies, what it moves, when it was due.

    ``key`` is the ticker, or ``fx:CCY`` for a rate.
    """

    topic: str
    partition: int
    offset: int
    key: str
    intended_ns: int


@dataclass(frozen=True)
class Tables:
    """The arrays of one run, their names, and the snapshots as they were recorded."""

    inputs: Inputs
    observations: Observations
    watermarks: Watermarks
    partitions: tuple[str, ...]
    keys: tuple[str, ...]
    portfolios: tuple[str, ...]


def tables(messages: Sequence[SentMessage], record: Iterable[RecordLine]) -> Tables:
    """Return the arrays of one run.

    Parameters
    ----------
    messages : sequence of SentMessage
        Every message to judge.
    record : iterable of RecordLine
        What the observer wrote, in its order.
    """
    partitions = {name: index for index, name in enumerate(sorted(set(map(_partition, messages))))}
    keys = {name: index for index, name in enumerate(sorted({message.key for message in messages}))}
    return tables_of(
        _inputs(messages, partitions, keys),
        record,
        partitions=tuple(partitions),
        keys=tuple(keys),
    )


def tables_of(
    inputs: Inputs,
    record: Iterable[RecordLine],
    *,
    partitions: tuple[str, ...],
    keys: tuple[str, ...],
) -> Tables:
    """Return the arrays of a run whose messages are arrays already.

    Parameters
    ----------
    inputs : Inputs
        Every message to judge.
    record : iterable of RecordLine
        What the observer wrote, in its order.
    partitions, keys : tuple of str
        What the indices in ``inputs`` mean.
    """
    lines = list(record)
    partition_of = {name: index for index, name in enumerate(partitions)}
    key_of = {name: index for index, name in enumerate(keys)}
    snapshots = [line for line in lines if isinstance(line, SeenSnapshot)]
    marks = [line for line in lines if isinstance(line, SeenWatermark)]
    holdings = {line.index: line for line in lines if isinstance(line, Holding)}
    return Tables(
        inputs=inputs,
        observations=_observations(snapshots, holdings, partition_of, key_of),
        watermarks=Watermarks(
            _column(line.received_ns for line in marks),
            _offsets([line.offsets for line in marks], partition_of),
        ),
        partitions=partitions,
        keys=keys,
        portfolios=_portfolios(snapshots),
    )


def _partition(message: SentMessage) -> str:
    return f"{message.topic}:{message.partition}"


def _inputs(
    messages: Sequence[SentMessage], partitions: Mapping[str, int], keys: Mapping[str, int]
) -> Inputs:
    return Inputs(
        partition=_column(partitions[_partition(message)] for message in messages),
        offset=_column(message.offset for message in messages),
        key=_column(keys[message.key] for message in messages),
        intended_ns=_column(message.intended_ns for message in messages),
    )


def _observations(
    snapshots: Sequence[SeenSnapshot],
    holdings: Mapping[int, Holding],
    partitions: Mapping[str, int],
    keys: Mapping[str, int],
) -> Observations:
    portfolios = {name: index for index, name in enumerate(_portfolios(snapshots))}
    held = np.zeros((max(holdings, default=0) + 1, len(keys)), dtype=np.bool_)
    for holding in holdings.values():
        held[holding.index, [keys[key] for key in holding.keys if key in keys]] = True
    return Observations(
        received_ns=_column(snapshot.received_ns for snapshot in snapshots),
        portfolio=_column(portfolios[snapshot.portfolio] for snapshot in snapshots),
        holding=_column(snapshot.holding for snapshot in snapshots),
        version=np.array([(s.fence, s.epoch) for s in snapshots], np.int64).reshape(-1, 2),
        offsets=_offsets([snapshot.offsets for snapshot in snapshots], partitions),
        stages_ns=np.array([_moments(s) for s in snapshots], np.int64).reshape(-1, STAMP_COUNT),
        held=held,
    )


def _moments(snapshot: SeenSnapshot) -> list[int]:
    """Return when each stage was done; a stage without a stamp took no time of its own."""
    stages = snapshot.stages
    done = [
        stages.batch_started_ns or snapshot.received_ns,
        stages.read_ns,
        stages.folded_ns,
        stages.valued_ns,
        stages.published_ns,
    ]
    for index in range(1, STAMP_COUNT):
        done[index] = done[index] or done[index - 1]
    return done


def _portfolios(snapshots: Sequence[SeenSnapshot]) -> tuple[str, ...]:
    return tuple(sorted({snapshot.portfolio for snapshot in snapshots}))


def _offsets(rows: Sequence[Mapping[str, int]], partitions: Mapping[str, int]) -> Int64Array:
    offsets = [[row.get(name, 0) for name in partitions] for row in rows]
    return np.array(offsets, dtype=np.int64).reshape(len(rows), len(partitions))


def _column(values: Iterable[int]) -> Int64Array:
    return np.fromiter(values, dtype=np.int64)
