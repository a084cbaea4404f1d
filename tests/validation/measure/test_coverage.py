"""Coverage: the vectorised algorithm equals the plain reading of its own laws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validation.measure.coverage import (
    NEVER,
    Coverage,
    Inputs,
    Observations,
    Watermarks,
    batch_floor,
    coverage,
    stage_durations,
)

KEYS = 3
PARTITIONS = 2


@dataclass(frozen=True)
class Sent:
    partition: int
    offset: int
    key: int
    intended_ns: int


@dataclass(frozen=True)
class Seen:
    received_ns: int
    portfolio: int
    version: tuple[int, int]
    offsets: tuple[int, ...]
    holding: frozenset[int]


def inputs_of(sent: list[Sent]) -> Inputs:
    columns = ("partition", "offset", "key", "intended_ns")
    return Inputs(
        **{
            name: np.array([getattr(tick, name) for tick in sent], dtype=np.int64)
            for name in columns
        }
    )


def observations_of(seen: list[Seen]) -> Observations:
    held = np.array(
        [[key in snapshot.holding for key in range(KEYS)] for snapshot in seen] or [[False] * KEYS]
    )
    received = np.array([snapshot.received_ns for snapshot in seen], dtype=np.int64)
    return Observations(
        received_ns=received,
        portfolio=np.array([snapshot.portfolio for snapshot in seen], dtype=np.int64),
        holding=np.arange(len(seen)),
        version=np.array([snapshot.version for snapshot in seen], dtype=np.int64).reshape(-1, 2),
        offsets=np.array([snapshot.offsets for snapshot in seen], dtype=np.int64).reshape(
            -1, PARTITIONS
        ),
        stages_ns=np.stack([received - back for back in (50, 40, 30, 20, 10)], axis=1),
        held=held,
    )


def watermarks_of(seen: list[tuple[int, tuple[int, ...]]]) -> Watermarks:
    return Watermarks(
        np.array([when for when, _ in seen], dtype=np.int64),
        np.array([offsets for _, offsets in seen], dtype=np.int64).reshape(-1, PARTITIONS),
    )


def plain_coverage(
    sent: list[Sent], seen: list[Seen], marks: list[tuple[int, tuple[int, ...]]]
) -> list[tuple[int, int]]:
    """Return (holder count, covered_ns) per message by walking the history, message by message."""
    return [plain_one(tick, seen, marks) for tick in sent]


def plain_one(
    tick: Sent, seen: list[Seen], marks: list[tuple[int, tuple[int, ...]]]
) -> tuple[int, int]:
    moments = [
        moment
        for portfolio in {entry.portfolio for entry in seen}
        if (moment := plain_moment(tick, portfolio, seen)) is not None
    ]
    if moments:
        return len(moments), NEVER if NEVER in moments else max(moments)
    for when, offsets in marks:
        if offsets[tick.partition] > tick.offset:
            return 0, when
    return 0, NEVER


def plain_moment(tick: Sent, portfolio: int, seen: list[Seen]) -> int | None:
    before: frozenset[int] = frozenset()
    for entry in seen:
        if entry.portfolio != portfolio:
            continue
        if entry.offsets[tick.partition] > tick.offset:
            earlier = [
                other.offsets[tick.partition] for other in seen if other.version < entry.version
            ]
            shares_batch = tick.offset >= max([0, *earlier])
            concerned = tick.key in before or (tick.key in entry.holding and shares_batch)
            return entry.received_ns if concerned else None
        before = entry.holding
    return NEVER if tick.key in before else None


holdings = st.frozensets(st.integers(0, KEYS - 1))
vectors = st.tuples(*[st.integers(0, 8)] * PARTITIONS)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Sent], list[Seen], list[tuple[int, tuple[int, ...]]]]:
    sent = draw(
        st.lists(
            st.builds(
                Sent,
                partition=st.integers(0, PARTITIONS - 1),
                offset=st.integers(0, 9),
                key=st.integers(0, KEYS - 1),
                intended_ns=st.integers(0, 50),
            ),
            max_size=12,
        )
    )
    seen = draw(
        st.lists(
            st.builds(
                Seen,
                received_ns=st.integers(100, 200),
                portfolio=st.integers(0, 2),
                version=st.tuples(st.integers(1, 2), st.integers(0, 4)),
                offsets=vectors,
                holding=holdings,
            ),
            max_size=14,
        )
    )
    marks = draw(st.lists(st.tuples(st.integers(100, 200), vectors), max_size=6))
    return (
        sent,
        sorted(seen, key=lambda snapshot: snapshot.received_ns),
        sorted(marks, key=lambda mark: mark[0]),
    )


@given(histories())
@settings(max_examples=400, deadline=None)
def test_the_fast_algorithm_equals_the_plain_one(history) -> None:
    sent, seen, marks = history
    covered = coverage(inputs_of(sent), observations_of(seen), watermarks_of(marks))
    fast = list(zip(covered.holder_count.tolist(), covered.covered_ns.tolist(), strict=True))
    assert fast == plain_coverage(sent, seen, marks)


@given(histories())
@settings(max_examples=200, deadline=None)
def test_stages_add_up_to_the_latency_of_each_message(history) -> None:
    sent, seen, marks = history
    inputs, observations = inputs_of(sent), observations_of(seen)
    covered = coverage(inputs, observations, watermarks_of(marks))
    done = covered.completed_by != NEVER
    totals = stage_durations(inputs, observations, covered).sum(axis=1)
    np.testing.assert_array_equal(totals[done], (covered.covered_ns - inputs.intended_ns)[done])
    assert not totals[~done].any()


def one_tick(*, key: int = 0, offset: int = 5) -> list[Sent]:
    return [Sent(partition=0, offset=offset, key=key, intended_ns=10)]


def judged(sent: list[Sent], seen: list[Seen]) -> Coverage:
    return coverage(inputs_of(sent), observations_of(seen), watermarks_of([(999, (9, 9))]))


HOLDS_0 = frozenset({0})


def test_a_tick_waits_for_the_slowest_portfolio_that_holds_it() -> None:
    seen = [
        Seen(100, 0, (1, 0), (0, 0), HOLDS_0),
        Seen(101, 1, (1, 0), (0, 0), HOLDS_0),
        Seen(200, 0, (1, 1), (6, 0), HOLDS_0),
        Seen(300, 1, (1, 2), (7, 0), HOLDS_0),
    ]
    covered = judged(one_tick(), seen)
    assert (covered.holder_count[0], covered.covered_ns[0], covered.completed_by[0]) == (2, 300, 3)


def test_conflation_does_not_hide_a_tick() -> None:
    seen = [
        Seen(100, 0, (1, 0), (0, 0), HOLDS_0),
        Seen(900, 0, (1, 50), (9, 0), HOLDS_0),
    ]
    covered = judged([*one_tick(offset=1), *one_tick(offset=8)], seen)
    assert covered.covered_ns.tolist() == [900, 900]


def test_a_portfolio_that_stops_leaves_the_tick_uncovered() -> None:
    seen = [
        Seen(100, 0, (1, 0), (0, 0), HOLDS_0),
        Seen(101, 1, (1, 0), (0, 0), HOLDS_0),
        Seen(200, 0, (1, 1), (6, 0), HOLDS_0),
    ]
    covered = judged(one_tick(), seen)
    assert (covered.holder_count[0], covered.covered_ns[0]) == (2, NEVER)


def test_a_tick_long_before_a_purchase_is_not_charged_to_the_buyer() -> None:
    seen = [
        Seen(100, 0, (1, 0), (0, 0), HOLDS_0),
        Seen(100, 1, (1, 0), (0, 0), frozenset()),
        Seen(200, 0, (1, 1), (6, 0), HOLDS_0),
        Seen(900, 1, (1, 9), (9, 0), HOLDS_0),
    ]
    covered = judged(one_tick(), seen)
    assert (covered.holder_count[0], covered.covered_ns[0]) == (1, 200)


def test_a_tick_in_the_batch_of_a_purchase_is_charged_to_the_buyer() -> None:
    seen = [
        Seen(100, 1, (1, 0), (0, 0), frozenset()),
        Seen(250, 1, (1, 1), (6, 0), HOLDS_0),
    ]
    covered = judged(one_tick(), seen)
    assert (covered.holder_count[0], covered.covered_ns[0]) == (1, 250)


def test_a_tick_that_nobody_holds_is_covered_by_the_watermark_and_counted_apart() -> None:
    covered = judged(one_tick(key=2), [Seen(100, 0, (1, 0), (9, 9), HOLDS_0)])
    assert (covered.holder_count[0], covered.covered_ns[0]) == (0, 999)
    assert covered.completed_by[0] == NEVER


def test_without_any_snapshot_nothing_is_covered_but_by_watermarks() -> None:
    covered = coverage(inputs_of(one_tick()), observations_of([]), watermarks_of([]))
    assert (covered.holder_count[0], covered.covered_ns[0]) == (0, NEVER)


def test_the_floor_of_a_batch_is_what_all_earlier_batches_covered() -> None:
    seen = [
        Seen(100, 0, (1, 0), (3, 1), HOLDS_0),
        Seen(101, 1, (1, 0), (2, 2), HOLDS_0),
        Seen(102, 1, (1, 1), (4, 4), HOLDS_0),
        Seen(103, 0, (2, 0), (5, 5), HOLDS_0),
    ]
    floor = batch_floor(observations_of(seen))
    assert floor.tolist() == [[0, 0], [0, 0], [3, 2], [4, 4]]


@given(histories())
@settings(max_examples=100, deadline=None)
def test_a_message_is_covered_when_the_last_of_its_portfolios_alone_has_covered_it(history) -> None:
    sent, seen, marks = history
    arrays = inputs_of(sent), observations_of(seen), watermarks_of(marks)
    whole = coverage(*arrays)
    names = sorted({snapshot.portfolio for snapshot in seen})
    alone = [coverage(*arrays, portfolio=name) for name in names]
    for index in range(len(sent)):
        held = [result.covered_ns[index] for result in alone if result.holder_count[index]]
        assert whole.holder_count[index] == len(held)
        if held:
            assert whole.covered_ns[index] == (NEVER if NEVER in held else max(held))


@pytest.mark.parametrize("received", [150, 250])
def test_the_first_covering_snapshot_decides_not_a_later_one(received: int) -> None:
    seen = [
        Seen(100, 0, (1, 0), (0, 0), HOLDS_0),
        Seen(received, 0, (1, 1), (6, 0), HOLDS_0),
        Seen(400, 0, (1, 2), (7, 0), HOLDS_0),
    ]
    assert judged(one_tick(), seen).covered_ns.tolist() == [received]
