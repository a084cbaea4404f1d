"""Sequences of breaches: what is counted in them, and the laws they are drawn from.

A hit matrix has one row per sequence and one column per day; True is a breach. The
statistics of the tests take a matrix, so that one observed sequence and ten thousand
simulated ones go through the same code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol, Self

import numpy as np

from system.risk.arrays import BoolMatrix, BoolVector, Float64Vector, IndexVector

CELLS_PER_BLOCK: Final = 4_000_000
"""Largest number of days, over all sequences, that are simulated at a time."""


class HitLaw(Protocol):
    """A law that sequences of breaches can be drawn from."""

    def draw(self, rng: np.random.Generator, sequence_count: int, day_count: int) -> BoolMatrix:
        """Return hits, shape (sequence_count, day_count)."""
        ...


@dataclass(frozen=True, slots=True)
class IndependentHits:
    """Each day is a breach with the same probability, whatever happened before."""

    probability: float

    def draw(self, rng: np.random.Generator, sequence_count: int, day_count: int) -> BoolMatrix:
        """Return hits, shape (sequence_count, day_count)."""
        drawn: BoolMatrix = rng.random((sequence_count, day_count)) < self.probability
        return drawn


@dataclass(frozen=True, slots=True)
class RollingRankHits:
    """Breaches of a correct rolling estimator on independent returns of any continuous law.

    The VaR is the ``rank``-th worst of the last ``window`` returns, so the next return is
    a breach if fewer than ``rank`` of them are below it: only ranks matter, and the rate
    is exactly rank / (window + 1). A breach enters the windows that follow, which makes
    the next one less likely.
    """

    window: int
    rank: int

    def draw(self, rng: np.random.Generator, sequence_count: int, day_count: int) -> BoolMatrix:
        """Return hits, shape (sequence_count, day_count)."""
        returns = rng.random((sequence_count, self.window + day_count))
        below = np.zeros((sequence_count, day_count), dtype=np.int16)
        today = returns[:, self.window :]
        for lag in range(1, self.window + 1):
            below += returns[:, self.window - lag : self.window - lag + day_count] < today
        drawn: BoolMatrix = below < self.rank
        return drawn


@dataclass(frozen=True, slots=True)
class ClusteredHits:
    """A two-state Markov chain: another probability on the day after a breach.

    Parameters
    ----------
    rate : float
        Share of breaches in the long run, in (0, 1).
    after_breach : float
        Probability of a breach on the day after one, in [0, 1).
    """

    rate: float
    after_breach: float

    def draw(self, rng: np.random.Generator, sequence_count: int, day_count: int) -> BoolMatrix:
        """Return hits, shape (sequence_count, day_count)."""
        otherwise = self.rate * (1.0 - self.after_breach) / (1.0 - self.rate)
        uniform = rng.random((day_count, sequence_count))
        hits = np.empty((day_count, sequence_count), dtype=np.bool_)
        hit = uniform[0] < self.rate
        hits[0] = hit
        for day in range(1, day_count):
            hit = uniform[day] < np.where(hit, self.after_breach, otherwise)
            hits[day] = hit
        return np.ascontiguousarray(hits.T)


def hit_blocks(
    law: HitLaw, rng: np.random.Generator, sequence_count: int, day_count: int
) -> Iterator[BoolMatrix]:
    """Yield ``sequence_count`` sequences in blocks of bounded size.

    Parameters
    ----------
    law : HitLaw
        What they follow.
    rng : numpy.random.Generator
        The source of chance.
    sequence_count, day_count : int
        How many, and how long.
    """
    per_block = max(1, CELLS_PER_BLOCK // day_count)
    for first in range(0, sequence_count, per_block):
        yield law.draw(rng, min(per_block, sequence_count - first), day_count)


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """Tested days in unbroken stretches; the two days at the ends of a hole are no neighbours.

    Parameters
    ----------
    places : ndarray of intp, shape (day_count,)
        Place of each tested day on the line of all days, ascending from 0: neighbours differ
        by 1, a hole of h days is a step of h + 1.
    """

    places: IndexVector

    @classmethod
    def unbroken(cls, day_count: int) -> Self:
        """Return so many days without a hole."""
        return cls(np.arange(day_count, dtype=np.intp))

    @property
    def day_count(self) -> int:
        """Return the number of tested days."""
        return len(self.places)

    @property
    def is_broken(self) -> bool:
        """Return whether there is a hole."""
        return bool(self.places[-1] >= self.day_count)

    @property
    def slices(self) -> tuple[slice, ...]:
        """Return the tested days of each stretch, at least one day each."""
        edges = (np.flatnonzero(np.diff(self.places) > 1) + 1).tolist()
        return tuple(
            slice(first, last)
            for first, last in zip([0, *edges], [*edges, self.day_count], strict=True)
        )

    def law(self, law: HitLaw) -> HitLaw:
        """Return a law of breaches on the tested days, drawn on the whole line."""
        return _OnStretches(law, self) if self.is_broken else law


@dataclass(frozen=True, slots=True, eq=False)
class _OnStretches:
    """Breaches of a law on tested days: the days of a hole happen, and nobody looks at them."""

    law: HitLaw
    stretches: Stretches

    def draw(self, rng: np.random.Generator, sequence_count: int, day_count: int) -> BoolMatrix:
        """Return hits, shape (sequence_count, day_count)."""
        assert day_count == self.stretches.day_count, day_count
        places = self.stretches.places
        line = self.law.draw(rng, sequence_count, int(places[-1]) + 1)
        return np.ascontiguousarray(line[:, places])


def stretches_of(hits: BoolMatrix, stretches: Stretches | None) -> tuple[BoolMatrix, ...]:
    """Return the columns of each unbroken stretch; all of them where no stretches are given."""
    if stretches is None:
        return (hits,)
    return tuple(hits[:, part] for part in stretches.slices)


def as_matrix(hits: BoolVector | BoolMatrix) -> BoolMatrix:
    """Return one sequence, or many, as a hit matrix."""
    matrix = np.atleast_2d(np.asarray(hits, dtype=np.bool_))
    assert matrix.shape[1] >= 1, "a sequence without a day"
    return matrix


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """Times between breaches, of all sequences one after the other.

    Parameters
    ----------
    sequence : ndarray of intp, shape (gap_count,)
        The row that each gap belongs to, ascending.
    days : ndarray of float64, shape (gap_count,)
        The first gap of a sequence is the day of its first breach, counted from 1; the
        others are the days from one breach to the next. Each stretch begins like a sequence.
    """

    sequence: IndexVector
    days: Float64Vector


def gaps(hits: BoolMatrix, stretches: Stretches | None = None) -> Gaps:
    """Return the times until the first breach and between breaches.

    Parameters
    ----------
    hits : ndarray of bool, shape (sequence_count, day_count)
        True is a breach.
    stretches : Stretches, optional
        Of the days; without them there is no hole.
    """
    waits = [_gaps(part) for part in stretches_of(hits, stretches)]
    if len(waits) == 1:
        return waits[0]
    sequence = np.concatenate([part.sequence for part in waits])
    order = np.argsort(sequence, kind="stable")
    return Gaps(sequence[order], np.concatenate([part.days for part in waits])[order])


def _gaps(hits: BoolMatrix) -> Gaps:
    sequence, day = np.nonzero(hits)
    before = np.concatenate(([-1], day[:-1]))
    is_first = np.concatenate(([True], sequence[1:] != sequence[:-1]))[: len(day)]
    before = before[: len(day)]
    return Gaps(sequence, (day - np.where(is_first, -1, before)).astype(np.float64))
